"""Numbers of things, for messages."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``"1 feature"``, ``"1,707 features"``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
