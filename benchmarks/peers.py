"""Other libraries, each at its best: memory made beforehand and outputs reused where they allow it.

Every function returns {name: (run, result)}: ``run()`` is what is timed, ``result()`` gives the maps
(K, H2, W2) of the last run. A library that is not installed, or cannot do a layer, is left out.
"""

import contextlib

import numpy as np


def peers(work, threads):
    """Return every peer for a workload, each using so many threads."""
    found = {}
    for make in (_torch, _torch_fft, _onnxruntime, _opencv):
        with contextlib.suppress(ImportError):
            found |= make(work, threads)
    return found


def _torch(work, threads):
    import torch

    torch.set_num_threads(threads)
    g = work.geometry
    weights = torch.from_numpy(work.weights.astype(np.float32))
    planes = torch.from_numpy(work.planes)[None]
    how = {"stride": g.stride, "padding": g.padding[:2], "dilation": g.dilation}

    def prepared(x, w):
        kept = []

        def run():
            with torch.inference_mode():
                kept[:] = [torch.nn.functional.conv2d(x, w, **how)]

        return run, lambda: kept[0][0].contiguous().numpy()

    last = {"memory_format": torch.channels_last}
    return {
        "torch": prepared(planes, weights),
        "torch channels_last": prepared(planes.to(**last), weights.to(**last)),
    }


def _torch_fft(work, threads):
    """What a user who knows the theorem writes: whole-image real transforms, filters eight at a time."""
    g = work.geometry
    if work.weights.shape[2] < 15 or g.stride != (1, 1) or g.dilation != (1, 1):
        return {}
    import torch
    from scipy.fft import next_fast_len

    torch.set_num_threads(threads)
    top, left = g.padding[:2]
    size = [next_fast_len(n + f - 1, real=True) for n, f in zip((g.height, g.width), g.kernel, strict=True)]
    planes = torch.from_numpy(work.planes)
    weights = torch.from_numpy(work.weights.astype(np.float32))
    spectra = (
        torch.fft.rfft2(weights, s=size).conj() if weights.shape[0] * size[0] * size[1] < 2**27 else None
    )
    out = torch.empty((g.filters, g.out_height, g.out_width))

    def run():
        with torch.inference_mode():
            image = torch.fft.rfft2(planes, s=size)
            for k in range(0, g.filters, 8):
                part = slice(k, k + 8)
                bank = torch.fft.rfft2(weights[part], s=size).conj() if spectra is None else spectra[part]
                maps = torch.fft.irfft2((image[None] * bank).sum(1), s=size)
                maps = torch.roll(maps, (top, left), (1, 2))
                out[part] = maps[:, : g.out_height, : g.out_width]

    return {"torch.fft": (run, out.numpy)}


def _onnxruntime(work, threads):
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    onnxruntime.set_default_logger_severity(3)
    g = work.geometry
    how = {"pads": list(g.padding), "strides": list(g.stride), "dilations": list(g.dilation)}
    shapes = ("x", [1, g.channels, g.height, g.width]), ("y", [1, g.filters, g.out_height, g.out_width])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes)
    weights = numpy_helper.from_array(work.weights.astype(np.float32), "w")
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"], **how)], "g", [x], [y], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Idle threads that spin would slow down whoever is timed next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    out = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty(shapes[1][1], np.float32))
    binding = session.io_binding()
    binding.bind_cpu_input("x", work.planes[None])
    binding.bind_ortvalue_output("y", out)
    return {"onnxruntime": (lambda: session.run_with_iobinding(binding), lambda: out.numpy()[0])}


def _opencv(work, threads):
    import cv2

    cv2.setNumThreads(threads)
    g = work.geometry
    if g.stride != (1, 1) or g.channels > 3:
        return {}
    bank = np.zeros(
        (*work.weights.shape[:2], *(d * (f - 1) + 1 for f, d in zip(g.kernel, g.dilation, strict=True)))
    )
    bank[:, :, :: g.dilation[0], :: g.dilation[1]] = work.weights
    bank = bank.astype(np.float32)
    maps = np.empty((g.filters, g.out_height, g.out_width), np.float32)
    spare = np.empty_like(maps[0])
    border = cv2.BORDER_CONSTANT

    def run():
        for k, out in enumerate(maps):
            cv2.filter2D(work.planes[0], cv2.CV_32F, bank[k, 0], dst=out, borderType=border)
            for c in range(1, g.channels):
                cv2.filter2D(work.planes[c], cv2.CV_32F, bank[k, c], dst=spare, borderType=border)
                cv2.add(out, spare, dst=out)

    found = {"cv2.filter2D": (run, lambda: maps)}
    if work.name == "W6":
        line = np.sqrt(np.diag(bank[0, 0])).astype(np.float32)

        def separable():
            cv2.sepFilter2D(work.planes[0], cv2.CV_32F, line, line, dst=maps[0], borderType=border)

        codes = np.ascontiguousarray(work.codes[..., 0])
        blurred = np.empty_like(codes)

        def gaussian():
            cv2.GaussianBlur(codes, (5, 5), 1.1, dst=blurred, borderType=border)

        found["cv2.sepFilter2D"] = separable, lambda: maps
        found["cv2.GaussianBlur 8-bit"] = gaussian, lambda: blurred[None]
    return found
