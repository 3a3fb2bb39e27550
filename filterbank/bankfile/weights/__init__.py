"""Weights files: safetensors, npz, npy and ONNX as named tensors, one opened by its name's ending.

None of them can run code: a pickle is never opened.
"""
