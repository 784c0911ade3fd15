"""One line of a job's message log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["ERROR", "INFORMATIVE", "WARNING", "JobMessage"]

INFORMATIVE = "esriJobMessageTypeInformative"
WARNING = "esriJobMessageTypeWarning"
ERROR = "esriJobMessageTypeError"

# `Abort` is an older server's word for an error that ended the job.
_LEVELS = {"warning": "warning", "error": "error", "abort": "error"}


@dataclass(frozen=True, slots=True)
class JobMessage:
    """A message of a job: Esri's ``type`` word and its text, ``description``.

    The text is the server's: data, to be shown as text.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-job/
    """

    type: str
    description: str

    @classmethod
    def from_json(cls, document: Any) -> JobMessage:
        """Read one entry of ``messages``; what is missing becomes empty text, never an error."""
        if not isinstance(document, dict):
            return cls(INFORMATIVE, "" if document is None else str(document))
        kind = document.get("type")
        text = document.get("description")
        return cls(str(kind) if kind else INFORMATIVE, "" if text is None else str(text))

    def to_json(self) -> dict[str, str]:
        """Return the wire form, ``{"type", "description"}``."""
        return {"type": self.type, "description": self.description}

    @property
    def level(self) -> str:
        """``"informative"``, ``"warning"`` or ``"error"``, whatever prefix the server uses."""
        return _LEVELS.get(self.type.removeprefix("esriJobMessageType").casefold(), "informative")

    @property
    def is_error(self) -> bool:
        """Whether the server marked this line as an error."""
        return self.level == "error"

    @property
    def is_warning(self) -> bool:
        """Whether the server marked this line as a warning."""
        return self.level == "warning"
