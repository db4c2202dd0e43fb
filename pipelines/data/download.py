"""Official archives: downloaded, checked and unpacked."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import urllib.request
import zipfile
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from mixlib.data.catalog.row import Archive

CHUNK = 1 << 20


def obtain(archive: Archive, data: Path, keep: bool = False) -> None:
    """Downloads `archive` to data/downloads, compares its MD5, and unpacks it into data/<into>.

    A complete download with the right checksum is used again; a partial one is begun anew.

    Raises:
        ValueError: if the checksum differs; the file stays for inspection.
        OSError: if the server cannot be reached.
    """
    path = data / "downloads" / archive.url.rsplit("/", 1)[1]
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
    unpack(path, data / archive.into)
    if not keep:
        path.unlink()


def check(path: Path, archive: Archive) -> None:
    """Compares a file's MD5 with the published one, where there is one. Raises ValueError."""
    if not archive.md5:
        return
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != archive.md5:
        raise ValueError(
            f"{path}: expected MD5 {archive.md5}, found {digest.hexdigest()}; the download from "
            f"{archive.url} is damaged or has changed: delete the file and fetch it again"
        )


def unpack(path: Path, target: Path) -> None:
    """Unpacks a tar or zip archive into `target`; members that point outside are refused.

    Raises:
        ValueError: for any other kind of file.
    """
    target.mkdir(parents=True, exist_ok=True)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as opened:
            opened.extractall(target)
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as opened:
            opened.extractall(target, filter="data")
    else:
        raise ValueError(f"expected a tar or zip archive, found neither in {path}")


def _download(url: str, path: Path) -> None:
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    # Some of the hosts refuse urllib's own agent name.
    request = urllib.request.Request(url, headers={"User-Agent": "Mozilla/5.0"})
    with urllib.request.urlopen(request) as answer, path.open("wb") as file:
        size = answer.headers.get("Content-Length")
        with Progress(*columns) as progress:
            total = int(size) if size else None
            task = progress.add_task(path.name.removesuffix(".part"), total=total)
            with progress.wrap_file(answer, task_id=task) as counted:
                shutil.copyfileobj(counted, file, CHUNK)
