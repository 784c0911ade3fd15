"""The ways to hand one Esri document to the decoder; every one must give the same layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import geopandas as gpd
import pytest

from spatial_widgets.codec import decode_features

Feed = Callable[..., Any]
CHUNK = 7  # smaller than a number, a key, an escape or a letter may be


def as_text(document: Any, **options: Any) -> str:
    """Return a document as JSON; text is taken to be JSON already."""
    return document if isinstance(document, str) and not options else json.dumps(parsed(document), **options)


def parsed(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document


def chunks(body: bytes, size: int = CHUNK) -> Iterator[bytes]:
    return (body[i : i + size] for i in range(0, len(body), size))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # half a pair is no reason for the test to fail


def _dict(document: Any, **options: Any) -> Any:
    return decode_features(parsed(document), **options)


def _bytes(document: Any, **options: Any) -> Any:
    return decode_features(_encoded(as_text(document)), **options)


def _pretty(document: Any, **options: Any) -> Any:
    return decode_features(as_text(document, indent=2).encode(), **options)


def _chunks(document: Any, **options: Any) -> Any:
    body = as_text(document, ensure_ascii=False) if isinstance(document, dict) else document
    return decode_features(chunks(_encoded(body)), **options)


FEEDS: dict[str, Feed] = {"dict": _dict, "bytes": _bytes, "pretty": _pretty, "chunks": _chunks}

every_feed = pytest.mark.parametrize("read", list(FEEDS.values()), ids=list(FEEDS))


def layer(*geometries, kind=None, **more):
    head = {"geometryType": f"esriGeometry{kind}"} if kind else {}
    features = [{"attributes": {"n": i}, "geometry": g} for i, g in enumerate(geometries)]
    return {**head, "spatialReference": {"wkid": 4326}, **more, "features": features}


def shapes(read, *geometries, kind=None, **more):
    frame = read(layer(*geometries, kind=kind, **more))
    assert isinstance(frame, gpd.GeoDataFrame)
    assert frame["n"].tolist() == list(range(len(geometries)))
    assert frame.crs.to_epsg() == 4326
    return list(frame.geometry)
