"""The file by which a running service of a store is found, and the question whether it is really there."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from spatial_widgets.server.processes import is_alive

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SERVICE_PATH", "Discovery", "ask_health"]

SERVICE_PATH = "/arcgis/rest/services/tasks/GPServer"
_NAME = "service.json"


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a running service says of itself in its store: where it listens, which process it is, its token.

    ``installed`` are the tasks that it has without being handed any, with their modules.
    """

    instance: str
    pid: int
    pid_start: str
    port: int
    url: str
    version: str
    executor: str
    workers: int
    timeout_s: float
    anonymous: bool = False
    address: str | None = None
    token: str | None = field(default=None, repr=False)
    limits: dict[str, Any] = field(default_factory=dict, repr=False)
    strict: bool = False
    faults: dict[str, float] = field(default_factory=dict)
    installed: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, store: Path) -> Discovery | None:
        """Return what the file says, or None when there is none that can be read."""
        try:
            document = json.loads((store / _NAME).read_text())
            return cls(**{f.name: document[f.name] for f in fields(cls) if f.name in document})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, store: Path) -> None:
        """Write the file, for its owner's eyes only, all at once."""
        draft = store / f"{_NAME}.{self.instance}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file)
        draft.replace(store / _NAME)

    def remove(self, store: Path) -> None:
        """Remove the file, unless it is another service's by now."""
        current = Discovery.read(store)
        if current is not None and current.instance == self.instance:
            with contextlib.suppress(OSError):
                (store / _NAME).unlink()

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs; it may not answer yet, or no more."""
        return is_alive(self.pid, self.pid_start)

    def health(self, *, timeout_s: float = 5.0) -> dict[str, Any] | None:
        """Return the service's own answer, or None when whoever listens there is not this service."""
        answer = ask_health(self.port, timeout_s=timeout_s)
        return answer if answer is not None and answer.get("instance") == self.instance else None


def ask_health(port: int, *, timeout_s: float = 5.0) -> dict[str, Any] | None:
    """Return the ``/health`` document of whatever listens on a loopback port, or None."""
    # http.client, because urllib would ask a proxy for loopback addresses too.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", "/health", headers={"Connection": "close"})
        document = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return document if isinstance(document, dict) else None
