"""Archives are unpacked whole or not at all, and every damage is said with the file's name."""

from __future__ import annotations

import http.server
import io
import json
import socketserver
import tarfile
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from mixlib.data.catalog import dataset
from mixlib.data.catalog.row import Archive
from mixlib.data.errors import DataError
from pipelines.data import download
from pipelines.data.places import MissingDataError, find, unpacking_mark

FILES = {f"set/{n % 3}/{n:02d}.bin": np.random.default_rng(n).bytes(3000) for n in range(40)}


def packed(path, files=FILES):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in files.items():
                file.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as file:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return path


def held(folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(params=["tar", "tgz", "zip"])
def archive(request, tmp_path):
    return packed(tmp_path / f"set.{request.param}")


def test_everything_is_unpacked_beside_what_is_there(archive, tmp_path):
    target = tmp_path / "data"
    packed(tmp_path / "other.zip", {"set/0/more.bin": b"more", "set/0/00.bin": b"old"})
    download.unpack(tmp_path / "other.zip", target)
    files, size = download.unpack(archive, target)
    assert (files, size) == (40, 40 * 3000)
    assert held(target) == {**FILES, "set/0/more.bin": b"more"}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_cut_archive_leaves_nothing(archive, tmp_path, share):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=rf"{archive.name}: expected a (whole|tar or zip) archive"):
        download.unpack(archive, tmp_path / "data")
    assert not held(tmp_path / "data")


def test_a_tar_cut_between_two_files_is_not_taken_for_a_whole_one(tmp_path):
    path = packed(tmp_path / "set.tar")
    with tarfile.open(path) as file:
        end = file.getmembers()[20].offset
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(DataError, match="no end where it should be, after 20 files"):
        download.unpack(path, tmp_path / "data")
    assert not held(tmp_path / "data")


def refusal(archive, target):
    """The message with which an archive is refused; None when it is unpacked."""
    try:
        download.unpack(archive, target)
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize("seed", range(30))
def test_a_flipped_bit_is_found_or_changes_nothing(archive, tmp_path, seed):
    content = bytearray(archive.read_bytes())
    place = int(np.random.default_rng(seed).integers(len(content)))
    content[place] ^= 1 << seed % 8
    archive.write_bytes(bytes(content))
    refused = refusal(archive, tmp_path / "data")
    found = held(tmp_path / "data")
    if refused is not None:
        assert archive.name in refused
        assert not found
    elif archive.suffix != ".tar":
        # the names in a zip archive have no checksum, the contents do
        assert sorted(found.values()) == sorted(FILES.values())
    else:
        # a plain tar has checksums of its headers only: the published MD5 is for the rest
        assert len(found) == len(FILES)


def test_a_damaged_header_in_the_middle_is_not_the_end(tmp_path):
    path = packed(tmp_path / "set.tar")
    with tarfile.open(path) as file:
        start = file.getmembers()[20].offset
    content = bytearray(path.read_bytes())
    content[start + 3] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="after 20 files"):
        download.unpack(path, tmp_path / "data")


@pytest.mark.parametrize("name", ["../out.bin", "/tmp/out.bin", "a/../../out.bin"])
def test_no_member_is_written_outside(tmp_path, name):
    packed(tmp_path / "set.tar", {name: b"x"})
    refused = refusal(tmp_path / "set.tar", tmp_path / "deep" / "data")
    assert refused is None or "set.tar" in refused
    assert not list(tmp_path.glob("deep/out.bin"))
    assert not list(tmp_path.glob("out.bin"))


ROW = replace(
    dataset("cifar10"),
    folder="set",
    needs=(("0", 0),),
    archives=(Archive("https://example.org/set.zip"),),
)


def test_an_interrupted_unpacking_does_not_count_and_is_done_again(tmp_path, monkeypatch):
    archive = replace(ROW.archives[0], url=packed(tmp_path / "set.zip").as_uri())
    row = replace(ROW, archives=(archive,))
    moved = []

    def killed(source, target):
        moved.append(source)
        (target / "set" / "0").mkdir(parents=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(download, "_move", killed)
        with pytest.raises(KeyboardInterrupt):
            download.obtain(archive, tmp_path / "data")
    assert moved
    assert unpacking_mark(archive, tmp_path / "data").exists()
    with pytest.raises(MissingDataError, match=r"the rest of set\.zip"):
        find(row, tmp_path / "data")
    download.obtain(archive, tmp_path / "data")
    assert find(row, tmp_path / "data")[0] == "data"
    assert held(tmp_path / "data" / "set") == {k.removeprefix("set/"): v for k, v in FILES.items()}
    note = json.loads((tmp_path / "data" / "unpacked" / "set.zip.json").read_text())
    assert (note["files"], len(note["sha256"])) == (40, 64)


class _Short(http.server.BaseHTTPRequestHandler):
    """Announces more bytes than it sends."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 500)
        if "silent" in self.path:
            self.server.stop.wait(20)

    def log_message(self, format, *arguments):
        pass


@pytest.fixture
def server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Short) as made:
        made.daemon_threads = True
        made.stop = threading.Event()
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_address[1]}"
        made.stop.set()
        made.shutdown()


@pytest.mark.parametrize(("name", "message"), [("cut.zip", "500"), ("silent.zip", "timed out")])
def test_a_cut_or_silent_download_is_no_file(tmp_path, monkeypatch, server, name, message):
    monkeypatch.setattr(download, "SILENCE", 1.0)
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(OSError, match=rf"could not download .*{message}"):
        download.obtain(Archive(f"{server}/{name}"), tmp_path)
    assert not (tmp_path / "downloads" / name).exists()
