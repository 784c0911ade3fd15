"""Files that a task gives out: kept in the job's folder under names of ours, offered under the names they had.

Such a result is two things in the store. Each file is a result of its own, whose name is its address below the
job's ``results``: ``report/0/Map of Rome.pdf`` is the first file of the output ``report``. The output itself is
JSON text as any other, ``{"url": "report/0/Map of Rome.pdf"}``, or a list of these; :func:`addressed` makes whole
addresses of them for whoever asks.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from spatial_widgets.server.jobfiles import ResultFile, sync_folder, write_durably

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spatial_widgets.protocol.parameter import ParameterInfo
    from spatial_widgets.server.executors.base import JobSpec

__all__ = ["addressed", "disposition", "file_results", "shown_name"]

_NAME_CHARS = 100
_BLOCK = 1 << 20
_EXTENSION = re.compile(r"\.[a-z0-9]{1,10}", re.ASCII)
_ALLOWED = set(" .-_()+,=@")


def shown_name(name: str) -> str:
    """Return a file's name as it is shown and offered: letters, digits, blanks and a few signs, 100 at most."""
    kept = "".join(
        sign if sign in _ALLOWED or unicodedata.category(sign)[0] in "LMN" else "_"
        for sign in unicodedata.normalize("NFC", name)
    ).strip(" .")
    stem, dot, extension = kept.rpartition(".")
    if not dot or len(extension) > 10:
        return kept[:_NAME_CHARS].strip(" .") or "file"
    return f"{stem[: _NAME_CHARS - len(extension) - 1].strip(' .') or 'file'}.{extension}"


def disposition(name: str) -> str:
    """Return the header by which a file is kept, not shown, under a name of :func:`shown_name`.

    Source: https://www.rfc-editor.org/rfc/rfc6266
    """
    plain = "".join(sign if sign.isascii() else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def file_results(spec: JobSpec, parameter: ParameterInfo, value: Any) -> tuple[list[ResultFile], Any]:
    """Take the files of an output into the job's folder, and return them with the value that names them.

    A file of the job's scratch folder is moved, any other copied. The files of one output may have
    ``spec.result_bytes`` together.

    Raises
    ------
    TypeError, ValueError : the value is no path, not of a file that is there, or the files are too large.
    OSError : they cannot be written.
    """
    if value is None:
        return [], ""
    is_list = isinstance(value, (list, tuple))
    kept: list[ResultFile] = []
    for number, item in enumerate(value if is_list else [value]):
        source = _regular(item)
        shown = shown_name(source.name)
        left = spec.result_bytes - sum(file.size for file in kept)
        kept.append(
            _take(
                spec.folder,
                f"{parameter.name}/{number}/{shown}",
                f"{quote(parameter.name, safe='')}.{spec.attempt}.file{number}{_extension(shown)}",
                source.resolve(),
                left,
                move=source.resolve().is_relative_to(spec.scratch.resolve()),
            )
        )
    named = [{"url": file.name} for file in kept]
    return kept, named if is_list else named[0]


def _take(folder: Path, name: str, file: str, source: Path, most: int, *, move: bool) -> ResultFile:
    """Take a file that a task made into the job's folder, as ``file``: in full or not at all.

    Raises
    ------
    ValueError : it has over ``most`` bytes.
    """
    size, digest = 0, hashlib.sha256()
    draft = folder / f"{file}.tmp"

    def counted(opened: BinaryIO) -> Iterator[bytes]:
        nonlocal size
        while block := opened.read(_BLOCK):
            size += len(block)
            if size > most:
                raise ValueError(
                    f"the file {source.name!r} has more bytes than the service keeps of one output: at most {most:,}"
                )
            digest.update(block)
            yield block

    try:
        with source.open("rb") as opened:
            if move:
                for _ in counted(opened):
                    pass
                os.fsync(opened.fileno())
                source.replace(draft)
                draft.chmod(0o600)
            else:
                write_durably(draft, counted(opened))
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(folder / file)
    sync_folder(folder)
    return ResultFile(name, file, size, digest.hexdigest())


def _extension(shown: str) -> str:
    found = _EXTENSION.fullmatch(Path(shown).suffix.lower())
    return found[0] if found else ""


def _regular(item: Any) -> Path:
    if not isinstance(item, os.PathLike):
        raise TypeError(f"expected the path of a file, got {type(item).__name__} {item!r:.100}")
    path = Path(item)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ValueError(f"there is no file {path.name!r} that can be read ({error.strerror})") from error
    if stat.S_ISDIR(mode):
        raise ValueError(f"{path.name!r} is a folder; pack it first, such as with shutil.make_archive")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path.name!r} is no regular file")
    return path


def addressed(text: bytes, results_url: str) -> bytes:
    """Return the JSON text of an output of files with whole addresses, below the job's results."""
    value = json.loads(text)
    for pointer in _pointers(value):
        pointer["url"] = f"{results_url}/{quote(pointer['url'])}"
    return json.dumps(value, separators=(",", ":")).encode()


def _pointers(value: Any) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
