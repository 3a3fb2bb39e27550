"""Images and maps in stores: S3 for real on loopback, memory for the rest."""

from __future__ import annotations

import base64
import http.server
import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import files, filterbank, noise, save, without_seconds

pytest.importorskip("s3fs", reason="needs the extra test-cluster")
pytest.importorskip("moto.server", reason="needs the extra test-cluster")

import fsspec
from dask_processes import dask_processes

from filterbank.batch import places
from filterbank.errors import ImageError

PROGRAM = "from filterbank.cli.main import main; main()"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """A bucket ``store`` of an S3 server on loopback, which the environment tells of."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).items():
            patch.setenv(name, value)
        fs = fsspec.filesystem("s3", use_listings_cache=False)
        fs.mkdir("store")
        yield fs
    type(fs).clear_instance_cache()
    server.stop()


@pytest.fixture
def bucket(store: Any) -> Iterator[Any]:
    yield store
    for path in store.find("store"):
        store.rm_file(path)


@pytest.fixture
def memory() -> Iterator[Any]:
    fs = fsspec.filesystem("memory")
    yield fs
    fs.store.clear()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_images(count: int, size: int = 40) -> None:
    for number in range(count):
        save(f"in/{number}.png", noise(size, size + number % 3, seed=number))


def fetched(fs: Any, url: str) -> dict[str, bytes]:
    """Bring all objects below *url* into ``got``; return the maps."""
    root = url.partition("://")[2].rstrip("/")
    for path in fs.find(root):
        name = path.lstrip("/").removeprefix(root).lstrip("/")
        Path("got", name).parent.mkdir(parents=True, exist_ok=True)
        Path("got", name).write_bytes(fs.cat_file(path))
    return {name: data for name, data in files(Path("got")).items() if not name.startswith("manifest.runs/")}


def lines(folder: str) -> list[dict[str, Any]]:
    """The manifest's lines, the input's folder taken away."""
    return [line | {"input": Path(line["input"]).name} for line in without_seconds(folder)]


def test_from_s3_to_s3_is_as_from_disk_to_disk(bucket: Any) -> None:
    make_images(4)
    save("in/deep/er/colour.png", noise(30, 30, 3))
    Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    Path("in/.hidden.png").write_bytes(b"")
    Path("in/notes.txt").write_bytes(b"none")
    bucket.put("in", "store/scans", recursive=True)
    Path("in/.hidden.png").unlink()
    alone = filterbank("apply", "in", "-b", "sobel", "-o", "alone", "--json", code=1)
    told = filterbank("apply", "s3://store/scans/", "-b", "sobel", "-o", "s3://store/maps", "--json", code=1)
    assert fetched(bucket, "s3://store/maps") == files(Path("alone"))
    assert lines("got") == lines("alone")
    assert told.err.replace("s3://store/scans/", "in/").split(" maps")[0] == alone.err.split(" maps")[0]
    assert {line["input"].replace("s3://store/scans/", "in/") for line in told.json} == {
        line["input"] for line in alone.json
    }
    # One object a run beside the manifest of all; nothing is left of single images.
    runs = [path for path in bucket.find("store/maps") if "manifest.runs" in path]
    assert len(runs) == 1
    assert runs[0].endswith(".jsonl")


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("s3://store/in/*.png", ["0", "1", "2"]),
        ("s3://store/in/[01].png", ["0", "1"]),
        ("s3://store/in/**/*.png", ["0", "1", "2", "a/3", "a/b/4"]),
        ("s3://store/in/a*", ["a/3", "a/b/4"]),
        ("s3://store/in/a", ["3", "b/4"]),
        ("s3://store/in/1.png", ["1"]),
    ],
)
def test_folders_and_globs(bucket: Any, argument: str, names: list[str]) -> None:
    for name in ("0", "1", "2", "a/3", "a/b/4"):
        save(f"in/{name}.png", noise(10, 10))
    bucket.put("in", "store/in", recursive=True)
    filterbank("apply", argument, "-b", "sobel", "--filter", "sobel_x", "-o", "maps")
    assert sorted(files(Path("maps"))) == sorted(f"{name}/sobel_x.png" for name in names)


def test_lists_of_urls_and_maps_below_their_images(bucket: Any) -> None:
    make_images(3)
    bucket.put("in", "store/in", recursive=True)
    bucket.pipe_file("store/list.txt", b"s3://store/in/2.png\nin/0.png\ns3://store/in/[no glob].png\n")
    arguments = ["-b", "sobel", "-o", "s3://store/in/maps"]
    ended = filterbank("apply", "--files-from", "s3://store/list.txt", *arguments, code=1)
    assert "s3://store/in/[no glob].png: no such object" in ended.err
    assert {name.partition("/")[0] for name in fetched(bucket, "s3://store/in/maps")} == {"0", "2"}
    ended = filterbank("apply", "s3://store/in", *arguments, "--on-exists", "overwrite", "--json")
    assert sorted(Path(line["input"]).name for line in ended.json) == ["0.png", "1.png", "2.png"]


@pytest.mark.slow
def test_killed_and_resumed(bucket: Any) -> None:
    make_images(16, 60)
    filterbank("apply", "in", "-b", "kirsch", "-o", "alone")
    bucket.put("in", "store/in", recursive=True)
    arguments = ["apply", "s3://store/in", "-b", "kirsch", "-o", "s3://store/maps", "-j", "2"]
    for stop in (2, 5):
        resume = ["--resume"] if stop == 5 else []
        command = [sys.executable, "-uc", PROGRAM, *arguments, "--json", *resume]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(stop):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    refused = filterbank(*arguments, code=2).err
    assert " exists already; accepted: --on-exists skip or --on-exists overwrite, --resume, or " in refused
    ended = filterbank(*arguments, "--resume")
    assert ", 0 skipped" not in ended.err
    assert fetched(bucket, "s3://store/maps") == files(Path("alone"))
    assert lines("got") == lines("alone")
    assert " 16 skipped" in filterbank(*arguments, "--resume").err


def test_resume_does_again_what_is_stale(bucket: Any) -> None:
    make_images(5)
    arguments = ["apply", "in", "-b", "sobel", "-o", "s3://store/maps"]
    filterbank(*arguments)
    bucket.rm_file("store/maps/1/sobel_x.png")
    bucket.pipe_file("store/maps/2/sobel_y.png", bucket.cat_file("store/maps/2/sobel_y.png")[:-9])
    bucket.pipe_file("store/maps/3/sobel_x.png", bucket.cat_file("store/maps/3/sobel_y.png"))
    ended = filterbank(*arguments, "--resume", "--json")
    assert sorted(line["input"] for line in ended.json if "maps" in line) == [
        f"in/{n}.png" for n in (1, 2, 3)
    ]
    filterbank("apply", "in", "-b", "sobel", "-o", "alone")
    assert fetched(bucket, "s3://store/maps") == files(Path("alone"))
    assert lines("got") == lines("alone")


def test_shards_and_then_the_manifest_of_all(bucket: Any) -> None:
    make_images(5)
    arguments = ["apply", "in", "-b", "sobel", "-o", "s3://store/maps"]
    for part in (1, 2):
        filterbank(*arguments, "--shard", f"{part}/2")
    assert not bucket.exists("store/maps/manifest.jsonl")
    assert " 5 skipped" in filterbank(*arguments, "--resume").err
    filterbank("apply", "in", "-b", "sobel", "-o", "alone")
    assert fetched(bucket, "s3://store/maps") == files(Path("alone"))
    assert lines("got") == lines("alone")


def test_workers_of_a_cluster_read_and_write_s3(bucket: Any, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    make_images(10)
    filterbank("apply", "in", "-b", "sobel", "-o", "alone")
    bucket.put("in", "store/in", recursive=True)
    with dask_processes(tmp_path / "dask", workers=1) as processes:
        arguments = ["-b", "sobel", "-o", "s3://store/maps", "--cluster", processes.address]
        filterbank("apply", "s3://store/in", *arguments)
        assert " 10 skipped" in filterbank("apply", "s3://store/in", *arguments, "--resume").err
    assert fetched(bucket, "s3://store/maps") == files(Path("alone"))
    assert lines("got") == lines("alone")


@pytest.mark.parametrize(
    "form", [("--format", "npy", "--stack"), ("--format", "tiff", "--stack"), ("--compress", "small")]
)
def test_every_way_of_writing(memory: Any, form: tuple[str, ...]) -> None:
    make_images(2)
    filterbank("apply", "in", "-b", "sobel", "-o", "alone", *form)
    filterbank("apply", "in", "-b", "sobel", "-o", "memory://maps", *form)
    assert fetched(memory, "memory://maps") == files(Path("alone"))
    assert (
        " 2 skipped" in filterbank("apply", "in", "-b", "sobel", "-o", "memory://maps", *form, "--resume").err
    )


def test_an_image_is_done_or_nothing_of_it_is_there(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(3)
    put = type(memory).pipe_file

    def failing(self: Any, path: str, value: bytes, **more: Any) -> None:
        if path.endswith("1/sobel_y.png"):
            raise OSError("quota exceeded")
        put(self, path, value, **more)

    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "pipe_file", failing)
        ended = filterbank("apply", "in", "-b", "sobel", "-o", "memory://maps", code=1)
    assert "in/1.png: memory://maps/1/sobel_y.png: quota exceeded" in ended.err
    assert sorted(fetched(memory, "memory://maps")) == [
        f"{n}/sobel_{axis}.png" for n in (0, 2) for axis in "xy"
    ]
    assert [line["input"] for line in lines("got")] == ["0.png", "2.png"]


def test_what_exists_is_kept_or_replaced_as_asked(memory: Any) -> None:
    make_images(2)
    memory.pipe_file("/maps/0/sobel_x.png", b"somebody's")
    arguments = ["apply", "in", "-b", "sobel", "-o", "memory://maps"]
    refused = filterbank(*arguments, code=2).err
    assert "memory://maps/0/sobel_x.png exists already; accepted: --on-exists skip or " in refused
    filterbank(*arguments, "--on-exists", "skip")
    assert memory.cat_file("/maps/0/sobel_x.png") == b"somebody's"
    assert memory.exists("/maps/0/sobel_y.png")
    assert " 2 skipped" in filterbank(*arguments, "--on-exists", "skip").err
    filterbank(*arguments, "--on-exists", "overwrite")
    assert memory.cat_file("/maps/0/sobel_x.png")[:4] == b"\x89PNG"


def test_ctrl_c_of_a_batch_leaves_no_claim_but_those_in_hand(memory: Any) -> None:
    make_images(6)
    from filterbank import bankfile
    from filterbank.batch import inputs, job, run

    sources = inputs.collect(["in"], extensions=[".png"])
    made = job.make(sources, [bankfile.load("sobel")], "memory://maps", jobs=1)
    events = run.run(made)
    next(events)
    events.close()
    claims = [path for path in memory.find("/maps") if path.endswith(".claim")]
    done = sum(path.endswith(".png") for path in memory.find("/maps"))
    assert (len(claims), done % 2) == (0, 0)
    filterbank("apply", "in", "-b", "sobel", "-o", "memory://maps", "--resume")
    assert Counter(line["input"] for line in lines_of(memory)) == Counter(f"in/{n}.png" for n in range(6))


def lines_of(memory: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in memory.cat_file("/maps/manifest.jsonl").splitlines()]


class _Guarded(http.server.BaseHTTPRequestHandler):
    """Gives a picture to those who know user, password and key."""

    picture = b""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:hush").decode()
        is_right = known and self.path == "/a.png?key=hush"
        self.send_response(200 if is_right else 403)
        self.send_header("Content-Length", str(len(self.picture) if is_right else 0))
        self.end_headers()
        if is_right:
            self.wfile.write(self.picture)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_secrets_of_a_url_are_used_and_never_told(memory: Any) -> None:
    make_images(1)
    _Guarded.picture = Path("in/0.png").read_bytes()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    good, bad = (f"http://me:hush@{host}/{name}.png?key=hush" for name in "ab")
    ended = filterbank("apply", good, bad, "-b", "sobel", "-o", "maps", "--json", code=1)
    server.shutdown()
    server.server_close()
    told = Path("maps/manifest.jsonl").read_text() + ended.err + ended.out.decode()
    assert "hush" not in told
    assert f"http://{host}/b.png: " in ended.err
    assert json.loads(Path("maps/manifest.jsonl").read_text())["input"] == f"http://{host}/a.png"
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "s3://me:hush@store/maps", code=2)
    assert "hush" not in ended.err
    assert "--out s3://store/maps: found a user or a query in the URL" in ended.err


def test_file_urls_are_paths(tmp_path: Path) -> None:
    make_images(2)
    filterbank("apply", "in", "-b", "sobel", "-o", "alone")
    Path("list").write_text(f"file://{tmp_path}/in/1.png\n")
    arguments = ["--files-from", f"file://{tmp_path}/list", "-b", "sobel", "-o", f"file://{tmp_path}/maps"]
    filterbank("apply", f"file://{tmp_path}/in/0*", *arguments)
    assert files(Path("maps")) == files(Path("alone"))
    assert [line["input"] for line in without_seconds("maps")] == [f"{tmp_path}/in/{n}.png" for n in (0, 1)]


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("fsspec", ["memory://in", "-o", "maps"]),
        ("gcsfs", ["gs://bucket/in", "-o", "maps"]),
        ("gcsfs", ["in", "-o", "gs://bucket/maps"]),
    ],
)
def test_what_is_not_installed(missing: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(1)
    monkeypatch.setitem(sys.modules, missing, None)
    ended = filterbank("apply", *arguments, "-b", "sobel", code=2)
    assert "install it with pip install 'filterbank[cloud]'" in ended.err
    assert not Path("maps").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["in", "-o", "http://host/maps"],
            "--out http://host/maps: http:// cannot be written to whole; accepted: ",
        ),
        (["in", "-o", "nonsense://maps"], "--out nonsense://maps: nonsense:// cannot be written to whole"),
        (["nonsense://in", "-o", "maps"], "nonsense://in: Protocol not known"),
        (["memory://nowhere/*.png", "-o", "maps"], "no images found in memory://nowhere/*.png"),
        (["in", "-o", "memory://maps", "--report"], "--report with a URL"),
        (["--files-from", "memory://list", "-o", "maps"], "--files-from memory://list: no such object"),
    ],
)
def test_requests_that_are_refused(arguments: list[str], said: str, memory: Any) -> None:
    make_images(1)
    ended = filterbank("apply", *arguments, "-b", "sobel", code=2)
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_bucket_that_is_not_there(bucket: Any) -> None:
    make_images(1)
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "s3://nowhere/maps", code=2)
    assert "s3://nowhere/maps" in ended.err
    assert "bucket does not exist" in ended.err


def test_a_store_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(1)
    fs = fsspec.get_filesystem_class("s3")
    fs.clear_instance_cache()
    for name, value in (
        CREDENTIALS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    ).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImageError, match=r"s3://store/a.png: Could not connect to the endpoint"):
        places.read("s3://store/a.png")
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "s3://store/maps", code=2)
    assert "s3://store/maps: Could not connect to the endpoint" in ended.err
    fs.clear_instance_cache()


def test_bugs_keep_their_traceback() -> None:
    with pytest.raises(KeyError), places.reaching("s3://bucket/a.png", ImageError):
        raise KeyError("ours")
