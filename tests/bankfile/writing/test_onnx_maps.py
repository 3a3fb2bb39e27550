"""A model that was written gives, in other hands, the maps of the bank."""

import pytest
from onnx_models import RNG, agree, onnx, reference, runtime

import filterbank
from filterbank import bankfile
from filterbank.bankfile.writing import encode
from filterbank.errors import RequestError
from filterbank.model import ACTIVATIONS, Bank, Filter, Layer, Stack


def bank_of(settings):
    filters = tuple(Filter(f"f{k}", RNG.normal(size=(2, 3, 4)), k / 3) for k in range(4))
    layer = Layer(filters, groups=2)
    options = {key: str(value) for key, value in settings.items()}
    return bankfile.override(Bank("net", Stack((layer,)), 4), options)


CASES = {
    "plain": {},
    "stride": {"stride": [2, 3], "padding": [0, 1, 2, 3]},
    "same, strided": {"stride": 2},
    "same, dilated": {"dilation": [2, 3]},
    "valid": {"padding": "valid", "dilation": 2},
    **{mode: {"padding_mode": mode} for mode in ("reflect", "replicate", "circular")},
    "reflect, dilated": {"padding_mode": "reflect", "dilation": [2, 1], "activation": "gelu"},
    "replicate, strided": {"padding_mode": "replicate", "padding": [3, 1, 0, 2], "stride": 2},
    "constant": {"padding_mode": "constant", "padding_value": -0.3},
    **{name: {"activation": name} for name in ACTIVATIONS},
    "leaky_relu 0.1": {"activation": "{leaky_relu: {slope: 0.1}}"},
    "clip -1 to 0.3": {"activation": "{clip: {min: -1, max: 0.3}}"},
}


@pytest.mark.parametrize("witness", [reference, runtime], ids=["reference", "runtime"])
@pytest.mark.parametrize("case", CASES)
def test_maps_of_the_model_are_those_of_the_bank(case, witness):
    bank = bank_of(CASES[case])
    model = onnx.ModelProto.FromString(encode(bank, "onnx"))
    onnx.checker.check_model(model, full_check=True)
    x = RNG.uniform(size=(1, 4, 21, 18)).astype("f4")
    ours = filterbank.apply(x[0], bank)
    assert agree(ours, witness(model, x))


EXPORTED = [name for name in bankfile.shipped() if not bankfile.load(name).layer.combine]


# The largest kernels take seconds in other hands.
LARGE = [name for name in EXPORTED if bankfile.load(name).layer.kernel[0] > 60]
SHIPPED = [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in EXPORTED]


@pytest.mark.parametrize("witness", [reference, runtime], ids=["reference", "runtime"])
@pytest.mark.parametrize("name", SHIPPED)
def test_maps_of_a_shipped_bank_are_those_of_its_model(name, witness):
    bank = bankfile.load(name)
    model = onnx.ModelProto.FromString(encode(bank, "onnx"))
    x = RNG.uniform(size=(1, bank.channels, 61, 57)).astype("f4")
    ours = filterbank.apply(x[0], bank)
    assert agree(ours, witness(model, x))


def test_shipped_banks_without_combinations_are_exported_and_others_say_why():
    assert len(EXPORTED) > 30
    for name in set(bankfile.shipped()) - set(EXPORTED):
        with pytest.raises(RequestError, match=f"bank '{name}': ONNX has no place for combine; accepted"):
            encode(bankfile.load(name), "onnx")


def test_weights_that_float32_holds_are_stored_so():
    model = onnx.ModelProto.FromString(
        encode(bankfile.override(bankfile.load("sobel"), {"padding": "valid"}), "onnx")
    )
    assert [node.op_type for node in model.graph.node] == ["Conv"]
    assert {each.data_type for each in model.graph.initializer} == {onnx.TensorProto.FLOAT}
    bank = bank_of({})
    model = onnx.ModelProto.FromString(encode(bank, "onnx"))
    assert [node.op_type for node in model.graph.node] == ["Cast", "Cast", "Conv"]
    stored = model.graph.initializer[0]
    assert stored.raw_data == bank.layer.weights.tobytes()
