"""Files that clients upload, to be named by later submissions: kept under names of ours, for a while.

Each item is a folder ``i<uuid>`` with the file ``content`` and what is known of it in ``item.json``. The name that
the client gave is only ever shown. An item that comes in parts is put together when it is committed. It is long because
taking in, naming and sweeping share one lock and one layout of folders.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/uploads/
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.server.jobfiles import write_durably
from spatial_widgets.server.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spatial_widgets.server.form import FilePart
    from spatial_widgets.server.limits import Limits

__all__ = ["EXTENSIONS", "Item", "Uploads"]

#: What may be uploaded. ``.json``, ``.txt`` and ``.geojson`` feed layers, ``.csv`` tables, all of them files.
EXTENSIONS = ("csv", "geojson", "json", "txt", "zip")
_ITEM_ID = re.compile(r"i[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PART = re.compile(r"\d{1,4}", re.ASCII)
_NAME_CHARS = 200
_DESCRIPTION_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """One uploaded file; ``date`` is seconds since 1970, ``sha256`` and ``size`` are those of a committed one."""

    item_id: str
    name: str
    description: str
    extension: str
    date: float
    committed: bool
    size: int = 0
    sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the item as clients see it."""
        return {
            "itemID": self.item_id,
            "itemName": self.name,
            "description": self.description,
            "date": int(self.date * 1000),
            "committed": self.committed,
            "size": self.size,
        }


class Uploads:
    """The uploaded files of one service, in a folder of their own. Every method may be called from any thread."""

    def __init__(self, root: Path, limits: Limits, *, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._limits = limits
        self._clock = clock
        self._mutex = threading.RLock()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sweep()

    def info(self) -> dict[str, Any]:
        """Return what may be uploaded; the size is in megabytes, as ArcGIS has it."""
        return {
            "maxUploadFileSize": self._limits.upload_bytes // 1_048_576 or 1,
            "maxUploadFileSizeBytes": self._limits.upload_bytes,
            "allowedUploadFileTypes": ",".join(EXTENSIONS),
        }

    def items(self) -> list[Item]:
        """Return all items, oldest first."""
        with self._mutex:
            found = [self._read(folder) for folder in self._root.iterdir() if _ITEM_ID.fullmatch(folder.name)]
        return sorted(
            (item for item in found if item is not None), key=lambda item: (item.date, item.item_id)
        )

    def item(self, item_id: str) -> Item:
        """Return one item.

        Raises
        ------
        Fault : there is none.
        """
        item = self._read(self._root / item_id) if _ITEM_ID.fullmatch(item_id) else None
        if item is None:
            raise Fault(
                404,
                f"There is no uploaded item {item_id[:60]!r}. Items are kept for {self._limits.keep_s / 3600:g} hours.",
            )
        return item

    def path(self, item_id: str) -> Path | None:
        """Return the file of a committed item; its suffix is the item's. None when there is none."""
        if not _ITEM_ID.fullmatch(item_id):
            return None
        item = self._read(self._root / item_id)
        return self._content(item) if item is not None and item.committed else None

    def upload(self, file: FilePart | None, *, name: str = "", description: str = "") -> Item:
        """Keep a whole file.

        Raises
        ------
        Fault : there is no file, or it is not one that may be uploaded.
        """
        if file is None:
            raise Fault(400, "There is no file. Send it as the multipart field 'file', with its file name.")
        with self._mutex:
            item = self._begin(name or file.filename, description)
            return self._finish(item, [file.content])

    def register(self, name: str, description: str = "") -> Item:
        """Begin an item that comes in parts.

        Raises
        ------
        Fault : the name is not that of a file that may be uploaded.
        """
        with self._mutex:
            return self._begin(name, description)

    def add_part(self, item_id: str, part_id: str, file: FilePart | None) -> Item:
        """Keep a part; one of the same number is replaced.

        Raises
        ------
        Fault : no such item, no number, no file, or too large.
        """
        if not _PART.fullmatch(part_id):
            raise Fault(400, f"partId is a number of at most four digits, got {part_id[:20]!r}.")
        if file is None:
            raise Fault(400, "There is no part. Send it as the multipart field 'file', with a file name.")
        with self._mutex:
            item = self._uncommitted(item_id)
            place = self._part(item, int(part_id))
            others = sum(path.stat().st_size for path in self._parts(item).values() if path != place)
            self._check_size(others + len(file.content))
            self._check_room(len(file.content))
            write_durably(place, file.content)
        return item

    def parts(self, item_id: str) -> list[int]:
        """Return the numbers of the parts that have come."""
        with self._mutex:
            return sorted(self._parts(self.item(item_id)))

    def commit(self, item_id: str, parts: str = "", checksum: str = "") -> Item:
        """Put an item together out of its parts, in the order given or else by number.

        Raises
        ------
        Fault : a part is missing, or the whole has another checksum (SHA-256 or MD5, in hexadecimal).
        """
        with self._mutex:
            item = self._uncommitted(item_id)
            found = self._parts(item)
            wanted = [number.strip() for number in parts.strip("[] ").split(",")] if parts.strip() else []
            if not all(_PART.fullmatch(number) for number in wanted):
                raise Fault(400, f"parts is a list of numbers such as 1,2,3, got {parts[:60]!r}.")
            numbers = [int(number) for number in wanted] or sorted(found)
            missing = [str(number) for number in numbers if number not in found]
            if missing or not numbers:
                raise Fault(400, f"The item has no part {', '.join(missing) or 1}. Upload it, then commit.")
            _check_sum(_blocks(found[number] for number in numbers), checksum)
            done = self._finish(item, _blocks(found[number] for number in numbers))
            for path in found.values():
                path.unlink(missing_ok=True)
            return done

    def delete(self, item_id: str) -> None:
        """Delete an item; jobs that were given it keep it.

        Raises
        ------
        Fault : there is none.
        """
        with self._mutex:
            shutil.rmtree(self._root / self.item(item_id).item_id, ignore_errors=True)

    def sweep(self) -> None:
        """Delete what is older than it may get, and what was left in the middle."""
        with self._mutex:
            for folder in self._root.iterdir():
                if self._read(folder) is None:
                    shutil.rmtree(folder, ignore_errors=True)

    # ------------------------------------------------------------ on the disk

    def _begin(self, name: str, description: str) -> Item:
        self.sweep()
        shown = re.split(r"[/\\]", name)[-1].strip()[:_NAME_CHARS]
        extension = shown.rpartition(".")[2].casefold() if "." in shown else ""
        if extension not in EXTENSIONS:
            raise Fault(
                400,
                f"The file {shown!r} cannot be uploaded: its name has to end in one of .{', .'.join(EXTENSIONS)}.",
            )
        if len(self.items()) >= self._limits.uploads:
            raise Fault(
                413, f"The service keeps {self._limits.uploads} uploaded files already. Delete some first."
            )
        item = Item(
            f"i{uuid.uuid4()}",
            shown,
            description[:_DESCRIPTION_CHARS],
            extension,
            self._clock(),
            committed=False,
        )
        (self._root / item.item_id).mkdir(mode=0o700)
        self._write(item)
        return item

    def _finish(self, item: Item, blocks: Iterator[bytes] | list[bytes]) -> Item:
        size, digest = 0, hashlib.sha256()

        def counted() -> Iterator[bytes]:
            nonlocal size
            for block in blocks:
                size += len(block)
                self._check_size(size)
                digest.update(block)
                yield block

        try:
            write_durably(self._content(item), counted())
            self._check_room(0)
        except BaseException:
            shutil.rmtree(self._root / item.item_id, ignore_errors=True)
            raise
        done = Item(**asdict(item) | {"committed": True, "size": size, "sha256": digest.hexdigest()})
        self._write(done)
        return done

    def _check_size(self, size: int) -> None:
        if size > self._limits.upload_bytes:
            raise Fault(
                413, f"The file has over {self._limits.upload_bytes:,} bytes, the most that may be uploaded."
            )

    def _check_room(self, more: int) -> None:
        used = sum(file.stat().st_size for file in self._root.glob("i*/*"))
        if used + more > self._limits.uploads_bytes:
            raise Fault(
                413,
                f"The uploaded files together have over {self._limits.uploads_bytes:,} bytes. Delete some first.",
            )

    def _uncommitted(self, item_id: str) -> Item:
        item = self.item(item_id)
        if item.committed:
            raise Fault(400, f"The item {item.item_id} is committed already. Register another one.")
        return item

    def _content(self, item: Item) -> Path:
        return self._root / item.item_id / f"content.{item.extension}"

    def _part(self, item: Item, number: int) -> Path:
        return self._root / item.item_id / f"part.{number}"

    def _parts(self, item: Item) -> dict[int, Path]:
        folder = self._root / item.item_id
        return {int(path.name[5:]): path for path in folder.glob("part.*") if _PART.fullmatch(path.name[5:])}

    def _write(self, item: Item) -> None:
        folder = self._root / item.item_id
        write_durably(folder / "item.tmp", json.dumps(asdict(item)).encode())
        (folder / "item.tmp").replace(folder / "item.json")

    def _read(self, folder: Path) -> Item | None:
        try:
            item = Item(**json.loads((folder / "item.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        is_ours = item.item_id == folder.name and item.extension in EXTENSIONS
        return item if is_ours and self._clock() - item.date <= self._limits.keep_s else None


def _blocks(paths: Iterator[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                yield block


def _check_sum(blocks: Iterator[bytes], expected: str) -> None:
    if not expected.strip():
        return
    sums = [hashlib.sha256(), hashlib.md5(usedforsecurity=False)]
    for block in blocks:
        for one in sums:
            one.update(block)
    if expected.strip().casefold() not in {one.hexdigest() for one in sums}:
        raise Fault(400, "The parts together have another checksum. Upload them again.")
