"""``groupByField``: a row for each value in each area, and each area's rarest and most frequent value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.prepare import free_name, require_field
from spatial_widgets.server.analysis.statistics import summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

    from spatial_widgets.server.analysis.statistics import Statistic, Weights

__all__ = ["JOIN_ID", "Grouping", "grouping"]

#: The column that leads from an area to its rows in the table of groups.
JOIN_ID = "Join_ID"


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
        """Return one row for each value in each area; null is a value like any other.

        Parameters
        ----------
        rows : what lies in the areas, ``Join_ID`` naming the area.
        count : name for the number of rows.
        sums : columns to be added up, and the names for their sums; the first decides what is frequent.
        share : name for the share in percent.
        """
        summary = summarize(rows, [JOIN_ID, self.field], wanted, count=count, weights=weights)
        groups = rows.groupby([JOIN_ID, self.field], dropna=False, sort=True)
        for place, (column, name) in enumerate(sums.items(), start=1):
            summary.insert(place, name, groups[column].sum())
        summary = summary.reset_index()
        if self.percent:
            basis = self._basis(count, sums)
            totals = summary.groupby(JOIN_ID)[basis].transform("sum")
            summary[share] = (100 * summary[basis] / totals).astype("float64")
        return summary

    def _basis(self, count: str, sums: Mapping[str, str]) -> str:
        return next(iter(sums.values()), count)

    def add_extremes(
        self, areas: gpd.GeoDataFrame, table: pd.DataFrame, *, count: str, sums: Mapping[str, str], share: str
    ) -> None:
        """Add columns with the rarest and the most frequent value; of equals, the first in sorting order."""
        if not self.extremes:
            return
        for word, ascending in (("Minority", True), ("Majority", False)):
            ranked = table.sort_values(self._basis(count, sums), ascending=ascending, kind="stable")
            chosen = ranked.drop_duplicates(JOIN_ID).set_index(JOIN_ID).reindex(areas.index)
            areas[free_name(f"{word}_{self.field}", areas.columns)] = chosen[self.field]
            if self.percent:
                areas[free_name(f"{word}_{self.field}_Percent", areas.columns)] = chosen[share]


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
