"""``groupByField``: a row for each value in each area, and each area's rarest and most frequent value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import free_name, require_field
from spatial_widgets.server.analysis.statistics import summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

    from spatial_widgets.server.analysis.statistics import Statistic, Weights

__all__ = ["AREA", "Grouping", "grouping"]

#: The column of rows with the number of the area that each lies in; no field of a layer has a number for its name.
AREA: Any = -1
_VALUE: Any = -2
_JOIN_ID = "Join_ID"


@dataclass(frozen=True, slots=True)
class Grouping:
    """A field to group by, whether to tell extremes, and whether to tell shares in percent."""

    field: str
    extremes: bool = False
    percent: bool = False

    def table(
        self,
        rows: pd.DataFrame,
        wanted: Sequence[Statistic],
        *,
        count: str,
        sums: Mapping[str, str],
        share: str,
        weights: Weights | None = None,
    ) -> pd.DataFrame:
        """Return one row for each value in each area, to be :meth:`finished`; null is a value like any other.

        Parameters
        ----------
        rows : what lies in the areas, the column ``AREA`` naming the area.
        count : name for the number of rows.
        sums : columns to be added up, and the names for their sums; the first decides what is frequent.
        share : name for the share in percent.
        """
        summary = summarize(rows, [AREA, self.field], wanted, count=count, weights=weights)
        groups = rows.groupby([AREA, self.field], dropna=False, sort=True)
        for place, (column, name) in enumerate(sums.items(), start=1):
            summary.insert(place, name, groups[column].sum())
        summary = summary.rename_axis(index=[AREA, _VALUE]).reset_index()
        if self.percent:
            basis = self._basis(count, sums)
            totals = summary.groupby(AREA)[basis].transform("sum")
            summary[share] = (100 * summary[basis] / totals).astype("float64")
        return summary

    def _basis(self, count: str, sums: Mapping[str, str]) -> str:
        return next(iter(sums.values()), count)

    def add_extremes(
        self, areas: gpd.GeoDataFrame, table: pd.DataFrame, *, count: str, sums: Mapping[str, str], share: str
    ) -> None:
        """Add the number of each area, and columns with the rarest and the most frequent value; of equals, the first in sorting order."""
        areas.insert(0, free_name(_JOIN_ID, areas.columns), areas.index.astype("int64"))
        if not self.extremes:
            return
        for word, ascending in (("Minority", True), ("Majority", False)):
            ranked = table.sort_values(self._basis(count, sums), ascending=ascending, kind="stable")
            chosen = ranked.drop_duplicates(AREA).set_index(AREA).reindex(areas.index)
            areas[free_name(f"{word}_{self.field}", areas.columns)] = chosen[_VALUE]
            if self.percent:
                areas[free_name(f"{word}_{self.field}_Percent", areas.columns)] = chosen[share]

    def finished(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table of groups with names for a reader; what is counted makes way for the field itself."""
        computed = [name for name in table.columns if name not in {AREA, _VALUE}]
        names = {name: free_name(str(name), [self.field]) for name in computed}
        area = free_name(_JOIN_ID, [self.field, *names.values()])
        return table.rename(columns={AREA: area, _VALUE: self.field, **names})


def grouping(
    layer: pd.DataFrame, field: str | None, *, extremes: bool, percent: bool, percent_name: str
) -> Grouping | None:
    """Return how to group, or None.

    Raises
    ------
    ParameterError : there is no such field, or groups are to be described and none are asked for.
    """
    if field:
        return Grouping(require_field(layer, field, "groupByField"), extremes, percent)
    if extremes or percent:
        name = "minorityMajority" if extremes else percent_name
        raise ParameterError(f"{name}: it describes groups, so it needs groupByField.", parameter=name)
    return None
