"""The numbers of a local service, in one place: their defaults, their options, and what they mean."""

from __future__ import annotations

from dataclasses import Field, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

__all__ = ["MEBIBYTE", "Limits"]

MEBIBYTE = 1024 * 1024


def _limit(default: Any, option: str, meaning: str, unit: str = "N") -> Any:
    return field(default=default, metadata={"option": option, "meaning": meaning, "unit": unit})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one service takes, gives and keeps. Sizes are bytes, ``…_s`` are seconds.

    Each number is an option of ``spatial-widgets serve`` and is explained beside it; docs/service.md lists
    them. Whatever is over a limit is refused, or ended, with an error that names the limit.
    """

    timeout_s: float = _limit(600.0, "--timeout", "time limit of a job whose task has none", "SECONDS")
    queue: int = _limit(200, "--queue", "jobs that may wait; one more is refused")
    queue_wait_s: float = _limit(
        0.0, "--queue-wait", "a job that waits longer is given up as timed out; 0: never", "SECONDS"
    )
    executes: int = _limit(8, "--executes", "calls of synchronous tasks that may be waited for at once")
    body_bytes: int = _limit(64 * MEBIBYTE, "--body", "largest request", "BYTES")
    field_bytes: int = _limit(64 * MEBIBYTE, "--field", "largest form field", "BYTES")
    fields: int = _limit(200, "--fields", "form fields of a request")
    json_depth: int = _limit(64, "--json-depth", "levels of JSON in a form field")
    features: int = _limit(200_000, "--features", "features of an input layer")
    vertices: int = _limit(5_000_000, "--vertices", "vertices of an input layer")
    cells: int = _limit(200_000, "--cells", "squares or hexagons that one analysis makes")
    result_bytes: int = _limit(256 * MEBIBYTE, "--result", "largest single output of a job", "BYTES")
    maximum_records: int = _limit(
        1_000_000, "--maximum-records", "features of a result without outputName; more are not given out"
    )
    page_records: int = _limit(2000, "--page-records", "rows that a query of a hosted layer answers with")
    queries: int = _limit(4, "--queries", "queries of hosted layers that are worked on at once")
    messages: int = _limit(1000, "--messages", "messages of a job; more are dropped and counted")
    message_chars: int = _limit(2000, "--message-length", "characters of a message; more are cut")
    upload_bytes: int = _limit(256 * MEBIBYTE, "--upload", "largest uploaded file", "BYTES")
    uploads: int = _limit(200, "--uploads", "uploaded files that are kept")
    uploads_bytes: int = _limit(1024 * MEBIBYTE, "--uploads-bytes", "uploaded files together", "BYTES")
    input_hosts: tuple[str, ...] = _limit(
        (), "--input-hosts", "hosts from which input layers may be read by https URL; none by default", "HOST"
    )
    input_bytes: int = _limit(64 * MEBIBYTE, "--input", "largest layer read by URL", "BYTES")
    input_s: float = _limit(60.0, "--input-time", "time to read a layer by URL", "SECONDS")
    where_s: float = _limit(10.0, "--where-time", "time to evaluate a layer's filter", "SECONDS")
    attempts: int = _limit(
        3, "--attempts", "how often a restartable job is taken up, the first time included"
    )
    keep_s: float = _limit(24 * 3600.0, "--keep", "how long ended jobs and uploads are kept", "SECONDS")
    keep_jobs: int = _limit(500, "--keep-jobs", "ended jobs that are kept")
    keep_bytes: int = _limit(2048 * MEBIBYTE, "--keep-bytes", "files of ended jobs together", "BYTES")
    batch_s: float = _limit(0.1, "--batch", "how long messages are gathered before they are kept", "SECONDS")
    grace_s: float = _limit(5.0, "--grace", "time for running jobs when the service stops", "SECONDS")
    idle_s: float = _limit(
        4 * 3600.0, "--idle", "the service ends itself after so long without request and job", "SECONDS"
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "input_hosts":
                object.__setattr__(self, one.name, tuple(str(host).casefold() for host in value))
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise ValueError(f"the limit {one.name} is a number from 0 up, got {value!r}")

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Give a command line an option for each number."""
        group = parser.add_argument_group("limits")
        for one in fields(cls):
            kept: dict[str, Any] = {"dest": one.name, "metavar": one.metadata["unit"], "default": one.default}
            if one.name == "input_hosts":
                kept |= {"nargs": "+"}
            else:
                kept |= {"type": type(one.default)}
            group.add_argument(
                one.metadata["option"], help=f"{one.metadata['meaning']} ({_shown(one)})", **kept
            )

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Self:
        """Return the numbers that a command line says."""
        return cls(**{one.name: getattr(options, one.name) for one in fields(cls)})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the numbers of :meth:`to_json`; what another version added is left aside."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in document.items() if name in known})

    def to_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return asdict(self) | {"input_hosts": list(self.input_hosts)}

    def to_options(self) -> list[str]:
        """Return the command-line options that say the same; defaults are left out."""
        words: list[str] = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value == one.default:
                continue
            words += [one.metadata["option"], *(value if isinstance(value, tuple) else [str(value)])]
        return words


def _shown(one: Field[Any]) -> str:
    return f"{one.default:g}" if isinstance(one.default, float) else str(one.default or "none")
