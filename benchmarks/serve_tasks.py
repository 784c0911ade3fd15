"""The tasks that ``serve.py`` measures with."""

from __future__ import annotations

import numpy as np
import shapely

from spatial_widgets.server.registry import Context, task


@task("Nothing")
def nothing() -> int:
    """Return at once."""
    return 1


@task("OneCall")
def one_call(ctx: Context) -> float:
    """Be minutes inside one call of GEOS."""
    across = np.linspace(0.0, 1.0, 60_000)
    one, other = (shapely.linestrings(across, np.sin(across * n)) for n in (900, 700))
    ctx.info("into the call")
    return float(shapely.hausdorff_distance(one, other))
