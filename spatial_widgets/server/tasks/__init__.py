"""The analyses of the local service, one module each; importing this package registers them."""

from spatial_widgets.server.tasks import (
    aggregate,
    buffers,
    centroids,
    dispersion,
    dissolve,
    elsewhere,
    hotspots,
    join,
    merge,
    nearby,
    nearest,
    outliers,
    pointclusters,
    similar,
    teaching,
    within,
)

__all__ = [
    "aggregate",
    "buffers",
    "centroids",
    "dispersion",
    "dissolve",
    "elsewhere",
    "hotspots",
    "join",
    "merge",
    "nearby",
    "nearest",
    "outliers",
    "pointclusters",
    "similar",
    "teaching",
    "within",
]
