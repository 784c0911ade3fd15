"""What a running task can say and use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from spatial_widgets.server.limits import Limits

__all__ = ["Context"]


class Context(Protocol):
    """What a running task can say and use; pass it by taking a first parameter called ``ctx``."""

    scratch: Path
    """A folder of this run alone, deleted with the job."""
    limits: Limits
    """The numbers of the service, for what a task makes itself."""

    def info(self, text: str) -> None:
        """Append an informative message to the job's log."""

    def warn(self, text: str) -> None:
        """Append a warning."""

    def error(self, text: str) -> None:
        """Append an error; the job goes on. Raise to fail it."""

    def progress(self, percent: float, text: str = "") -> None:
        """Report how far the work is, 0 to 100; it never goes back."""

    def check(self) -> None:
        """Raise when the job was cancelled; only executors that cannot kill need it."""

    def rng(self, seed: int) -> np.random.Generator:
        """Return a seeded random generator and say the seed in the messages."""
