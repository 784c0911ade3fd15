"""What the parts of an expression do to whole columns: nullable Series, or one value for all rows.

Null with anything gives null, but for ``is None`` and for ``and`` and ``or``, which know enough with one side.
"""

from __future__ import annotations

import math
import operator as op
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "FUNCTIONS",
    "METHODS",
    "NUMBERS",
    "both",
    "choose",
    "compare",
    "compute",
    "contains",
    "either",
    "missing",
    "negate",
    "nullable",
    "part",
]

_TEXT_CHARS = 100_000_000  # of one step together
_INT64 = 2.0**63
_ALIKE = {"upper", "lower", "len"}  # pandas does these for a whole column, and as Python does
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": op.add, "-": op.sub, "*": op.mul, "/": op.truediv, "//": op.floordiv, "%": op.mod, "**": op.pow,
}  # fmt: skip
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": op.eq, "!=": op.ne, "<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge,
}  # fmt: skip
NUMBERS = {"pi": math.pi, "e": math.e}


def nullable(value: Any) -> Any:
    """Return a column with a type that knows null: Int64, Float64, boolean, string or dates; and other values as they are."""
    if not isinstance(value, pd.Series):
        return value
    dtype = value.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype) or str(dtype) in {"Int64", "Float64", "boolean", "string"}:
        return value
    if pd.api.types.is_bool_dtype(dtype):
        return value.astype("boolean")
    if pd.api.types.is_integer_dtype(dtype):
        return value.astype("Int64")
    if pd.api.types.is_float_dtype(dtype):
        return value.astype("Float64")
    if value.isna().all():
        return pd.Series(pd.NA, index=value.index, dtype="Float64")
    return value.astype("string")


def _kind(value: Any) -> str:
    if value is None or value is pd.NA:
        return "nothing"
    if isinstance(value, pd.Series):
        if str(value.dtype) == "string":
            return "text"
        if str(value.dtype) == "boolean":
            return "truth"
        return "dates" if pd.api.types.is_datetime64_any_dtype(value.dtype) else "numbers"
    return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "numbers"


def _columns(*values: Any) -> tuple[list[Any], bool]:
    """Return values as columns of one length, and whether all of them were single values."""
    series = [value for value in values if isinstance(value, pd.Series)]
    index = series[0].index if series else pd.RangeIndex(1)
    made = [value if isinstance(value, pd.Series) else _repeated(value, index) for value in values]
    return made, not series


def _repeated(value: Any, index: pd.Index[Any]) -> pd.Series[Any]:
    kind = {"text": "string", "truth": "boolean", "nothing": "Float64"}.get(_kind(value))
    if kind is None:
        kind = "Int64" if isinstance(value, int) else "Float64"
    return pd.Series(pd.NA if value is None else value, index=index, dtype=kind)


def _single(value: pd.Series[Any], *, was_single: bool) -> Any:
    if not was_single:
        return value
    only = value.iloc[0]
    return None if only is pd.NA else only.item() if isinstance(only, np.generic) else only


def compute(operator: str, left: Any, right: Any) -> Any:
    """Return the result of an arithmetic operator; what is divided by 0 is null."""
    kinds = _kind(left), _kind(right)
    if "nothing" in kinds:
        return _all_null(left, right)
    if kinds == ("text", "text") and operator == "+":
        (one, other), single = _columns(left, right)
        return _limited(_single(one + other, was_single=single))
    if not set(kinds) <= {"numbers", "truth"}:
        raise ValueError(f"{kinds[0]} {operator} {kinds[1]} cannot be computed; str() makes text of numbers")
    (one, other), single = _columns(left, right)
    one, other = (c.astype("Int64") if str(c.dtype) == "boolean" else c for c in (one, other))
    if operator == "**":
        one, other = one.astype("Float64"), other.astype("Float64")
    with np.errstate(all="ignore"):
        made = _ARITHMETIC[operator](one, other)
        if str(made.dtype) == "Int64" and operator in {"+", "-", "*"}:
            _check_range(_ARITHMETIC[operator](one.astype("Float64"), other.astype("Float64")))
    if operator in {"/", "//", "%"}:
        made = made.mask((other == 0).fillna(value=False))
    return _single(_finite(made), was_single=single)


def _all_null(*values: Any) -> Any:
    index = next((value.index for value in values if isinstance(value, pd.Series)), None)
    return None if index is None else pd.Series(pd.NA, index=index, dtype="Float64")


def _check_range(values: pd.Series[Any]) -> None:
    if (values.abs() >= _INT64).any():
        raise ValueError("a result has more than 64 bits; make decimal numbers of it, with float()")


def _finite(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers without the infinite and undefined ones, which no layer can hold."""
    if str(values.dtype) != "Float64":
        return values
    plain = values.to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(
        pd.array(np.where(np.isfinite(plain), plain, np.nan), dtype="Float64"), index=values.index
    )


def compare(operator: str, left: Any, right: Any) -> Any:
    """Return whether a comparison holds; with null it is null."""
    kinds = {_kind(left), _kind(right)} - {"nothing"}
    (one, other), single = _columns(left, right)
    if kinds == {"dates", "text"}:
        one, other = (c if pd.api.types.is_datetime64_any_dtype(c.dtype) else _dates(c) for c in (one, other))
    elif len(kinds - {"truth"}) > 1 or kinds == {"truth", "text"}:
        raise ValueError(f"{' and '.join(sorted(kinds))} cannot be compared")
    if "nothing" in {_kind(left), _kind(right)}:
        return _single(pd.Series(pd.NA, index=one.index, dtype="boolean"), was_single=single)
    gone = one.isna() | other.isna()
    made = _COMPARISONS[operator](one, other).astype("boolean").mask(gone.astype(bool))
    return _single(made, was_single=single)


def _dates(texts: pd.Series[Any]) -> pd.Series[Any]:
    try:
        return pd.to_datetime(texts.astype(object), utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise ValueError("a date is compared with a text such as '2018-02-03'") from error


def _truth(value: Any) -> Any:
    """Return whether values count as true: numbers that are not 0, texts that are not empty."""
    kind = _kind(value)
    if kind in {"truth", "nothing"}:
        return value
    return compare("!=", value, "" if kind == "text" else 0) if kind != "dates" else negate(missing(value))


def negate(value: Any) -> Any:
    """Return ``not value``."""
    (column,), single = _columns(_truth(value))
    return _single(~column.astype("boolean"), was_single=single)


def both(left: Any, right: Any) -> Any:
    """Return ``left and right``."""
    (one, other), single = _columns(_truth(left), _truth(right))
    return _single(one.astype("boolean") & other.astype("boolean"), was_single=single)


def either(left: Any, right: Any) -> Any:
    """Return ``left or right``."""
    (one, other), single = _columns(_truth(left), _truth(right))
    return _single(one.astype("boolean") | other.astype("boolean"), was_single=single)


def missing(value: Any) -> Any:
    """Return ``value is None``."""
    (column,), single = _columns(value)
    return _single(column.isna().astype("boolean"), was_single=single)


def choose(test: Any, then: Any, otherwise: Any) -> Any:
    """Return ``then if test else otherwise``; a test that is null counts as false."""
    kinds = {_kind(then), _kind(otherwise)} - {"nothing"}
    if len(kinds) > 1 and kinds != {"numbers", "truth"}:
        raise ValueError(f"both sides of an if must be of one kind, not {' and '.join(sorted(kinds))}")
    (condition, one, other), single = _columns(_truth(test), then, otherwise)
    if _kind(then) == "nothing" or _kind(otherwise) == "nothing":
        known = other if _kind(then) == "nothing" else one
        one, other = (c.astype(known.dtype) if c.isna().all() else c for c in (one, other))
    elif str(one.dtype) != str(other.dtype) and kinds <= {"numbers", "truth"}:
        one, other = one.astype("Float64"), other.astype("Float64")
    true = condition.astype("boolean").fillna(value=False).astype(bool)
    return _single(one.where(true, other), was_single=single)


# ---------------------------------------------------------------- texts


def _limited(value: Any) -> Any:
    size = value.str.len().sum() if isinstance(value, pd.Series) else len(value or "")
    if size > _TEXT_CHARS:
        raise ValueError("the texts it makes are too long")
    return value


def _on_text(value: Any, name: str, change: Callable[[str], Any], dtype: str = "string") -> Any:
    if _kind(value) not in {"text", "nothing"}:
        raise ValueError(f"{name} works on text, not on {_kind(value)}; str() makes text of numbers")
    (column,), single = _columns(value)
    if name in _ALIKE and _is_ascii(column):
        return _single(getattr(column.str, name)(), was_single=single)
    made: list[Any] = [
        pd.NA if text is pd.NA or text is None else change(text) for text in column.astype(object)
    ]
    made_column: pd.Series[Any] = pd.Series(made, index=column.index, dtype=dtype)
    found = _single(made_column, was_single=single)
    return _limited(found) if dtype == "string" else found


def _is_ascii(column: pd.Series[Any]) -> bool:
    """Whether all texts are ASCII; beyond it Arrow, which pandas may use, changes case otherwise than Python."""
    test = getattr(getattr(column, "str", None), "isascii", None) if str(column.dtype) == "string" else None
    return test is not None and bool(test().fillna(value=True).all())


def part(value: Any, places: slice) -> Any:
    """Return a part of each text."""
    return _on_text(value, "[…]", lambda text: text[places])


def contains(value: Any, piece: Any) -> Any:
    """Return whether texts hold a piece."""
    return _on_text(value, "in", lambda text: _one_text(piece, "in") in text, "boolean")


def _one_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: give it a text, not a field")  # noqa: TRY004 -- of the expression
    return value


def _method(name: str) -> Callable[..., Any]:
    def call(value: Any, *arguments: Any) -> Any:
        given = [_one_text(argument, name) for argument in arguments]
        dtype = "boolean" if name.endswith("swith") else "Int64" if name in {"count", "find"} else "string"
        if name == "replace" and isinstance(value, pd.Series):
            _limited_replace(value, *given)
        return _on_text(value, name, lambda text: getattr(text, name)(*given), dtype)

    return call


def _limited_replace(value: pd.Series[Any], old: str, new: str) -> None:
    grown = value.str.len().sum() * max(1, len(new)) / max(1, len(old)) if _kind(value) == "text" else 0
    if grown > _TEXT_CHARS:
        raise ValueError("the texts it makes are too long")


# ---------------------------------------------------------------- functions


def _number(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        if _kind(value) not in {"numbers", "truth", "nothing"}:
            raise ValueError(f"{getattr(function, '__name__', 'it')} works on numbers, not on {_kind(value)}")
        (column,), single = _columns(value)
        with np.errstate(all="ignore"):
            made = function(column.to_numpy(dtype=float, na_value=np.nan))
        return _single(
            _finite(pd.Series(pd.array(made, dtype="Float64"), index=column.index)), was_single=single
        )

    return call


def _whole(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    decimal = _number(function)

    def call(value: Any) -> Any:
        if _kind(value) == "text":
            value = _float(value)
        (column,), single = _columns(decimal(value))
        _check_range(column)
        return _single(column.astype("Int64"), was_single=single)

    return call


def _float(value: Any) -> Any:
    if _kind(value) != "text":
        return _number(np.asarray)(value)

    def read(text: str) -> Any:
        try:
            return float(text)
        except ValueError as error:
            raise ValueError(f"{text[:40]!r} is no number") from error

    made = _on_text(value, "float", read, "Float64")
    return _finite(made) if isinstance(made, pd.Series) else made


def _str(value: Any) -> Any:
    if _kind(value) in {"text", "nothing"}:
        return value
    (column,), single = _columns(value)
    return _single(column.map(str, na_action="ignore").astype("string"), was_single=single)


def _round(value: Any, places: Any = 0) -> Any:
    if not isinstance(places, int) or isinstance(places, bool) or abs(places) > 20:
        raise ValueError("round takes a whole number of places")
    rounded = _number(lambda numbers: np.round(numbers, places))(value)
    return _whole(np.asarray)(rounded) if places == 0 else rounded


def _extreme(operator: str) -> Callable[..., Any]:
    def call(first: Any, *others: Any) -> Any:
        found = first
        for other in others:
            found = choose(
                both(compare(operator, other, found), True), other, choose(missing(other), None, found)
            )
        return found

    return call


def _absolute(value: Any) -> Any:
    if isinstance(value, pd.Series) and str(value.dtype) == "Int64":
        return value.abs()
    return abs(value) if isinstance(value, int) else _number(np.abs)(value)


#: Functions by name, with the fewest and the most values that they take; the same for methods of texts.
FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    "abs": (_absolute, 1, 1),
    "round": (_round, 1, 2),
    "int": (_whole(np.trunc), 1, 1),
    "floor": (_whole(np.floor), 1, 1),
    "ceil": (_whole(np.ceil), 1, 1),
    "float": (_float, 1, 1),
    "str": (_str, 1, 1),
    "len": (lambda value: _on_text(value, "len", len, "Int64"), 1, 1),
    "min": (_extreme("<"), 2, 20),
    "max": (_extreme(">"), 2, 20),
    **{
        name: (_number(function), 1, 1)
        for name, function in {
            "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "log10": np.log10, "sin": np.sin, "cos": np.cos,
            "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "radians": np.radians,
            "degrees": np.degrees,
        }.items()
    },
}  # fmt: skip
METHODS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    **{name: (_method(name), 0, 0) for name in ("upper", "lower", "title", "capitalize")},
    **{name: (_method(name), 0, 1) for name in ("strip", "lstrip", "rstrip")},
    **{name: (_method(name), 1, 1) for name in ("startswith", "endswith", "find", "count")},
    "replace": (_method("replace"), 2, 2),
}
