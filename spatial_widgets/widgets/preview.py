"""A look into one result: its first rows, its picture, the code that fetches it, and what it can be downloaded as."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import shapely

from spatial_widgets.pasting import result_code
from spatial_widgets.widgets import formats
from spatial_widgets.widgets.phrases import count, say
from spatial_widgets.widgets.picture import Picture, draw

if TYPE_CHECKING:
    from spatial_widgets.client import Job

__all__ = ["Preview", "look"]

logger = logging.getLogger(__name__)
_ROWS, _COLUMNS, _LONGEST = 5, 12, 60
_NO_PICTURE = Picture("", "")


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown of a result beside its line.

    Attributes
    ----------
    columns : name and type of each column that is shown.
    rows : the cells of the first rows, as text.
    caption : what of the table is shown; "" for a result that is none.
    code : Python that fetches the result in any session.
    formats : what it can be downloaded as.
    """

    name: str
    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    caption: str = ""
    picture: Picture = _NO_PICTURE
    code: str = ""
    formats: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what travels to the browser."""
        return {
            "name": self.name,
            "columns": [list(column) for column in self.columns],
            "rows": [list(row) for row in self.rows],
            "caption": self.caption,
            "picture": self.picture.uri,
            "pictureCaption": self.picture.caption,
            "width": self.picture.width,
            "height": self.picture.height,
            "code": self.code,
            "formats": list(self.formats),
        }


def look(job: Job, name: str, value: Any, *, is_whole: bool = True) -> Preview:
    """Return the preview of a result, at a cost that does not grow with it; never raises.

    Parameters
    ----------
    is_whole : False leaves rows and picture out, and says so.
    """
    code = result_code(job, name)
    offered = formats.offered(value)
    if not isinstance(value, pd.DataFrame):
        return Preview(name, code=code, formats=offered)
    if not is_whole:
        left_out = Picture("", say("preview.left_out", name=repr(name)))
        return Preview(name, picture=left_out, code=code, formats=offered)
    try:
        columns, rows = _table(value)
        picture = _picture(value)
    except Exception:  # a strange column must not cost the result
        logger.exception("The result %r could not be previewed", name)
        return Preview(name, code=code, formats=offered)
    return Preview(name, columns, rows, _caption(value), picture, code, offered)


def _table(frame: pd.DataFrame) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, ...], ...]]:
    shown = frame.iloc[:_ROWS, :_COLUMNS]
    columns = [
        (_short(str(name)), str(dtype)) for name, dtype in zip(shown.columns, shown.dtypes, strict=True)
    ]
    cells = [[_cell(v) for v in shown.iloc[:, place]] for place in range(shown.shape[1])]
    return tuple(columns), tuple(zip(*cells, strict=True))


def _cell(value: Any) -> str:
    if isinstance(value, shapely.Geometry):
        return _shape(value)
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return _short(str(value))


def _shape(shape: shapely.Geometry) -> str:
    if shape.is_empty:
        return say("preview.shape.empty", type=shape.geom_type)
    if isinstance(shape, shapely.Point):
        return say("preview.point", x=f"{shape.x:.7g}", y=f"{shape.y:.7g}")
    vertices = count("vertex", int(shapely.get_num_coordinates(shape)))
    return say("preview.shape", type=shape.geom_type, vertices=vertices)


def _short(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _caption(frame: pd.DataFrame) -> str:
    rows, columns = frame.shape
    if rows > _ROWS:
        shown = say("preview.rows.first", k=_ROWS, n=f"{rows:,}")
    elif rows > 1:
        shown = say("preview.rows.all", n=rows)
    else:
        shown = say("preview.rows.one" if rows else "preview.rows.none")
    if columns > _COLUMNS:
        shown += f" {say('preview.columns.first', k=_COLUMNS, n=f'{columns:,}')}"
    return shown


def _picture(frame: pd.DataFrame) -> Picture:
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None or not len(frame):
        return _NO_PICTURE
    return draw(frame)
