"""Spatial references: Esri's JSON object on one side, ``pyproj.CRS`` on the other."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyproj
from pyproj.exceptions import CRSError

from spatial_widgets.errors import CodecError

__all__ = ["decode_spatial_reference", "encode_spatial_reference", "is_same_reference"]

# Esri's numbers that have an EPSG twin under another number; the twin is what the open tools know.
_SUPERSEDED = {102100: 3857, 102113: 3785, 900913: 3857}
_WIRE_TWIN = {3857: 102100}

# Numbers from here on are Esri's own (R-ArcGIS/arcgisutils treats them so as well).
_FIRST_ESRI_WKID = 32768
_NUMBERS_END = 2**31


def decode_spatial_reference(document: Any, *, path: str = "spatialReference") -> pyproj.CRS | None:
    """Return the CRS of a spatial reference: an object, a bare wkid, or None.

    ``latestWkid`` wins over ``wkid``, and that over ``wkt2`` and ``wkt``. Vertical systems are not read.

    Raises
    ------
    CodecError : there is a reference, but no coordinate system can be made of it.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/geometry-objects/
    """
    if document is None or document in ({}, ""):
        return None
    if isinstance(document, (int, str)) and str(document).strip().isdigit():
        document = {"wkid": int(document)}
    if not isinstance(document, dict):
        raise CodecError(f"{document!r} is no spatial reference; expected {{'wkid': …}}", path=path)
    for key in ("latestWkid", "wkid"):
        wkid = document.get(key)
        if isinstance(wkid, (int, float)) and 0 < wkid < _NUMBERS_END:
            crs = _by_wkid(int(wkid))
            if crs is not None:
                return crs
    for key in ("wkt2", "wkt"):
        text = document.get(key)
        if text:
            try:
                return pyproj.CRS.from_wkt(text)
            except CRSError as error:
                raise CodecError(
                    f"the well-known text is not understood: {error}", path=f"{path}.{key}"
                ) from error
    if document.get("latestWkid") or document.get("wkid"):
        raise CodecError(f"no coordinate system has the number in {document!r}", path=path)
    return None


def is_same_reference(one: Any, other: Any, *, path: str = "spatialReference") -> bool:
    """Whether two spatial references are of the same system, as far as x and y go; None is the same as any.

    Raises
    ------
    CodecError : as :func:`decode_spatial_reference`.
    """
    if one == other or not one or not other:
        return True
    crs, twin = decode_spatial_reference(one, path=path), decode_spatial_reference(other, path=path)
    return crs is None or twin is None or crs.equals(twin, ignore_axis_order=True)


@lru_cache(maxsize=256)
def _by_wkid(wkid: int) -> pyproj.CRS | None:
    wkid = _SUPERSEDED.get(wkid, wkid)
    authorities = ("ESRI", "EPSG") if wkid >= _FIRST_ESRI_WKID else ("EPSG", "ESRI")
    for authority in authorities:
        try:
            return pyproj.CRS.from_authority(authority, wkid)
        except CRSError:
            continue
    return None


def encode_spatial_reference(crs: Any) -> dict[str, Any] | None:
    """Return Esri's object for anything ``pyproj.CRS`` understands; None gives None.

    A CRS with an EPSG or Esri number travels by number, any other as Esri's well-known text.

    Raises
    ------
    CodecError : the CRS has no form that a GPServer understands.
    """
    if crs is None:
        return None
    try:
        crs = pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        raise CodecError(f"{crs!r} is no coordinate system: {error}", path="spatialReference") from error
    return dict(_encode(crs))


@lru_cache(maxsize=256)
def _encode(crs: pyproj.CRS) -> dict[str, Any]:
    if crs.is_compound:
        return _encode_compound(crs)
    if crs.to_authority() == ("OGC", "CRS84"):  # longitude, latitude: what Esri means by 4326
        return {"wkid": 4326, "latestWkid": 4326}
    for authority in ("EPSG", "ESRI"):
        found = crs.to_authority(auth_name=authority)
        # A likeness is not enough: the number must mean this very system.
        if found and crs.equals(pyproj.CRS.from_authority(*found), ignore_axis_order=True):
            number = int(found[1])
            return {"wkid": _WIRE_TWIN.get(number, number), "latestWkid": number}
    try:
        return {"wkt": crs.to_wkt("WKT1_ESRI")}
    except CRSError as error:
        raise CodecError(
            f"{crs.name!r} cannot be written as Esri's text: {error}", path="spatialReference"
        ) from error


def _encode_compound(crs: pyproj.CRS) -> dict[str, Any]:
    """Return the horizontal system, with the vertical one beside it where that has a number."""
    horizontal, vertical = crs.sub_crs_list[:2]
    document = dict(_encode(horizontal))
    found = vertical.to_authority(auth_name="EPSG") or vertical.to_authority(auth_name="ESRI")
    if "wkid" in document and found:
        document |= {"vcsWkid": int(found[1]), "latestVcsWkid": int(found[1])}
    return document
