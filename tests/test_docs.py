"""The documents are true: commands documented, examples run, generated parts fresh, links alive."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from filterbank import bankfile
from filterbank.cli.main import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
GENERATED = [page for page in PAGES if "[[[cog" in page.read_text("utf-8")]


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced code blocks of *language*."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures, code left out."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"`[^`\n]*`", "", prose)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings make."""
    titles = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def dead_links(page: Path) -> list[str]:
    """Return the relative links of *page* that lead nowhere."""
    dead = []
    for link in links(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = page if not target else page.parent / target
        if not path.exists() or (
            anchor and path.suffix == ".md" and anchor not in anchors(path.read_text("utf-8"))
        ):
            dead.append(link)
    return dead


def run(arguments: list[str]) -> str:
    """Run the command line; return what it printed, or fail with it."""
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, f"filterbank {shlex.join(arguments)}\n{result.output}"
    return result.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One thing\n[here](#one-thing) [a](gone.md) [b](page.md#nowhere) [c](https://example.org)\n"
    )
    assert dead_links(page) == ["gone.md", "page.md#nowhere"]


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    listed = {(DOCS / link).resolve() for link in links(index)}
    assert [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and page not in listed] == []


def test_decisions_are_numbered_and_listed() -> None:
    folder = DOCS / "decisions"
    names = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert [link for link in links((folder / "README.md").read_text("utf-8")) if link[0].isdigit()] == names


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert f"| `filterbank {name}` |" in README
    assert f"\n## {name}\n" in (DOCS / "commands.md").read_text("utf-8")


def test_generated_parts_are_up_to_date() -> None:
    assert GENERATED
    command = [sys.executable, "-m", "cogapp", "--check", "-I", str(DOCS), *map(str, GENERATED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nrun: make docs"


def test_the_first_block_is_the_two_lines() -> None:
    main, tests = blocks(README, "[a-z]*")[0].splitlines()
    assert main.startswith("python3 -m venv .venv && .venv/bin/pip install -q . && ")
    assert ".venv/bin/filterbank apply sample_images -b sobel -o maps" in main
    assert tests == (
        "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/python -m pytest"
    )


def test_the_bank_of_the_readme_is_faultless(tmp_path: Path) -> None:
    (text,) = blocks(README, "yaml")
    path = tmp_path / "soft_edges.yaml"
    path.write_text(text, "utf-8")
    assert bankfile.check(path).warnings == ()
    bank = bankfile.load(path)
    assert bank.name == "soft_edges"
    assert bank.layer.names == ("smooth", "edge_x", "edge_y")


def test_the_console_lines_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "soft_edges.yaml").write_text(blocks(README, "yaml")[0], "utf-8")
    (tmp_path / "sample_images").mkdir()
    for picture in sorted((ROOT / "sample_images").glob("*.png"))[:2]:
        shutil.copy(picture, tmp_path / "sample_images")
    monkeypatch.chdir(tmp_path)
    lines = [
        line.removeprefix("$ ") for line in blocks(README, "console")[1].splitlines() if line.startswith("$ ")
    ]
    assert len(lines) >= 4
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "filterbank"
        arguments = [
            str(found) for word in words for found in (sorted(Path().glob(word)) if "*" in word else [word])
        ]
        run(arguments)
    assert (tmp_path / "sheet.png").stat().st_size > 0
    assert len(list((tmp_path / "soft").rglob("*.png"))) == 6


@pytest.mark.parametrize("page", ["README.md", "docs/conventions.md", "docs/formats.md", "docs/values.md"])
def test_the_python_examples_run(page: str, tmp_path: Path) -> None:
    for index, code in enumerate(blocks((ROOT / page).read_text("utf-8"), "python")):
        script = tmp_path / f"example_{index}.py"
        script.write_text(code, "utf-8")
        done = subprocess.run(
            [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{code}\n{done.stderr}"


@pytest.mark.parametrize("name", bankfile.shipped())
def test_the_gallery_shows_the_banks_as_they_are(name: str) -> None:
    path = DOCS / "pictures" / "banks" / f"{name}.png"
    with Image.open(path) as sheet:
        assert sheet.info["digest"] == bankfile.load(name).digest, "run: make pictures"
        assert 500 <= sheet.width <= 900
    assert path.stat().st_size < 150_000
    assert f"](pictures/banks/{name}.png)" in (DOCS / "gallery.md").read_text("utf-8")


def test_the_gallery_has_no_other_pictures() -> None:
    assert sorted(path.stem for path in (DOCS / "pictures" / "banks").iterdir()) == bankfile.shipped()


def test_the_pictures_are_small() -> None:
    pictures = sorted(path for path in (DOCS / "pictures").rglob("*") if path.is_file())
    assert pictures
    assert {picture.name for picture in pictures if picture.stat().st_size > 300_000} == set()


def test_promises_name_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (DOCS / "reliability.md").read_text("utf-8"))
    assert len(named) > 30
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    ]
    assert missing == []
