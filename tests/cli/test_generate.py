"""``filterbank generate``: every family as a file, its parameters as options."""

from pathlib import Path

import pytest
import yaml
from running import filterbank

from filterbank import bankfile
from filterbank.bankfile.families import FAMILIES, KINS

NEEDED = {
    "box": ["--size", "3"],
    "binomial": ["--size", "3"],
    "disc": ["--radius", "2"],
    "gaussian": ["--sigma", "1.5"],
    "unsharp": ["--amount", "1", "--sigma", "1"],
    "motion": ["--length", "5"],
    "gaussian_derivative": ["--sigma", "1"],
    "jet": ["--sigma", "1"],
    "log": ["--sigma", "1"],
    "dog": ["--sigma", "1"],
    "gabor": ["--wavelength", "8"],
    "gabor_skimage": ["--frequency", "0.2"],
    "gabor_opencv": ["--size", "9", "--sigma", "2", "--lambd", "6"],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_entry_and_the_weights_are_the_same_bank(name):
    ended = filterbank("generate", name, *NEEDED.get(name, []), "-o", "made.yaml")
    assert "filterbank: made.yaml: " in ended.err
    filterbank("generate", name, *NEEDED.get(name, []), "-o", "long.yaml", "--expand", "--quiet")
    short, long = bankfile.check("made.yaml"), bankfile.check("long.yaml")
    assert short.faults == long.faults == ()
    assert short.bank.digest == long.bank.digest
    assert short.bank.name == "made"
    assert len(yaml.safe_load(Path("made.yaml").read_text("utf-8"))["filters"]) == 1
    assert "kernel:" not in Path("made.yaml").read_text("utf-8")


def test_the_text_is_what_one_would_write():
    out = filterbank("generate", "gabor", "--wavelength", "8", "--orientations", "6", "-o", "-").out.decode()
    lines = out.splitlines()
    assert lines[0] == "# Made by `filterbank generate gabor --wavelength 8 --orientations 6`."
    assert lines[1] == "name: gabor"
    assert 'source: "Daugman, J. Opt. Soc. Am. A 2:1160-1169, 1985"' in lines
    assert lines[-1] == "  - gabor: {wavelength: 8, orientations: 6}"


def test_expanded_rows_stand_on_one_line_each():
    out = filterbank("generate", "prewitt", "--normalize", "none", "--expand", "-o", "-").out.decode()
    assert out.endswith(
        "  - name: prewitt_y\n    kernel:\n      - [-1, -1, -1]\n      - [ 0,  0,  0]\n      - [ 1,  1,  1]\n"
    )


def test_planes_are_written_and_read():
    filterbank("generate", "random", "--channels", "3", "--filters", "2", "--expand", "-o", "r.yaml")
    assert bankfile.load("r.yaml").layer.weights.shape == (2, 3, 5, 5)


def test_the_seed_is_always_written():
    assert (
        "random: {filters: 2, seed: 0}"
        in filterbank("generate", "random", "--filters", "2", "-o", "-").out.decode()
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gabor", "-o", "x.yaml"], "Missing option '--wavelength'"),
        (["gabor", "--wavelength", "1", "-o", "x.yaml"], "found 1; accepted: a number 2 to 1023"),
        (["gabor", "--wavelength", "long", "-o", "x.yaml"], "found the text 'long'; accepted: a number 2"),
        (["gabor", "--wavelength", "8", "--sigma", "2", "--bandwidth", "1", "-o", "x.yaml"], "together"),
        (["gabr", "-o", "x.yaml"], "no family 'gabr'; did you mean 'gabor'?"),
        (["box", "--size", "3"], "Missing option '-o' / '--out'"),
        (["box", "--size", "3", "-o", "x.png"], "found a name ending in .png; accepted: .yaml or .yml"),
        (["box", "--size", "3", "-o", "x.yaml", "--name", "a b"], "--name a b: accepted: 1 to 64 of"),
        (["leung_malik", "--variant", "medium", "-o", "x.yaml"], "accepted: small or large"),
    ],
)
def test_what_is_wrong_is_told(words, said, tmp_path):
    assert said in filterbank("generate", *words, code=2).err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays():
    filterbank("generate", "box", "--size", "3", "-o", "b.yaml")
    before = Path("b.yaml").read_text("utf-8")
    assert "exists already" in filterbank("generate", "box", "--size", "5", "-o", "b.yaml", code=2).err
    filterbank("generate", "box", "--size", "5", "-o", "b.yaml", "--on-exists", "skip")
    assert Path("b.yaml").read_text("utf-8") == before
    filterbank("generate", "box", "--size", "5", "-o", "b.yaml", "--on-exists", "overwrite")
    assert Path("b.yaml").read_text("utf-8") != before


def test_help_lists_every_family_and_where_it_comes_from():
    out = filterbank("generate", "--help").out.decode()
    for name in FAMILIES:
        assert f"  {name} " in out
    assert all(f"{kin}:\n" in out for kin in KINS)
    told = filterbank("generate", "leung-malik", "--help").out.decode()
    assert "Source: Leung and Malik, Int. J. Computer Vision 43:29-44, 2001." in told
    assert "--variant [small|large]" in told


def test_every_module_of_families_has_its_kin():
    modules = [module for kin in KINS.values() for module in kin]
    assert sorted(modules) == sorted({family.module for family in FAMILIES.values()})
