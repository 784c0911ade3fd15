"""The columns of the layers and tables that a form was given: what a where-clause or a name of a field may be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.widgets.formvalues import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spatial_widgets.client import GPSession
    from spatial_widgets.widgets.formfield import Field
    from spatial_widgets.widgets.formorigins import NotebookOrigins

__all__ = ["Columns"]

_PATIENCE_S = 10.0
_MOST = 2000  # of one layer


class Columns:
    """Name and type of the columns of what was entered.

    Those of a frame, a sample and a default are known at once; those of a URL and a file once they were read.

    Parameters
    ----------
    session : speaks to the host of a layer; its token goes to its own origin only.
    """

    def __init__(self, session: GPSession, origins: NotebookOrigins) -> None:
        self._session = session
        self._origins = origins
        self._read: dict[tuple[str, str], list[list[str]]] = {}

    def of(self, field: Field, entry: Any) -> list[list[str]]:
        """Return ``[name, type]`` of each column that is known. No request."""
        if field.kind == "list":
            parts = [self.of(field.parts[0], one) for one in entry] if isinstance(entry, list) else []
            return list({pair[0]: pair for part in parts for pair in part}.values())
        if field.kind not in {"layer", "table"}:
            return []
        if entry == field.blank:
            return _listed(field.parameter.default)
        found = [self._read[key] for key in _to_read(entry) if key in self._read]
        return found[0] if found else self._origins.columns(entry)

    def unread(self, entry: Any) -> list[tuple[str, str]]:
        """Return the URLs and files of an entry that :meth:`read` has not read yet, each as origin and text."""
        return [key for key in _to_read(entry) if key not in self._read]

    def read(self, key: tuple[str, str]) -> None:
        """Read what a layer says of itself: one GET, or the head of a file. Where that fails, no columns are known."""
        origin, text = key
        found = self._of_url(text) if origin == "url" else _of_file(text)
        if found:  # who enters it again has it asked again
            self._read[key] = found

    def _of_url(self, url: str) -> list[list[str]]:
        address = url.split("?", 1)[0].rstrip("/")
        try:
            return _listed(self._session.get_json(address, deadline_s=_PATIENCE_S, retry=False))
        except (SpatialWidgetsError, ValueError):
            return []


def _to_read(entry: Any) -> Iterator[tuple[str, str]]:
    for one in entry if isinstance(entry, list) else [entry]:
        if not isinstance(one, dict) or not isinstance(one.get("text"), str):
            continue
        origin, text = one.get("from"), one["text"].strip()
        is_url = origin == "url" and text.casefold().startswith(("http://", "https://"))
        if (is_url or (origin == "file" and text)) and not TOKEN.search(text):
            yield str(origin), text


def _listed(document: Any) -> list[list[str]]:
    """Return the columns of Esri's list of ``fields``, in a layer's description or a feature set."""
    fields = document.get("fields") if isinstance(document, dict) else None
    return [
        [field["name"], str(field.get("type") or "").removeprefix("esriFieldType")]
        for field in (fields if isinstance(fields, list) else [])[:_MOST]
        if isinstance(field, dict) and isinstance(field.get("name"), str)
    ]


def _of_file(text: str) -> list[list[str]]:
    import pyogrio

    path = Path(text).expanduser()
    try:
        told = pyogrio.read_info(path) if path.exists() else {"fields": [], "dtypes": []}
    except (OSError, RuntimeError, ValueError):  # it is no layer; pyogrio's own are RuntimeErrors
        return []
    return [[str(name), str(kind)] for name, kind in zip(told["fields"], told["dtypes"], strict=True)][:_MOST]
