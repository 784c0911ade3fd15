"""The files of jobs: parameters in, results out, each on the disk before the database speaks of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = [
    "JobFiles",
    "ResultFile",
    "layer_number",
    "place_result",
    "sync_folder",
    "write_durably",
    "write_layer_result",
    "write_result",
]

_LAYER = re.compile(r".*\.layer(\d{1,4})\.parquet", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One output of one attempt: its file's name inside the job's folder, its size in bytes and its SHA-256."""

    name: str
    file: str
    size: int
    sha256: str


class JobFiles:
    """One folder per job below ``root``; only its owner can look in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def folder(self, job_id: str) -> Path:
        """Return the job's folder."""
        return self.root / job_id

    def write_parameters(
        self, job_id: str, given: Mapping[str, str], files: Mapping[str, bytes | Path] | None = None
    ) -> None:
        """Make the job's folder and put what the client sent into it, and copies of files that it names."""
        folder = self.folder(job_id)
        folder.mkdir(mode=0o700)
        for name, content in (files or {}).items():
            if isinstance(content, bytes):
                write_durably(folder / name, content)
            else:
                _link(content, folder / name)
        write_durably(folder / "parameters.json", json.dumps(dict(given)).encode())
        sync_folder(self.root)

    def size(self, job_id: str) -> int:
        """Return the bytes of all files of a job."""
        total = 0
        for place, _, names in os.walk(self.folder(job_id)):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 -- many, and often
        return total

    def parameters(self, job_id: str) -> dict[str, str]:
        """Return what the client sent."""
        given: dict[str, str] = json.loads((self.folder(job_id) / "parameters.json").read_bytes())
        return given

    def read(self, job_id: str, result: ResultFile) -> bytes:
        """Return a result's JSON text.

        Raises
        ------
        OSError : the file cannot be read, or is no longer what was written.
        """
        text = (self.folder(job_id) / result.file).read_bytes()
        if len(text) != result.size or hashlib.sha256(text).hexdigest() != result.sha256:
            raise OSError(f"{result.file} of job {job_id} is not what the job wrote")
        return text

    def checked(self, job_id: str, result: ResultFile) -> Path:
        """Return the path of a result's file, which is not held in memory.

        Raises
        ------
        OSError : as :meth:`read`.
        """
        self.opened(job_id, result).close()
        return self.folder(job_id) / result.file

    def opened(self, job_id: str, result: ResultFile) -> BinaryIO:
        """Return a result's file, open at its start: it can be read to its end whatever is deleted meanwhile.

        Raises
        ------
        OSError : as :meth:`read`.
        """
        file = (self.folder(job_id) / result.file).open("rb")
        digest = hashlib.file_digest(file, "sha256")
        if file.tell() != result.size or digest.hexdigest() != result.sha256:
            file.close()
            raise OSError(f"{result.file} of job {job_id} is not what the job wrote")
        file.seek(0)
        return file

    def remove(self, job_id: str) -> None:
        """Delete the job's folder."""
        shutil.rmtree(self.folder(job_id), ignore_errors=True)

    def remove_all_but(self, kept: Collection[str]) -> None:
        """Delete folders of jobs that no row speaks of: the service was stopped between folder and row."""
        for folder in self.root.iterdir():
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def write_result(folder: Path, name: str, attempt: int, pieces: Iterable[bytes], most: int) -> ResultFile:
    """Write the JSON text of one output so that it is either there in full or not at all.

    Raises
    ------
    ValueError : the text is over ``most`` bytes; or what the pieces raise.
    """
    file = f"{quote(name, safe='')}.{attempt}.json"
    size, digest = 0, hashlib.sha256()

    def counted() -> Iterator[bytes]:
        nonlocal size
        for piece in pieces:
            size += len(piece)
            if size > most:
                raise ValueError(f"it has more bytes than the service keeps of one output: at most {most:,}")
            digest.update(piece)
            yield piece

    _place(folder, file, counted())
    return ResultFile(name, file, size, digest.hexdigest())


def place_result(folder: Path, result: ResultFile, text: bytes) -> None:
    """Put the text of a result where its file is looked for, all at once."""
    _place(folder, result.file, text)


def _place(folder: Path, file: str, content: bytes | Iterable[bytes]) -> None:
    draft = (folder / file).with_suffix(".tmp")
    try:
        write_durably(draft, content)
    except ValueError:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(folder / file)
    sync_folder(folder)


def layer_number(result: ResultFile) -> int | None:
    """Return the number of the layer that a result is; None for one that is JSON text."""
    found = _LAYER.fullmatch(result.file)
    return int(found[1]) if found else None


def write_layer_result(
    folder: Path, name: str, attempt: int, number: int, write: Callable[[BinaryIO], None], most: int
) -> ResultFile:
    """Let ``write`` write the file of layer ``number`` so that it is either there in full or not at all.

    Raises
    ------
    ValueError : the file would have over ``most`` bytes; or what ``write`` raises.
    """
    file = f"{quote(name, safe='')}.{attempt}.layer{number}.parquet"
    draft = folder / f"{quote(name, safe='')}.{attempt}.tmp"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            counted = _Counted(opened, most)
            write(cast("BinaryIO", counted))
            opened.flush()
            os.fsync(opened.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(folder / file)
    sync_folder(folder)
    return ResultFile(name, file, counted.size, counted.digest.hexdigest())


class _Counted:
    """A file that is written from start to end, with its size and its digest."""

    closed = False

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, piece: Any) -> int:
        self.size += len(piece)
        if self.size > self._most:
            raise ValueError(
                f"it has over {self._most:,} bytes, the most that the service keeps of one output"
            )
        self.digest.update(piece)
        return self._file.write(piece)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Leave it to whoever opened the file."""


def _link(source: Path, target: Path) -> None:
    """Let a file have a second name; it then outlives the first. Where that cannot be, it is copied."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        target.chmod(0o600)


def write_durably(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file that only its owner can read, and wait until the disk has it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's own entries; where folders cannot be opened it does nothing."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
