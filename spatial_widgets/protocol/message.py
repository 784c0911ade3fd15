"""One line of a job's message log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["ERROR", "INFORMATIVE", "WARNING", "JobMessage", "sentence_in"]

INFORMATIVE = "esriJobMessageTypeInformative"
WARNING = "esriJobMessageTypeWarning"
ERROR = "esriJobMessageTypeError"

_LONGEST_JSON = 100_000
_PLACE = re.compile(r"\$\{([^{}]*)\}")

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

    @classmethod
    def list_from_json(cls, documents: Any, before: tuple[JobMessage, ...] = ()) -> tuple[JobMessage, ...]:
        """Read ``messages``; what is no list has none.

        Parameters
        ----------
        documents : the list as it came: each poll gives all of it again.
        before : what was read the last time. As far as both say the same, these very objects are returned, so that who
            compares two lists need not look into them; nothing new gives ``before`` itself.
        """
        if not isinstance(documents, list):
            return ()
        pairs = enumerate(zip(before, documents, strict=False))
        differs = (place for place, (message, document) in pairs if not _is_read_from(message, document))
        same = next(differs, min(len(before), len(documents)))
        if same == len(before) == len(documents):
            return before
        return before[:same] + tuple(map(cls.from_json, documents[same:]))

    def to_json(self) -> dict[str, str]:
        """Return the wire form, ``{"type", "description"}``."""
        return {"type": self.type, "description": self.description}

    @property
    def text(self) -> str:
        """What the message says, for people; ``description`` is what was sent.

        Some services send JSON in the place of a sentence: a text with places for parameters, or what the job costs.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/sa-find-hot-spots/ (processInfo)
        """
        document = _json_in(self.description)
        return (document and sentence_in(document)) or self.description

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


def _is_read_from(message: JobMessage, document: Any) -> bool:
    """Whether it is sure that the entry reads as this message; False only costs time."""
    return (
        type(document) is dict
        and document.get("type") == message.type
        and document.get("description") == message.description
    )


def _json_in(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{") or len(text) > _LONGEST_JSON:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def sentence_in(document: dict[str, Any]) -> str:
    """Return what an object in the place of a sentence says, or "" where it is of no known shape."""
    code, said, cost = (document.get(name) for name in ("messageCode", "message", "cost"))
    params = document.get("params")
    params = params if isinstance(params, dict) else {}
    if isinstance(said, str) and said.strip():
        filled = _PLACE.sub(lambda found: str(params.get(found[1].strip(), found[0])), said)
        return f"{filled} ({code})" if code else filled
    if code:
        told = ", ".join(f"{name} = {value}" for name, value in params.items())
        return f"Message {code}: {told}" if told else f"Message {code}"
    if document.keys() == {"cost"} and isinstance(cost, (int, float)) and not isinstance(cost, bool):
        return f"Cost: {cost:,} {'credit' if cost == 1 else 'credits'}"
    return ""
