"""What a layer of a feature service says of itself, as far as reading it whole needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spatial_widgets.errors import ProtocolError

__all__ = ["EVERYTHING", "LayerInfo"]

EVERYTHING = "1=1"
_PAGE = 1000  # when the layer does not say
_SHARED = ("geometryType", "hasZ", "hasM", "fields")


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """What a layer says of itself that paging needs, and what its pages may leave out."""

    page: int
    id_field: str | None
    pages_by_offset: bool
    query: dict[str, str]
    description: dict[str, Any]

    @classmethod
    def read(cls, document: Any, url: str) -> LayerInfo:
        """Read the description that a layer gives of itself.

        Raises
        ------
        ProtocolError : it describes no layer.
        """
        if not isinstance(document, dict) or not isinstance(document.get("fields"), list):
            raise ProtocolError(
                f"GET {url}: the reply describes no layer, it has no fields.", url=url, excerpt=repr(document)
            )
        fields = [f for f in document["fields"] if isinstance(f, dict)]
        id_field = document.get("objectIdField") or next(
            (f.get("name") for f in fields if f.get("type") == "esriFieldTypeOID"), None
        )
        if not isinstance(id_field, str):
            id_field = None
        advanced = document.get("advancedQueryCapabilities")
        advanced = advanced if isinstance(advanced, dict) else {}
        limit = document.get("maxRecordCount")
        query = {"where": EVERYTHING, "outFields": "*", "returnGeometry": "true"}
        query |= {f"return{c}": "true" for c in "ZM" if document.get(f"has{c}")}
        if document.get("datesInUnknownTimezone"):
            query["timeReferenceUnknownClient"] = "true"  # without it such a layer answers with an error
        return cls(
            page=limit if isinstance(limit, int) and limit > 0 else _PAGE,
            id_field=id_field,
            pages_by_offset=bool(advanced.get("supportsPagination") or document.get("supportsPagination"))
            and bool(id_field),
            query=query,
            description=document,
        )

    @property
    def is_spatial(self) -> bool:
        """Whether the layer has geometry; else it is a table."""
        return bool(self.description.get("geometryType"))

    @property
    def formats(self) -> set[str]:
        """What queries may ask for as ``f``, in small letters."""
        told = str(self.description.get("supportedQueryFormats") or "")
        return {word.strip().casefold() for word in told.split(",")}

    def completed(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Return a feature set of the layer, with what it leaves out taken from the layer's description."""
        known = {key: self.description.get(key) for key in _SHARED}
        extent = self.description.get("extent")
        known["spatialReference"] = extent.get("spatialReference") if isinstance(extent, dict) else None
        return {key: value for key, value in (known | reply).items() if value is not None}
