import pytest

from filterbank import bankfile
from filterbank.errors import RequestError


@pytest.fixture
def warnings(tmp_path):
    def warnings_of(text):
        path = tmp_path / "bank.yaml"
        path.write_text(text)
        checked = bankfile.check(path)
        assert checked.faults == ()
        assert checked.bank is not None
        return [str(warning).removeprefix(f"{path}:") for warning in checked.warnings]

    return warnings_of


STATED = "operation: correlation\nnormalize: none\n"


def test_a_sum_that_almost_vanishes(warnings):
    (said,) = warnings(STATED + "filters:\n  - {name: a, kernel: [-0.33, 0.67, -0.33]}\n")
    assert said.startswith(
        "4:23: filter 'a': the weights sum to 0.01, which almost vanishes beside Σ|w| = 1.33;"
    )
    assert "write more digits, or normalize: zero_mean_l1" in said


@pytest.mark.parametrize("kernel", ["[-1, 2, -1]", "[-0.1, 0.3, -0.2]", "[1, 2, 1]", "[-1, 2, -0.9]"])
def test_a_sum_that_vanishes_or_does_not(warnings, kernel):
    assert warnings(STATED + f"filters: [{{name: a, kernel: {kernel}}}]") == []


def test_an_asymmetric_kernel_where_operation_is_not_stated(warnings):
    text = "filters:\n  - {name: a, kernel: [1, 2, 1]}\n  - {name: b, kernel: [-2, 0, 2]}\n"
    (said,) = warnings(text)
    assert said == (
        "3:23: filter 'b': the kernel is not symmetric and operation is not stated; "
        "operation: correlation is assumed; convolution would turn it by 180°; say which is meant"
    )
    assert warnings("operation: convolution\n" + text) == []
    assert warnings("filters: [{laws: {}}]\nnormalize: none") == []


def test_unequal_l1(warnings):
    text = "operation: correlation\nfilters: [{name: a, kernel: [1, 1]}, {name: b, kernel: [1, 2]}]\n"
    (said,) = warnings(text)
    assert said.startswith(
        "2:10: filters: Σ|w| differs: 2 for 'a', 3 for 'b'; normalize: l1 makes the maps comparable"
    )
    assert warnings(text + "normalize: l1\n") == []
    assert warnings(text + "normalize: none\n") == []
    assert warnings(text.replace("[1, 2]", "[1, 1.001]")) == []


def test_a_padding_value_that_does_nothing(warnings):
    text = "padding_value: 1\nfilters: [{name: a, kernel: [[1]]}]\n"
    assert warnings(text) == [
        "1:16: padding_value: has no effect with padding_mode zeros; say padding_mode: constant"
    ]
    assert warnings("padding_mode: constant\n" + text) == []


def test_warnings_stand_in_the_order_of_the_file(warnings):
    found = warnings(
        "filters:\n  - {name: a, kernel: [1, 0]}\n  - {name: b, kernel: [-1, 1.001]}\npadding_value: 2\n"
    )
    assert [line.split(":")[0] for line in found] == ["2", "2", "3", "4"]


def test_faults_and_what_is_not_there(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text("stride: 0\nfilters: []\n")
    checked = bankfile.check(path)
    assert checked.bank is None
    assert len(checked.faults) == 2
    assert checked.warnings == ()
    with pytest.raises(RequestError, match="no such file"):
        bankfile.check(tmp_path / "none.yaml")
