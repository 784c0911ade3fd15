"""Feature sets, feature collections and record sets: whole layers in, frames out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec.blocks import FeatureText
from spatial_widgets.codec.collecting import no_collection
from spatial_widgets.codec.geometry import longest_vertex
from spatial_widgets.codec.layer import Description, Layer, LayerOptions, is_features
from spatial_widgets.codec.rows import GeometryKind
from spatial_widgets.errors import CodecError, TransferLimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import geopandas as gpd
    import pandas as pd

__all__ = ["LayerOptions", "LayerText", "ToldTooLate", "decode_features", "is_features"]


class ToldTooLate(CodecError):  # noqa: N818 -- named as the errors beside it
    """A layer tells what its features mean only after them; parsed whole, it can be read."""


def decode_features(
    document: Mapping[str, Any] | bytes | str | Iterable[bytes],
    *,
    path: str = "",
    url: str = "",
    **options: Any,
) -> gpd.GeoDataFrame | pd.DataFrame:
    """Return a layer as a GeoDataFrame, or a table without geometry as a DataFrame.

    Reads a feature set, a record set, ``{"layerDefinition", "featureSet"}`` and ``{"layers": […]}`` with
    one layer. The geometry column is called ``geometry``; the index counts from 0 in the order of the
    document; the CRS is the document's. Zero rows keep columns, dtypes and CRS.

    Integers become ``Int64`` (nulls stay nulls), floats ``float64``, dates ``datetime64[ms, UTC]``, dates
    without time ``datetime64[s]``, times ``datetime.time`` objects, everything else text. Without ``fields``
    the columns and their types are taken from the values.

    Parameters
    ----------
    document : the parsed JSON, its text, or the pieces of its text as they arrive. Text is the cheap way: it
        is read in blocks, and the whole document is never held as Python objects.
    path, url : where the document stands, for errors.
    **options : as :class:`LayerOptions`: ``allow_truncated``, ``dtype_backend``, ``domains``, ``on_progress``.

    Raises
    ------
    TransferLimitExceeded : the document says that rows are missing.
    CodecError : with the place of what cannot be read.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-data-types/
    """
    chosen = LayerOptions(**options)
    if isinstance(document, Mapping):
        return _from_objects(dict(document), path, url, chosen)
    if isinstance(document, (str, bytearray, memoryview)):
        document = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else bytes(document)
    if isinstance(document, (list, tuple)) or not hasattr(document, "__iter__"):
        raise CodecError(f"{type(document).__name__} is no feature set", path=path)
    text = LayerText(document, chosen, path=path)
    with no_collection() if isinstance(document, bytes) else nullcontext():  # nobody to wait for
        around = _parse(text.read(), path)
    if not text.found:
        return _from_objects(around, path, url, chosen)
    try:
        return text.frame(around, url=url)
    except ToldTooLate:
        if not isinstance(document, bytes):
            raise
        return _from_objects(_parse(document, path), path, url, chosen)


def _parse(text: bytes, path: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"this is no whole JSON: {error}", path=path) from error


def _from_objects(document: Any, path: str, url: str, options: LayerOptions) -> Any:
    description = Description.of(document, path)
    _refuse_truncated(description, url, options)
    kind = description.geometry_type
    if kind is None and any("geometry" in f for f in description.features if isinstance(f, dict)):
        description = replace(description, geometry_type="")  # told by each geometry itself
    layer = Layer(description, options)
    layer.take_objects(description.features)
    return layer.frame(description)


def _refuse_truncated(description: Description, url: str, options: LayerOptions) -> None:
    if description.is_truncated and not options.allow_truncated:
        raise TransferLimitExceeded(
            "The result has more rows than the service hands out, and it sent none or only some of them. "
            "Ask for a hosted result (outputName), narrow the input, or have the service's maximumRecords raised; "
            "job.result(…, allow_truncated=True) gives the rows that did come.",
            url=url,
        )


class LayerText:
    """One layer, read from text: first :meth:`read`, then :meth:`frame` with what stands around the features.

    Parameters
    ----------
    source : the text, or an iterable of its pieces.
    options : how to read it.
    inside : the keys under which the layer stands, such as ``("value",)`` in a result.
    path : where the layer stands, for errors.
    clean : is given each block of features, and returns what is to be read in its place.

    Attributes
    ----------
    found : whether features were read; else :meth:`read` returned the whole text, for another way.
    """

    def __init__(
        self,
        source: bytes | Iterable[bytes],
        options: LayerOptions,
        *,
        inside: tuple[str, ...] = (),
        path: str = "",
        clean: Callable[[bytes], bytes] = lambda block: block,
    ) -> None:
        self._text = FeatureText(source, inside=inside, clean=clean)
        self._options = options
        self._inside = inside
        self._path = path
        self._layer: Layer | None = None

    @property
    def found(self) -> bool:
        """Whether features were found and read."""
        return self._layer is not None

    @property
    def received(self) -> int:
        """Bytes that have come so far."""
        return self._text.received

    def read(self) -> bytes:
        """Read all; return the document without its features, or all of it if there are none to read here.

        It is JSON if the text was; what is cut short stays cut short.

        Raises
        ------
        CodecError : a feature cannot be read, with its place.
        """
        if not self._text.find():
            return self._text.rest()
        self._layer = self._begin()
        if self._layer is None:
            return self._text.head + self._text.rest()
        if not self._text.read(self._layer.take, size=self._layer.block_bytes):
            return self._text.head
        return self._text.head + self._text.rest()

    def frame(self, around: Any, *, url: str = "") -> gpd.GeoDataFrame | pd.DataFrame:
        """Return the frame; ``around`` is what :meth:`read` returned, parsed.

        Raises
        ------
        TransferLimitExceeded : the document says that rows are missing.
        ToldTooLate : what stands after the features changes what they mean.
        """
        layer = self._layer
        if layer is None:
            raise CodecError("no features were read", path=self._path)
        description = Description.of(_member(around, self._inside), self._path)
        _refuse_truncated(description, url, self._options)
        if description.features:
            raise CodecError("there are two lists of features", path=description.path_to("features"))
        if layer.is_contradicted_by(description):
            raise ToldTooLate(
                "the layer tells what its features mean only after them; give the document whole",
                path=description.path,
            )
        return layer.frame(description)

    def _begin(self) -> Layer | None:
        """Return a layer to fill, if what stands before the features is enough to read them."""
        document = _member(self._text.head_document(), self._inside)
        if not is_features(document):
            return None
        try:
            description = Description.of(document, self._path)
        except CodecError:
            return None
        if description.fields is None:
            return None
        kind = GeometryKind(description.geometry_type, z=description.has_z, m=description.has_m)
        if any(_says_more(feature, kind) for feature in self._text.first_features()):
            return None
        return Layer(description, self._options, received=lambda: self._text.received)


def _says_more(feature: Any, kind: GeometryKind) -> bool:
    """Whether a feature has what the text before the features does not announce; it may be told after them."""
    if kind.name is None:
        return isinstance(feature, dict) and "geometry" in feature
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    return isinstance(geometry, dict) and longest_vertex(geometry) > kind.width


def _member(document: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
