"""A layer's filter: an SQL where clause of somebody else's, answered by SQLite behind two walls.

The clause is first taken apart here. Only field names, literals, a few functions and the words of a condition
get through, and what goes to SQLite is written anew, with names of ours. Behind that stands a database in
memory that knows one table, with an authorizer that allows to read it and nothing else.

Source: https://pro.arcgis.com/en/pro-app/latest/help/mapping/navigation/sql-reference-for-elements-used-in-query-expressions.htm
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.wherewords import FUNCTIONS, Clause, matches_like

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["select_rows"]

_ROW_BYTES = 16 * 1024 * 1024
_STEPS = 1000
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: _ROW_BYTES,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 200_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 1,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 10,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 2000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


def select_rows(
    frame: pd.DataFrame, clause: str, *, parameter: str = "filter", timeout_s: float = 10.0
) -> pd.DataFrame:
    """Return the rows that satisfy a where clause, in their order, with their index.

    Names are compared without case. Text is compared with case, as is LIKE; ``UPPER(name)`` helps. Dates are
    written ``DATE 'yyyy-mm-dd'`` and ``TIMESTAMP 'yyyy-mm-dd hh:mm:ss'``, in UTC.

    Raises
    ------
    ParameterError : the clause is not understood, names no such field, does more than compare, or takes
        longer than ``timeout_s`` seconds.
    """
    names = [str(name) for name in frame.columns if frame[name].dtype.name != "geometry"]
    dates = {name for name in names if pd.api.types.is_datetime64_any_dtype(frame[name].dtype)}
    try:
        parsed = Clause.read(clause, names, dates)
        with contextlib.closing(_database(frame, parsed.columns)) as database:
            rows = _ask(database, parsed.sql, timeout_s)
    except ValueError as error:
        raise ParameterError(
            f"{parameter}: the filter {clause[:200]!r} cannot be used: {error}.",
            parameter=parameter,
            value=clause,
        ) from error
    return frame.iloc[rows]


def _database(frame: pd.DataFrame, columns: list[str]) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None)
    try:
        database.execute("PRAGMA trusted_schema=OFF")
        kept = [_plain(frame[name]) for name in columns]
        declared = ", ".join(f"c{i} {kind}" for i, (kind, _) in enumerate(kept))
        database.execute(f"CREATE TABLE layer (row INTEGER PRIMARY KEY{', ' if kept else ''}{declared})")
        marks = ", ".join("?" * (len(kept) + 1))
        database.execute("BEGIN")
        database.executemany(
            f"INSERT INTO layer VALUES ({marks})",  # noqa: S608 -- names and marks of ours
            zip(range(len(frame)), *(values for _, values in kept), strict=True),
        )
        database.execute("COMMIT")
        _close_down(database)
    except BaseException:
        database.close()
        raise
    return database


def _close_down(database: sqlite3.Connection) -> None:
    # Text is compared as Python has it: SQLite's own upper, lower and like know ASCII only, and its like may
    # take for ever on one row, where no time limit reaches.
    database.create_function("upper", 1, _texts(str.upper), deterministic=True)
    database.create_function("lower", 1, _texts(str.lower), deterministic=True)
    for count in (2, 3):
        database.create_function("like", count, matches_like, deterministic=True)
    for limit, number in _LIMITS.items():
        database.setlimit(limit, number)
    database.set_authorizer(_authorize)


def _texts(change: Any) -> Any:
    return lambda value: change(value) if isinstance(value, str) else value


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action == sqlite3.SQLITE_SELECT:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_READ and first == "layer":
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and str(second).lower() in {*FUNCTIONS.values(), "like"}:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _ask(database: sqlite3.Connection, condition: str, timeout_s: float) -> list[int]:
    until = time.monotonic() + timeout_s
    database.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
    try:
        found = database.execute(f"SELECT row FROM layer WHERE ({condition}) ORDER BY row")  # noqa: S608 -- written anew
        return [row for (row,) in found]
    except sqlite3.Error as error:
        if time.monotonic() > until:
            raise ValueError(f"it takes longer than {timeout_s:g} s") from error
        raise ValueError(f"SQL: {error}") from error


def _plain(column: pd.Series[Any]) -> tuple[str, Iterator[Any]]:
    """Return a column's type in SQLite and its values; what is missing is null."""
    dtype = column.dtype
    missing = column.isna().to_numpy()
    if pd.api.types.is_datetime64_any_dtype(dtype):
        utc = column.dt.tz_convert(None) if getattr(dtype, "tz", None) is not None else column
        kind, values = "INTEGER", utc.to_numpy().astype("datetime64[ms]").astype(np.int64).astype(object)
    elif pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_integer_dtype(dtype):
        kind, values = "INTEGER", column.astype(object).to_numpy(dtype=object)
    elif pd.api.types.is_float_dtype(dtype):
        kind, values = "REAL", column.astype(object).to_numpy(dtype=object)
    else:
        kind, values = "TEXT", column.astype(object).to_numpy(dtype=object)
        return kind, (None if gone else str(v) for v, gone in zip(values, missing, strict=True))
    number = float if kind == "REAL" else int
    return kind, (None if gone else number(v) for v, gone in zip(values, missing, strict=True))
