"""Rows of two layers that belong together: by equal values, and the best few of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import require_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Matches", "Top", "equal_rows", "read_pairs_of_fields"]

Array = np.ndarray[Any, Any]
Fields = tuple[str, str]
_EQUAL = {"equal", "equals", "=", "=="}


@dataclass(frozen=True, slots=True)
class Matches:
    """Positions of rows that belong together, sorted by the first."""

    target: Array
    joined: Array

    def take(self, rows: Array) -> Matches:
        """Return some of the matches."""
        return Matches(self.target[rows], self.joined[rows])

    def where_equal(self, target: pd.DataFrame, joined: pd.DataFrame, fields: Sequence[Fields]) -> Matches:
        """Return the matches whose fields are equal; null equals nothing."""
        kept = np.ones(len(self.target), dtype=bool)
        for one, two in fields:
            codes = _codes(target[one], joined[two])
            here, there = codes[0][self.target], codes[1][self.joined]
            kept &= (here == there) & (here >= 0)
        return self.take(np.flatnonzero(kept))


def read_pairs_of_fields(
    relations: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None,
    target: pd.DataFrame,
    joined: pd.DataFrame,
) -> list[Fields]:
    """Return pairs of field names, one of each layer, that must be equal.

    Raises
    ------
    ParameterError : a relation is not understood, names no such field, or compares text with numbers.
    """
    given = [relations] if isinstance(relations, dict) else list(relations or [])
    return [_read(relation, target, joined) for relation in given]


def _read(relation: Any, target: pd.DataFrame, joined: pd.DataFrame) -> Fields:
    name = "attributeRelationship"
    told = (
        {str(key).casefold(): value for key, value in relation.items()} if isinstance(relation, dict) else {}
    )
    operator = str(told.get("operator", "equal"))
    if not {"targetfield", "joinfield"} <= set(told) or operator.casefold() not in _EQUAL:
        raise ParameterError(
            f'{name}: {str(relation)[:100]} is not understood; write {{"targetField": …, "joinField": …, "operator": "equal"}}.',
            parameter=name,
            value=str(relation)[:100],
        )
    one = require_field(target, str(told["targetfield"]), name)
    two = require_field(joined, str(told["joinfield"]), name)
    kinds = [_kind(frame[field]) for frame, field in ((target, one), (joined, two))]
    if kinds[0] != kinds[1] and "nothing" not in kinds:
        raise ParameterError(
            f"{name}: {one} of targetLayer holds {kinds[0]} and {two} of joinLayer {kinds[1]}, which are never equal.",
            parameter=name,
        )
    return one, two


def _kind(column: pd.Series[Any]) -> str:
    if column.isna().all():
        return "nothing"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "numbers"
    return "dates" if pd.api.types.is_datetime64_any_dtype(column.dtype) else "text"


def _codes(one: pd.Series[Any], two: pd.Series[Any]) -> tuple[Array, Array]:
    """Return a number for each value, the same for equal ones of both columns, and -1 for null."""
    both = pd.concat([one.astype(object), two.astype(object)], ignore_index=True)
    codes, _ = pd.factorize(both, use_na_sentinel=True)
    return codes[: len(one)], codes[len(one) :]


def equal_rows(target: pd.DataFrame, joined: pd.DataFrame, fields: Sequence[Fields], *, most: int) -> Matches:
    """Return the rows whose fields are all equal; null equals nothing.

    Raises
    ------
    ParameterError : there would be more than ``most`` matches.
    """
    pairs = [_codes(target[one], joined[two]) for one, two in fields]
    keys = []
    for side, length in ((0, len(target)), (1, len(joined))):
        codes = np.column_stack([pair[side] for pair in pairs]).reshape(length, len(pairs))
        codes[(codes < 0).any(axis=1)] = -1 - side
        keys.append(codes)
    both, number = np.unique(np.vstack(keys), axis=0, return_inverse=True)
    here, there = np.split(number.ravel(), [len(target)])
    counts = np.bincount(there, minlength=len(both))
    found = int(counts[here].sum())
    if found > most:
        raise ParameterError(
            f"attributeRelationship: {found:,} rows would match, and at most {most:,} are given out. Choose fields that tell more apart.",
            parameter="attributeRelationship",
        )
    order = np.argsort(there, kind="stable")
    begin = np.r_[0, np.cumsum(counts)][here]
    one = np.repeat(np.arange(len(target)), counts[here])
    within = np.arange(found) - np.repeat(np.cumsum(counts[here]) - counts[here], counts[here])
    return Matches(one, order[np.repeat(begin, counts[here]) + within])


@dataclass(frozen=True, slots=True)
class Top:
    """Which of a target's matches are taken: the first ``count`` in an order, or all of them when it is 0."""

    count: int = 0
    order: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any] | None, joined: pd.DataFrame) -> Self:
        """Read ``{"orderByFields": "field DESC, other", "topCount": 1}``.

        Raises
        ------
        ParameterError : it is not understood, or names no such field.
        """
        name = "recordsToMatch"
        if not document:
            return cls()
        told = {str(key).casefold(): value for key, value in document.items()}
        count = told.get("topcount", 1)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ParameterError(
                f"{name}: topCount is a whole number from 1 up.", parameter=name, value=str(count)
            )
        order = []
        for part in str(told.get("orderbyfields") or "").split(","):
            field, _, direction = part.strip().rpartition(" ")
            if direction.upper() not in {"ASC", "DESC"} or not field:
                field, direction = part.strip(), "ASC"
            if field:
                order.append((require_field(joined, field, name), direction.upper() == "ASC"))
        return cls(count, tuple(order))

    def of(self, matches: Matches, joined: pd.DataFrame) -> Matches:
        """Return the chosen matches; of equals the first in the layer, and nulls come last."""
        if not self.count:
            return matches
        frame = pd.DataFrame({"target": matches.target, "row": np.arange(len(matches.target))})
        keys, up = ["target"], [True]
        for i, (field, ascending) in enumerate(self.order):
            frame[f"key{i}"] = joined[field].iloc[matches.joined].to_numpy()
            keys.append(f"key{i}")
            up.append(ascending)
        ranked = frame.sort_values([*keys, "row"], ascending=[*up, True], na_position="last")
        chosen = ranked.groupby("target", sort=False).head(self.count)
        return matches.take(chosen["row"].to_numpy())
