"""Where a form takes layers, tables and files from: the notebook's own variables, the samples, URLs, files."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatial_widgets.widgets.formgiven import EntryError, Given
from spatial_widgets.widgets.formstart import CORNERS
from spatial_widgets.widgets.phrases import count, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.widgets.formfield import Field

__all__ = ["NotebookOrigins", "notebook_variables"]

_MOST = 200  # variables that are offered
_GEOMETRY = {
    "point": "esriGeometryPoint",
    "multipoint": "esriGeometryMultipoint",
    "linestring": "esriGeometryPolyline",
    "multilinestring": "esriGeometryPolyline",
    "linearring": "esriGeometryPolyline",
    "polygon": "esriGeometryPolygon",
    "multipolygon": "esriGeometryPolygon",
}


def notebook_variables() -> Mapping[str, Any]:
    """Return the variables of the notebook's user; none where there is no notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    namespace: Mapping[str, Any] = getattr(shell, "user_ns", {})
    return namespace


class NotebookOrigins:
    """What there is to choose from, and what a choice stands for.

    Parameters
    ----------
    namespace : name to value; None takes the notebook's own, as they are when they are asked for.
    """

    def __init__(self, namespace: Mapping[str, Any] | None = None) -> None:
        self._namespace = namespace
        self._read: dict[str, Any] = {}  # samples that were chosen

    @property
    def _variables(self) -> Mapping[str, Any]:
        return notebook_variables() if self._namespace is None else self._namespace

    def offers(self) -> list[dict[str, Any]]:
        """Return the frames and the samples: ``{"from", "name", "told", "geometry", "is_layer"}`` each.

        ``geometry`` are Esri's words for the geometry types in it; an empty layer has none, and fits everywhere.
        """
        found = [
            {"from": "variable", "name": name, **_described(value)}
            for name, value in list(self._variables.items())
            if not name.startswith("_") and _is_frame(value)
        ]
        return sorted(found[:_MOST], key=lambda offer: str(offer["name"]).casefold()) + self._samples()

    def _samples(self) -> list[dict[str, Any]]:
        from spatial_widgets.data import sample

        rows = sample()
        return [
            {
                "from": "sample",
                "name": name,
                "told": say("form.offer", type=kind, rows=count("row", int(n)), crs="EPSG:4326"),
                "geometry": [_GEOMETRY[kind.casefold()]],
                "is_layer": True,
            }
            for name, n, kind in zip(rows["name"], rows["rows"], rows["geometry"], strict=True)
        ]

    def given(self, field: Field, origin: str, text: str) -> Given:
        """Return what a choice stands for.

        Raises
        ------
        EntryError : it stands for nothing.
        """
        if origin == "variable":
            return Given(self._frame(text), text, variables=frozenset({text}))
        if origin == "sample":
            return Given(self._sample(text), f"sw.sample({text!r})")
        if origin == "url":
            if not text.casefold().startswith(("http://", "https://")):
                raise EntryError(say("form.url"))
            # A parameter that takes any text is told that this one is a layer's address.
            value: Any = {"url": text} if field.parameter.data_type == "GPString" else text
            return Given(value, repr(value))
        if origin == "file":
            path = Path(text).expanduser()
            if not path.exists():
                raise EntryError(say("form.no_file", path=text))
            return Given(path, f"{Path.__name__}({str(path)!r})", frozenset({"path"}))
        raise EntryError(say("form.garbled"))

    def extent(self, origin: Any, name: Any) -> dict[str, str] | None:
        """Return the extent of a frame or sample as an entry, None where there is none."""
        try:
            layer: Any = {"variable": self._frame, "sample": self._sample}.get(str(origin), _none)(str(name))
            corners = [float(number) for number in layer.total_bounds]
        except (AttributeError, EntryError):
            return None
        if not all(map(math.isfinite, corners)):
            return None
        crs = layer.crs
        reference = "" if crs is None else str(crs.to_epsg() or crs.to_string())
        return {**dict(zip(CORNERS, map(repr, corners), strict=True)), "crs": reference}

    def columns(self, entry: Any) -> list[list[str]]:
        """Return name and type of the columns of a chosen frame or sample; of anything else none, without a request."""
        if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
            return []
        try:
            frame = {"variable": self._frame, "sample": self._sample}.get(str(entry.get("from")), _none)(
                entry["text"]
            )
        except EntryError:
            return []
        geometry = getattr(frame, "_geometry_column_name", None)
        types = getattr(frame, "dtypes", None)
        if types is None or not hasattr(frame, "columns"):
            return []
        return [[str(name), str(kind)] for name, kind in types.items() if name != geometry]

    def _frame(self, name: str) -> Any:
        value = self._variables.get(name) if name.isidentifier() else None
        if not _is_frame(value):
            raise EntryError(say("form.no_variable", name=name))
        return value

    def _sample(self, name: str) -> Any:
        from spatial_widgets.data import sample
        from spatial_widgets.errors import ParameterError

        try:
            if name not in self._read:
                self._read[name] = sample(str(name))
            return self._read[name]
        except ParameterError as error:
            raise EntryError(str(error)) from error


def _none(_name: str) -> None:
    return None


def _is_frame(value: Any) -> bool:
    import geopandas as gpd
    import pandas as pd

    return isinstance(value, (pd.DataFrame, gpd.GeoSeries))


def _described(value: Any) -> dict[str, Any]:
    import geopandas as gpd

    rows = count("row", len(value))
    try:
        kinds = (
            list(value.geom_type.dropna().unique())
            if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries))
            else None
        )
    except AttributeError:  # a frame whose geometry was taken away
        kinds = None
    if kinds is None:
        columns = count("column", value.shape[1] if value.ndim > 1 else 1)
        return {
            "told": say("form.offer.table", rows=rows, columns=columns),
            "geometry": [],
            "is_layer": False,
        }
    crs = value.crs.to_string() if value.crs is not None else say("result.no_crs")
    crs = crs if len(crs) <= 40 else value.crs.name
    words = "/".join(sorted(kinds)) or say("form.offer.empty")
    geometry = sorted({_GEOMETRY[kind.casefold()] for kind in kinds if kind.casefold() in _GEOMETRY})
    return {"told": say("form.offer", type=words, rows=rows, crs=crs), "geometry": geometry, "is_layer": True}
