"""Real layers that ship with the package, to learn and to test with; NOTICE beside them has the licences."""

from __future__ import annotations

import difflib
import gzip
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, overload

from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import pandas as pd

__all__ = ["sample"]

_PUBLIC_DOMAIN = "public domain"
_ISC = "ISC (package); public domain (data)"


@dataclass(frozen=True, slots=True)
class _Layer:
    rows: int
    geometry: str
    licence: str
    source: str
    integers: tuple[str, ...] = field(default=())
    dates: tuple[str, ...] = field(default=())


_LAYERS: Mapping[str, _Layer] = {
    "earthquakes": _Layer(
        1707,
        "Point",
        _PUBLIC_DOMAIN,
        "USGS Earthquake Hazards Program, 2018-01-31 to 2018-02-07 (vega-datasets 3.2.1)",
        integers=("felt", "tsunami", "sig", "nst"),
        dates=("time",),
    ),
    "airports": _Layer(3376, "Point", _PUBLIC_DOMAIN, "US government, Data.gov (vega-datasets 3.2.1)"),
    "states": _Layer(
        56, "MultiPolygon", _ISC, "US Census Bureau cartographic boundaries, 2017 (us-atlas 3.0.1)"
    ),
    "counties": _Layer(
        3231, "MultiPolygon", _ISC, "US Census Bureau cartographic boundaries, 2017 (us-atlas 3.0.1)"
    ),
    "countries": _Layer(177, "MultiPolygon", _ISC, "Natural Earth 4.1.0, 1:110m (world-atlas 2.0.2)"),
}


@overload
def sample(name: str) -> gpd.GeoDataFrame: ...
@overload
def sample(name: None = None) -> pd.DataFrame: ...
def sample(name: str | None = None) -> gpd.GeoDataFrame | pd.DataFrame:
    """Return a bundled layer, or the list of them.

    Parameters
    ----------
    name : ``earthquakes``, ``airports``, ``states``, ``counties`` or ``countries``. Without a name the
        answer is a table of them: name, rows, geometry, licence, source.

    Returns
    -------
    GeoDataFrame
        In EPSG:4326 (x is the longitude), a fresh one at every call; every geometry is valid, none is null.

        earthquakes
            ``id place magType alert net status type`` (text), ``mag depth cdi mmi dmin rms gap``
            (float; depth in km), ``felt tsunami sig nst`` (Int64), ``time`` (datetime64[ms, UTC]).
        airports
            ``iata name city state country`` (text; ``state`` is the postal code).
        states
            ``id`` (two-digit FIPS code), ``name``.
        counties
            ``id`` (five-digit FIPS code), ``name``, ``state`` (its name).
        countries
            ``id`` (three-digit ISO 3166-1 code; null for three areas without one), ``name``.

    Raises
    ------
    ParameterError : there is no layer of that name.

    Examples
    --------
    >>> len(sample("earthquakes"))
    1707
    """
    import pandas as pd

    if name is None:
        columns = ("name", "rows", "geometry", "licence", "source")
        rows = [(n, d.rows, d.geometry, d.licence, d.source) for n, d in _LAYERS.items()]
        return pd.DataFrame(rows, columns=list(columns))
    layer = _LAYERS.get(name) if isinstance(name, str) else None
    if layer is None:
        raise _unknown(name)
    return _read(name, layer)


def _unknown(name: object) -> ParameterError:
    near = difflib.get_close_matches(str(name).casefold(), _LAYERS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    names = ", ".join(_LAYERS)
    return ParameterError(
        f"There is no sample layer {name!r}.{hint} The layers are {names}.",
        parameter="name",
        value=name,
        expected=names,
    )


def _read(name: str, layer: _Layer) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import pandas as pd
    import pyogrio

    packed = files(__package__).joinpath(f"{name}.geojson.gz").read_bytes()
    frame = pyogrio.read_dataframe(gzip.decompress(packed), use_arrow=False)
    for column in layer.integers:
        frame[column] = frame[column].astype("Int64")
    for column in layer.dates:
        # Which resolution and zone object comes out of GDAL depends on versions; this does not.
        frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[ms, UTC]")
    return gpd.GeoDataFrame(frame, geometry="geometry", crs="EPSG:4326")
