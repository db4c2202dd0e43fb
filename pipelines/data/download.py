"""Official archives: downloaded, checked, unpacked aside, and moved into place."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tarfile
import urllib.request
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from mixlib.data.catalog.row import Archive
from mixlib.data.errors import wrong
from mixlib.whole_files import write_whole
from pipelines.data.contents import progress
from pipelines.data.files import digest_of
from pipelines.data.places import unpacking_mark

CHUNK = 1 << 20
SILENCE = 60.0
"""Seconds without a byte after which a server counts as gone."""
_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, LZMAError, EOFError),
    *(RuntimeError, NotImplementedError, UnicodeDecodeError),
)


def obtain(archive: Archive, data: Path, keep: bool = False) -> None:
    """Downloads `archive` to data/downloads, compares its MD5, and unpacks it into data/<into>.

    A complete download with the right checksum is used again; a partial one is begun anew. An
    unpacking that was interrupted is done again. What was unpacked (files, bytes, our own digest
    of the archive) is noted in data/unpacked/<archive>.json.

    Raises:
        DataError: if the checksum differs or the archive is damaged; the file stays for inspection.
        OSError: if the server cannot be reached, or stopped before the end.
    """
    path = data / "downloads" / archive.file
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        part = path.with_name(path.name + ".part")
        try:
            _download(archive.url, part)
        except OSError as error:
            raise OSError(
                f"could not download {archive.url} ({error}); download it by any other means to "
                f"{path} and run the command again"
            ) from error
        part.replace(path)
    check(path, archive)
    mark, note = unpacking_mark(archive, data), data / "unpacked" / f"{archive.file}.json"
    write_whole(mark, f"{archive.url}\n")
    files, size = unpack(path, data / archive.into)
    body = {"url": archive.url, "sha256": digest_of(path), "files": files, "bytes": size}
    write_whole(note, json.dumps(body) + "\n")
    mark.unlink()
    if not keep:
        path.unlink()


def check(path: Path, archive: Archive) -> None:
    """Compares a file's MD5 with the published one, where there is one. Raises DataError."""
    if not archive.md5:
        return
    found = digest_of(path, "md5")
    if found != archive.md5:
        raise wrong(
            path,
            f"MD5 {archive.md5}",
            found,
            f"the download from {archive.url} is damaged or has changed: delete the file and fetch "
            "it again",
        )


def unpack(path: Path, target: Path) -> tuple[int, int]:
    """Unpacks a tar or zip archive into `target`; returns the number of files and their bytes.

    Everything is unpacked beside its place and moved there once the archive was read to its end.

    Raises:
        DataError: it is another kind of file, damaged, ends too early, or a member points outside.
    """
    target.mkdir(parents=True, exist_ok=True)
    aside = target / f".{path.name}.unpacked"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        files, size = _extract(path, aside)
        _move(aside, target)
    except _DAMAGED as error:
        found = f"damage or a member that it must not hold ({error})"
        remedy = "delete the file and fetch it again"
        raise wrong(path, "a whole archive", found, remedy) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return files, size


def _extract(path: Path, aside: Path) -> tuple[int, int]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as opened:
            members = opened.infolist()
            report = progress(f"unpack {path.name}")
            for number, member in enumerate(members, 1):
                opened.extract(member, aside)  # compares the member's checksum
                report(number, len(members))
            sizes = [member.file_size for member in members if not member.is_dir()]
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as opened:
            sizes = _extract_tar(opened, path, aside)
    else:
        with path.open("rb") as file:
            start = file.read(16)
        remedy = "delete the file and fetch it again"
        raise wrong(path, "a tar or zip archive", f"a file that begins with {start!r}", remedy)
    # a member may come twice, and then stands once on the disk
    held = sum(len(names) for _, _, names in os.walk(aside))
    if not sizes or held > len(sizes):
        raise tarfile.ReadError(f"{held} files on the disk for {len(sizes)} in the archive")
    return len(sizes), sum(sizes)


def _extract_tar(opened: tarfile.TarFile, path: Path, aside: Path) -> list[int]:
    """Unpacks all members, and makes sure that the archive was read to its end.

    tarfile takes a damaged header for the end of the archive and says nothing.
    """
    aside.mkdir(parents=True)
    aside = aside.resolve()
    sizes, total = [], path.stat().st_size
    report = progress(f"unpack {path.name} (bytes)")
    for member in opened:
        size = _extract_member(opened, member, aside)
        if size is not None:
            sizes.append(size)
        report(min(opened.offset, total), total)
    assert opened.fileobj is not None
    opened.fileobj.seek(opened.offset)
    rest = opened.fileobj.read(tarfile.BLOCKSIZE)
    if len(rest) < tarfile.BLOCKSIZE or rest.strip(b"\0"):
        raise tarfile.ReadError(f"no end where it should be, after {len(sizes)} files")
    while opened.fileobj.read(CHUNK):
        pass  # a compressed stream compares its checksum at its end
    return sizes


def _extract_member(opened: tarfile.TarFile, member: tarfile.TarInfo, aside: Path) -> int | None:
    """Writes a member below a resolved folder, a link as a copy of what it points to; returns the
    size of a file.

    tarfile's own filter against members that point outside is not in every Python 3.11.
    """
    place = (aside / member.name).resolve()
    if not place.is_relative_to(aside):
        raise tarfile.ReadError(f"{member.name!r} is outside of the folder")
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return None
    try:
        source = opened.extractfile(member)
    except KeyError as error:
        raise tarfile.ReadError(f"{member.name!r} is a link to nothing in the archive") from error
    if source is None:
        raise tarfile.ReadError(f"{member.name!r} is no file, folder or link")
    place.parent.mkdir(parents=True, exist_ok=True)
    with source, place.open("wb") as file:
        shutil.copyfileobj(source, file)
    return place.stat().st_size


def _move(source: Path, target: Path) -> None:
    """Moves everything in `source` to `target`, into folders that are there."""
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if entry.is_dir() and place.is_dir():
            _move(entry, place)
        else:
            entry.replace(place)


def _download(url: str, path: Path) -> None:
    """Raises OSError when the server is silent for long, or ends before the announced length."""
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    # Some of the hosts refuse urllib's own agent name.
    request = urllib.request.Request(url, headers={"User-Agent": "Mozilla/5.0"})
    with (
        urllib.request.urlopen(request, timeout=SILENCE) as answer,
        path.open("wb") as file,
        Progress(*columns) as shown,
    ):
        size = answer.headers.get("Content-Length")
        total = int(size) if size else None
        task = shown.add_task(path.name.removesuffix(".part"), total=total)
        with shown.wrap_file(answer, task_id=task) as counted:
            shutil.copyfileobj(counted, file, CHUNK)
    found = path.stat().st_size
    if total is not None and found != total:
        raise OSError(f"expected {total:,} bytes, the connection ended after {found:,}")
