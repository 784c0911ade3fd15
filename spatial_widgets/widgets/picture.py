"""A still picture of a layer: an SVG that needs no script, no theme and no network, and says what is not in it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from spatial_widgets.widgets import svgpath
from spatial_widgets.widgets.framing import UNITS, WIDTH, Frame, land
from spatial_widgets.widgets.markup import element
from spatial_widgets.widgets.phrases import count, say
from spatial_widgets.widgets.sampling import take

if TYPE_CHECKING:
    import geopandas as gpd

    from spatial_widgets.widgets.sampling import Sample

__all__ = ["BINS", "BORDER", "FILL", "LAND", "MOST_BYTES", "WATER", "Picture", "amount", "draw"]

#: Of a picture as it stands in a page.
MOST_BYTES = 60_000
_DOTS = 4_000
_SMALL = 2 * UNITS  # a polygon below that is a dot
WATER, LAND, BORDER = "#eef3f7", "#dcdcd4", "#b4b4ac"
FILL = "#0b5cad"
# Cold spots to hot spots, as Esri's Gi_Bin counts them; told apart by every kind of colour vision.
BINS = {-3: "#2166ac", -2: "#67a9cf", -1: "#a9cde3", 0: "#8a8a80", 1: "#f4b090", 2: "#ef8a62", 3: "#b2182b"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a layer.

    Attributes
    ----------
    svg : "" where there is nothing to draw.
    caption : what it shows and what it leaves out, in sentences.
    width, height : in pixels.
    """

    svg: str
    caption: str
    width: int = 0
    height: int = 0

    @property
    def uri(self) -> str:
        """The picture as the address of an ``<img>``, or ""."""
        if not self.svg:
            return ""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"


def draw(layer: gpd.GeoDataFrame) -> Picture:
    """Return a picture of a layer, at a cost that is bounded whatever its size.

    Of a large layer a sample is drawn, which has the outermost shapes in it. Layers whose column ``Gi_Bin`` says
    how hot a spot is are coloured by it; behind a layer with a CRS are the outlines of the countries.

    Parameters
    ----------
    layer : any geometries, null and empty ones among them, in any CRS or none.
    """
    sample = take(layer)
    if not sample.usable:
        return Picture("", say("picture.empty"))
    if not len(sample.shapes):
        return Picture("", say("picture.nowhere", crs=layer.crs.name))
    frame = Frame.around(tuple(shapely.total_bounds(sample.shapes)), is_degrees=sample.is_degrees)
    svg, share = _Sketch(sample, frame).within(MOST_BYTES * 3 // 4 - 100)
    return Picture(svg, _caption(sample, share, layer.crs), WIDTH // UNITS, frame.height // UNITS)


class _Sketch:
    """Shapes in a frame, drawn as finely as the room allows."""

    def __init__(self, sample: Sample, frame: Frame) -> None:
        self._frame = frame
        placed = np.asarray(shapely.transform(sample.shapes, frame.place))
        self._count = len(placed)
        self._bins = np.zeros(len(placed), int) if sample.bins is None else sample.bins
        self._colours = {0: FILL} if sample.bins is None else BINS
        self._ground = _ground(frame) if sample.is_degrees else ""
        self._parts, self._owner = svgpath.parts_of(placed)
        self._types = shapely.get_type_id(self._parts)

    def within(self, most: int) -> tuple[str, float]:
        """Return an SVG of at most ``most`` bytes, and the share of the shapes that is in it."""
        coarseness = 1
        while True:
            svg, share = self._svg(coarseness)
            if len(svg) <= most or coarseness > 256:
                return (svg, share) if len(svg) <= most else (self._wrapped(self._ground), 0.0)
            coarseness *= 2

    def _svg(self, coarseness: int) -> tuple[str, float]:
        # A coarser picture has fewer shapes and fewer corners.
        kept = self._owner % max(1, coarseness // 4) == 0
        parts, owner, types = self._parts[kept], self._owner[kept], self._types[kept]
        drawn, shares = [], [len(np.unique(owner)) / self._count]
        for number in sorted(set(self._bins.tolist()), key=abs):
            mine = self._bins[owner] == number
            colour = self._colours[number]
            areas, small = self._areas(parts[mine & (types == 3)], owner[mine & (types == 3)], coarseness)
            lines = shapely.simplify(parts[mine & ((types == 1) | (types == 2))], coarseness)
            points = shapely.get_coordinates(parts[mine & (types == 0)])
            marks, share = svgpath.dots(np.concatenate([points, small]), max(1, _DOTS // coarseness))
            if not areas and not len(lines):
                shares.append(share)
            if areas:
                faces = {"fill": colour, "fill_opacity": ".6", "stroke": colour, "fill_rule": "evenodd"}
                drawn.append(element("g", areas, **faces))
            if len(lines):
                drawn.append(_path(svgpath.strokes(lines), fill="none", stroke=colour, stroke_width=3))
            if marks:
                width = 3 if not len(points) else 14 if len(points) < 200 else 9 if len(points) < 2_000 else 6
                dot = {
                    "stroke": colour,
                    "stroke_width": width,
                    "stroke_linecap": "round",
                    "stroke_opacity": ".75",
                }
                drawn.append(_path(marks, **dot))
        return self._wrapped(self._ground + "".join(drawn)), shares[0] * min(shares[1:], default=1.0)

    @staticmethod
    def _areas(
        polygons: np.ndarray[Any, Any], owner: np.ndarray[Any, Any], coarseness: int
    ) -> tuple[str, np.ndarray[Any, Any]]:
        """Return polygons, one path for each shape, and the places of those too small to have a face."""
        if not len(polygons):
            return "", np.empty((0, 2))
        bounds = shapely.bounds(polygons)
        large = (bounds[:, 2:] - bounds[:, :2]).max(axis=1) >= _SMALL
        paths = svgpath.rings(polygons[large], owner[large], coarseness / 2)
        bounds = bounds[~np.isin(owner, np.fromiter(paths, int, len(paths)))]
        return "".join(map(_path, paths.values())), (bounds[:, :2] + bounds[:, 2:]) / 2

    def _wrapped(self, inside: str) -> str:
        height = self._frame.height
        water = _path(f"M0 0h{WIDTH}v{height}H0z", fill=WATER)
        return element(
            "svg",
            water + inside,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {WIDTH} {height}",
            width=WIDTH // UNITS,
            height=height // UNITS,
        )


def _path(data: str, **attributes: Any) -> str:
    return element("path", d=data, **attributes)


def _ground(frame: Frame) -> str:
    countries = land(frame)
    if not len(countries):
        return ""
    parts, owner = svgpath.parts_of(np.asarray(shapely.transform(countries, frame.place)))
    outlines = "".join(svgpath.rings(parts, np.zeros_like(owner), 1.5).values())
    return _path(outlines, fill=LAND, stroke=BORDER)


def amount(sample: Sample, drawn: float) -> str:
    """Return how many of a layer's shapes are drawn, as a sentence."""
    features = count("feature", sample.usable)
    if sample.usable - drawn < 0.5:
        return say("picture.all", features=features)
    one_in = round(sample.usable / max(drawn, 1))
    if one_in < 2:
        return say("picture.most", features=features)
    return say("picture.sample", features=features, k=f"{one_in:,}")


def _caption(sample: Sample, share: float, crs: Any) -> str:
    sentences = [amount(sample, len(sample.shapes) * share)]
    if sample.missing:
        text = "picture.missing.one" if sample.missing == 1 else "picture.missing.other"
        sentences.append(say(text, n=f"{sample.missing:,}"))
    if sample.is_degrees:
        west, south, east, north = shapely.total_bounds(sample.shapes)
        sides = {
            "west": _degrees(west),
            "east": _degrees(east),
            "south": f"{south:.4g}",
            "north": f"{north:.4g}",
        }
        is_place = (sides["west"], sides["south"]) == (sides["east"], sides["north"])
        sentences.append(say("picture.place" if is_place else "picture.box", **sides))
    else:
        sentences.append(say("picture.no_crs") if crs is None else say("picture.crs", crs=crs.name))
    if sample.bins is not None:
        sentences.append(say("picture.bins"))
    return " ".join(sentences)


def _degrees(longitude: float) -> str:
    return f"{(longitude + 180) % 360 - 180 if not -180 <= longitude <= 180 else longitude:.4g}"
