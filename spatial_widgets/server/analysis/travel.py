"""What tasks that measure straight lines say to travel modes, times of day and barriers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from spatial_widgets.server.registry import Context

__all__ = ["only_lengths", "only_straight_lines"]

_TIMES = {"Seconds", "Minutes", "Hours", "Days"}


def only_straight_lines(ctx: Context, mode: str | None, parameter: str, **unused: Any) -> None:
    """Take StraightLine, or nothing; warn of inputs that were given and mean something to travel modes alone.

    Raises
    ------
    ParameterError : the mode is another one; the message says which data it needs, and what to use instead.
    """
    if mode is not None and mode.strip().strip('"').replace(" ", "").casefold() not in {"", "straightline"}:
        raise ParameterError(
            f"{parameter}: travel modes need a street network with travel times, which this service does not have. "
            f"Use {parameter} StraightLine.",
            parameter=parameter,
            value=mode[:100],
            expected="StraightLine",
        )
    for name, value in unused.items():
        if value is not None:
            ctx.warn(f"{name}: not used, because it is for travel modes and not for straight lines.")


def only_lengths(units: str | None, parameter: str) -> None:
    """Take a unit of length, or none.

    Raises
    ------
    ParameterError : it is one of time; the message says which data that needs, and what to use instead.
    """
    if units in _TIMES:
        raise ParameterError(
            f"{parameter}: times need a street network with travel times, which this service does not have. "
            "Use a unit of length.",
            parameter=parameter,
            value=units,
        )
