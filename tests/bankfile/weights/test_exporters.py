"""Models as PyTorch's exporter writes them, run by the program and by onnxruntime."""

import io
import warnings

import pytest
from onnx_models import agree, applied, onnx, runtime

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

from torch import nn  # noqa: E402


def normalized(count, kind=nn.BatchNorm2d):
    """Return a normalization that has seen something."""
    layer = kind(count)
    with torch.no_grad():
        for values in (layer.weight, layer.bias, layer.running_mean):
            values.copy_(torch.randn(count))
        layer.running_var.copy_(torch.rand(count) + 0.1)
    return layer


def networks():
    torch.manual_seed(3)
    return {
        "plain": nn.Conv2d(3, 4, 3),
        "strided": nn.Conv2d(3, 4, 5, stride=(2, 3), padding=(2, 1)),
        "dilated": nn.Conv2d(3, 4, 3, dilation=(2, 3), padding=4),
        "grouped": nn.Conv2d(4, 6, 3, groups=2, padding=1, bias=False),
        "depthwise": nn.Conv2d(3, 3, 3, groups=3),
        "same": nn.Conv2d(3, 4, 5, padding="same"),
        "same, even": nn.Conv2d(3, 4, 4, padding="same"),
        "asymmetric": nn.Sequential(nn.ZeroPad2d((1, 2, 0, 3)), nn.Conv2d(3, 4, 3)),
        "a value around": nn.Sequential(nn.ConstantPad2d((1, 2, 0, 3), 0.4), nn.Conv2d(3, 4, 3)),
        **{
            mode: nn.Conv2d(3, 4, 3, padding=1, padding_mode=mode)
            for mode in ("reflect", "replicate", "circular")
        },
        "normalized": nn.Sequential(nn.Conv2d(3, 4, 3), normalized(4), nn.ReLU()),
        **{
            type(each).__name__: nn.Sequential(nn.Conv2d(3, 4, 3), each)
            for each in (
                *(nn.LeakyReLU(0.2), nn.ReLU6(), nn.GELU(), nn.SiLU(), nn.ELU(0.5), nn.Softplus()),
                *(nn.Hardsigmoid(), nn.Sigmoid(), nn.Tanh()),
            )
        },
        "signal": nn.Conv1d(2, 4, 7, stride=2, padding=3, dilation=2),
        "chain": nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2, padding=2, bias=False),
            normalized(8),
            nn.ReLU(),
            nn.Dropout(),
            nn.Conv2d(8, 8, 3, groups=2, padding=1, padding_mode="replicate"),
            nn.SiLU(),
            nn.Conv2d(8, 2, 1),
        ),
        "chain of signals": nn.Sequential(
            *(nn.Conv1d(2, 4, 5), normalized(4, nn.BatchNorm1d), nn.Tanh(), nn.Conv1d(4, 3, 4, stride=2))
        ),
    }


def exported(network, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.onnx.export(network.eval(), (x,), dynamo=True, verbose=False).model_proto


def traced(network, x):
    """Return the model as the exporter wrote it before PyTorch 2.5, which works out what a Pad needs."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.eval(), (x,), stream, dynamo=False)
    return onnx.ModelProto.FromString(stream.getvalue())


def taken(network):
    """Return something that *network* takes."""
    first = next(each for each in network.modules() if isinstance(each, (nn.Conv1d, nn.Conv2d)))
    return torch.rand(1, first.in_channels, *((60,) if isinstance(first, nn.Conv1d) else (23, 31)))


# It writes these as slices of the image put side by side.
CUT = ("circular",)


@pytest.mark.parametrize("export", [exported, traced], ids=["exported", "traced"])
@pytest.mark.parametrize("name", networks())
def test_maps_are_those_of_the_network(name, export, tmp_path):
    if export is traced and name in CUT:
        pytest.skip("no Pad is written")
    network = networks()[name]
    x = taken(network)
    proto = export(network, x)
    onnx.save(proto, tmp_path / "net.onnx")
    image = (x if x.ndim == 4 else x[:, :, None])[0].numpy()
    ours = applied(tmp_path / "net.onnx", image, tmp_path)
    theirs = runtime(proto, x.numpy())
    assert agree(ours, theirs.reshape(ours.shape))
    with torch.no_grad():
        assert agree(ours, network.eval()(x)[0].numpy().reshape(ours.shape))


def test_half_precision(tmp_path):
    torch.manual_seed(4)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).half()
    x = torch.rand(1, 3, 15, 17)
    onnx.save(exported(network, x.half()), tmp_path / "net.onnx")
    ours = applied(tmp_path / "net.onnx", x[0].numpy(), tmp_path)
    # Its weights are those of half precision, its sums are computed in float32.
    with torch.no_grad():
        assert agree(ours, network.float()(x)[0].numpy())
