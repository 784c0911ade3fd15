"""The table of a batch: its jobs, as they are submitted."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from spatial_widgets.widgets.table import JobTable

if TYPE_CHECKING:
    from spatial_widgets.client import Batch

__all__ = ["show_batch"]

_tables: weakref.WeakKeyDictionary[Batch, JobTable] = weakref.WeakKeyDictionary()


def show_batch(batch: Batch) -> JobTable:
    """Return the table of a batch, which goes on to take in each job that is submitted."""
    table = _tables.get(batch)
    if table is None:
        table = _tables[batch] = JobTable(batch.jobs)
        batch.on_submit(table.add)
    return table
