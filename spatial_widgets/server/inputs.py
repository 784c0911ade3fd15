"""A job's inputs, read in its worker: layers inline, from files linked into its folder, or by URL."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import shapely

from spatial_widgets.codec import LayerText, ToldTooLate
from spatial_widgets.codec.layer import LayerOptions, is_features
from spatial_widgets.codec.values import decode_value
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.server.environment import Environment
from spatial_widgets.server.fetching import fetch_layer, is_queried
from spatial_widgets.server.fieldmemory import FieldMemory
from spatial_widgets.server.jsondepth import refuse_deep_json
from spatial_widgets.server.references import SOURCES
from spatial_widgets.server.registry import is_file, is_layer, is_many
from spatial_widgets.server.spellings import REMARKS
from spatial_widgets.server.where import select_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spatial_widgets.protocol import ParameterInfo
    from spatial_widgets.server.limits import Limits
    from spatial_widgets.server.registry import Task

__all__ = ["ENVIRONMENT", "Inputs"]

#: The file of a job that holds its settings.
ENVIRONMENT = "environment.json"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one job is given."""

    task: Task
    given: Mapping[str, str]
    folder: Path
    limits: Limits
    environment: Environment
    sources: Mapping[str, str]
    remarks: Sequence[str] = ()
    fields: FieldMemory = field(default_factory=FieldMemory)

    @classmethod
    def of(cls, task: Task, folder: Path, limits: Limits) -> Inputs:
        """Read the files of a job's folder."""
        settings, sources, remarks = (folder / name for name in (ENVIRONMENT, SOURCES, REMARKS))
        return cls(
            task,
            json.loads((folder / "parameters.json").read_bytes()),
            folder,
            limits,
            Environment.from_json(settings.read_bytes()) if settings.exists() else Environment(),
            json.loads(sources.read_bytes()) if sources.exists() else {},
            json.loads(remarks.read_bytes()) if remarks.exists() else (),
        )

    def read(self) -> dict[str, Any]:
        """Return the keyword arguments of the task's function.

        Raises
        ------
        ParameterError, CodecError : an input cannot be read, with its name.
        """
        plain = {name: text for name, text in self.given.items() if not self._is_special(name)}
        arguments = self.task.decode(plain)
        for parameter in self.task.inputs:
            if parameter.name in self.given and self._is_special(parameter.name):
                arguments[parameter.name] = self._one_or_many(parameter, self.given[parameter.name])
        return arguments

    def _is_special(self, name: str) -> bool:
        return any(p.name == name and (is_layer(p) or is_file(p)) for p in self.task.inputs)

    def _one_or_many(self, parameter: ParameterInfo, text: str) -> Any:
        read = self._file if is_file(parameter) else self._layer
        if not is_many(parameter):
            return read(parameter, parameter.name, text)
        try:
            items = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ParameterError(
                f"{parameter.name}: this is no JSON list.", parameter=parameter.name
            ) from error
        if not isinstance(items, list):
            items = [items]
        return [
            read(parameter, f"{parameter.name}[{i}]", item if isinstance(item, str) else json.dumps(item))
            for i, item in enumerate(items)
        ]

    def _file(self, parameter: ParameterInfo, place: str, text: str) -> Any:
        if place in self.sources:
            return self.folder / self.sources[place]
        raise ParameterError(
            f"{place}: {text[:100]!r} names no uploaded file. Upload it, and pass {{'itemID': …}}.",
            parameter=parameter.name,
        )

    # ------------------------------------------------------------ layers

    def _layer(self, parameter: ParameterInfo, place: str, text: str) -> Any:
        try:
            layer = self._unfiltered(parameter, place, text)
        except CodecError as error:
            raise ParameterError(
                f"{self.task.name}: parameter {parameter.name!r} ({parameter.data_type}): {error}",
                parameter=parameter.name,
            ) from error
        if "GPFeatureRecordSetLayer" in parameter.data_type and not isinstance(layer, gpd.GeoDataFrame):
            raise ParameterError(f"{place}: this holds no features with geometry.", parameter=parameter.name)
        if not isinstance(layer, pd.DataFrame):
            raise ParameterError(f"{place}: this holds no rows.", parameter=parameter.name)
        if isinstance(layer, gpd.GeoDataFrame):
            vertices = int(shapely.get_num_coordinates(layer.geometry.array).sum())
            if vertices > self.limits.vertices:
                raise ParameterError(
                    f"{place}: the layer has {vertices:,} vertices, and at most {self.limits.vertices:,} are read. "
                    "Simplify it, or send a part of it.",
                    parameter=parameter.name,
                )
        return self.environment.before(layer, place)

    def _unfiltered(self, parameter: ParameterInfo, place: str, text: str) -> Any:
        layer, around = self._parsed(parameter, place, text.encode("utf-8", "surrogatepass"))
        if layer is None and isinstance(around, dict):
            layer = self._named(parameter, place, around)
        clause = around.get("filter") if isinstance(around, dict) else None
        if place not in self.sources and isinstance(around, dict) and is_queried(str(around.get("url", ""))):
            return layer
        if isinstance(clause, str) and clause.strip() and isinstance(layer, pd.DataFrame):
            layer = select_rows(layer, clause, parameter=place, timeout_s=self.limits.where_s)
            layer = layer.reset_index(drop=True)
        return layer

    def _named(self, parameter: ParameterInfo, place: str, pointer: dict[str, Any]) -> Any:
        """Return the layer that ``{"url"}`` or ``{"itemID"}`` stands for."""
        if place in self.sources:
            return self._from_file(parameter, place, self.folder / self.sources[place])
        if not isinstance(pointer.get("url"), str):
            raise CodecError("there are no features, no url and no itemID in it", path=place)
        pages = fetch_layer(pointer, self.limits, parameter=place)
        layers = []
        for page in pages:
            refuse_deep_json(page.decode(errors="replace"), self.limits.json_depth)
            layers.append(self._parsed(parameter, place, page, allow_truncated=True)[0])
        if any(layer is None for layer in layers):
            raise CodecError("the document holds no features", path=place)
        return layers[0] if len(layers) == 1 else pd.concat(layers, ignore_index=True)

    def _from_file(self, parameter: ParameterInfo, place: str, path: Path) -> Any:
        if path.suffix.casefold() == ".csv":
            if "GPRecordSet" not in parameter.data_type and not parameter.holds_rows:
                raise CodecError("a .csv file has no geometry; upload the feature set as .json", path=place)
            rows = pd.read_csv(path, nrows=self.limits.features + 1)
            self._count(place, len(rows))
            return rows
        if path.suffix == ".parquet":  # no upload has it; a job of this service wrote it
            from spatial_widgets.server.featureserver.rereading import layer_text

            text = layer_text(path, most=self.limits.features)
        else:
            text = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        refuse_deep_json(text.decode(errors="replace"), self.limits.json_depth)
        layer, _ = self._parsed(parameter, place, text)
        if layer is None:
            raise CodecError("the file holds no features", path=place)
        return layer

    def _parsed(
        self, parameter: ParameterInfo, place: str, text: bytes, *, allow_truncated: bool = False
    ) -> tuple[Any, Any]:
        """Return the layer in a text, or None, and what stands around its features; remember its fields."""
        layer, around = self._decoded(parameter, place, text, allow_truncated=allow_truncated)
        if isinstance(layer, pd.DataFrame):
            self.fields.note(around, layer)
        return layer, around

    def _decoded(
        self, parameter: ParameterInfo, place: str, text: bytes, *, allow_truncated: bool
    ) -> tuple[Any, Any]:
        options = LayerOptions(
            on_progress=lambda _, rows: self._count(place, rows), allow_truncated=allow_truncated
        )
        reading = LayerText(text, options, path=place)
        rest = reading.read()
        try:
            around = json.loads(rest if reading.found else text)
        except (ValueError, RecursionError) as error:
            raise CodecError(f"this is no JSON: {error}", path=place) from error
        if reading.found:
            try:
                return reading.frame(around), around
            except ToldTooLate:
                around = json.loads(text)
        if is_features(around) or (isinstance(around, dict) and around.get("type") == "FeatureCollection"):
            layer = decode_value(parameter.data_type, around, path=place, allow_truncated=allow_truncated)
            self._count(place, len(layer))
            return layer, around
        return None, around

    def _count(self, place: str, rows: int) -> None:
        if rows > self.limits.features:
            raise ParameterError(
                f"{place}: the layer has over {self.limits.features:,} features, the most that are read. "
                "Send a part of it.",
                parameter=place,
            )
