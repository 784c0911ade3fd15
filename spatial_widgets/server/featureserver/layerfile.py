"""A layer's file: what it says of itself, and any of its rows, group by group. Nothing is held but the footer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spatial_widgets.server.featureserver.layerwriter import CORNERS, DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from spatial_widgets.codec.protobuf import Ints

__all__ = ["LayerFile"]

_PAGE_BYTES = 32 * 1024 * 1024
_BATCH_ROWS = 100_000


@dataclass(frozen=True)
class LayerFile:
    """An opened file; thread-safe. Rows are numbered from 0, object IDs are these numbers plus 1.

    A page of 2,000 of a million points takes about 10 ms of one core with all that is done to it, wherever it
    lies; see docs/feature-service.md.

    Attributes
    ----------
    key : tells files apart, for what is remembered of one.
    described : what the worker wrote of the layer.
    fields : Esri's fields, the object ID first.
    """

    path: Path
    key: str
    metadata: pq.FileMetaData
    described: dict[str, Any]
    fields: tuple[dict[str, Any], ...]
    _starts: Ints = field(repr=False)

    @classmethod
    def open(cls, path: Path, key: str) -> LayerFile:
        """Read the footer of a file. The file is open only while something is read."""
        metadata = pq.read_metadata(path)
        described = json.loads(metadata.metadata[DESCRIPTION])
        name = described["objectIdField"]
        object_id = {"name": name, "type": "esriFieldTypeOID", "alias": name}
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return cls(path, key, metadata, described, (object_id, *described["fields"]), starts)

    def __len__(self) -> int:
        return int(self.metadata.num_rows)

    @property
    def id_field(self) -> str:
        """The name of the field of object IDs."""
        return str(self.described["objectIdField"])

    @property
    def is_spatial(self) -> bool:
        """Whether it has geometry; else it is a table."""
        return "geometryType" in self.described

    def rows(self, positions: Ints, names: Collection[str]) -> pa.Table:
        """Return some rows in the order given, at least one; fewer than asked for where they are very large.

        Costs one read of each group that one of the rows is in.
        """
        while True:
            table = self._gathered(positions, names)
            if table is not None:
                return table
            positions = positions[: max(1, len(positions) // 2)]

    def _gathered(self, positions: Ints, names: Collection[str]) -> pa.Table | None:
        groups = np.searchsorted(self._starts, positions, side="right") - 1
        pieces, taken, size = [], [], 0
        with self._open() as file:
            for group in np.unique(groups).tolist():
                chosen = np.flatnonzero(groups == group)
                piece = self._group(file, group, names).take(positions[chosen] - self._starts[group])
                size += piece.nbytes
                if size > _PAGE_BYTES and len(positions) > 1:
                    return None
                pieces.append(piece)
                taken.append(chosen)
        if not pieces:
            return self._empty(names)
        table = pa.concat_tables(pieces)
        order = np.concatenate(taken)
        return table if (np.diff(order) > 0).all() else table.take(np.argsort(order, kind="stable"))

    def batches(
        self, names: Collection[str], groups: Sequence[int] | None = None
    ) -> Iterator[tuple[Ints, pa.Table]]:
        """Yield all rows, or those of some groups, with their numbers: about 100,000 at a time."""
        waiting = list(range(self.metadata.num_row_groups) if groups is None else groups)
        with self._open() as file:
            while waiting:
                numbers, pieces, count = [], [], 0
                while waiting and count < _BATCH_ROWS:
                    group = waiting.pop(0)
                    pieces.append(self._group(file, group, names))
                    numbers.append(np.arange(self._starts[group], self._starts[group + 1]))
                    count += len(numbers[-1])
                yield np.concatenate(numbers), pa.concat_tables(pieces)

    def groups_within(self, box: Sequence[float]) -> list[int]:
        """Return the groups of rows that may have something within xmin, ymin, xmax, ymax."""
        xmin, ymin, xmax, ymax = box
        return [
            group
            for group, (left, bottom, right, top) in enumerate(self._group_bounds())
            if left <= xmax and right >= xmin and bottom <= ymax and top >= ymin
        ]

    def _group_bounds(self) -> Iterator[tuple[float, ...]]:
        inside = [f"{self.described['bounds']}.{corner}" for corner in CORNERS]
        names = [self.metadata.schema.column(i).path for i in range(self.metadata.num_columns)]
        places = [names.index(name) for name in inside]
        for group in range(self.metadata.num_row_groups):
            told = [self.metadata.row_group(group).column(place).statistics for place in places]
            if any(one is None or not one.has_min_max for one in told):  # nothing but empty shapes
                yield np.inf, np.inf, -np.inf, -np.inf
            else:
                yield told[0].min, told[1].min, told[2].max, told[3].max

    # ------------------------------------------------------------ reading

    def _open(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.path, metadata=self.metadata, pre_buffer=True)

    def _group(self, file: pq.ParquetFile, group: int, names: Collection[str]) -> pa.Table:
        kept = [name for name in names if name != self.id_field]
        count = int(self._starts[group + 1] - self._starts[group])
        # Groups are small: threads would cost more than they bring, and pages are read side by side.
        table = file.read_row_group(group, columns=kept, use_threads=False) if kept else pa.table({})
        if self.id_field in names:
            ids = pa.array(np.arange(self._starts[group] + 1, self._starts[group] + 1 + count))
            table = table.append_column(self.id_field, ids) if kept else pa.table({self.id_field: ids})
        return table.select(list(names))

    def _empty(self, names: Collection[str]) -> pa.Table:
        schema = self.metadata.schema.to_arrow_schema()
        kept = {
            name: pa.array([], pa.int64() if name == self.id_field else schema.field(name).type)
            for name in names
        }
        return pa.table(kept)
