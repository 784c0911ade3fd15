"""ChooseBestFacilities: airports that serve earthquakes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from geographiclib.geodesic import Geodesic
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_diag, csr_array, hstack, identity, kron, vstack

from spatial_widgets.data import sample

TASK = "ChooseBestFacilities"


def _layers():
    return sample("earthquakes").iloc[::30], sample("airports").iloc[::170]


def parameters():
    quakes, airports = _layers()
    return {
        "goal": "MaximizeCoverage",
        "demandLocationsLayer": quakes,
        "candidateFacilitiesLayer": airports,
        "candidateCount": 5,
        "maxTravelRange": 500,
        "maxTravelRangeUnits": "Miles",
    }


def confirm(results):
    facilities, demand = results["assignedFacilitiesLayer"], results["allocatedDemandLocationsLayer"]
    assert len(facilities) == 5
    assert facilities["DemandCount"].sum() == demand["FacilityID"].notna().sum() > 0
    assert results["allocationLinesLayer"]["Total_Miles"].max() <= 500


def _distances(quakes, airports):
    return np.array(
        [
            [Geodesic.WGS84.Inverse(a.y, a.x, b.y, b.x)["s12"] for b in airports.geometry]
            for a in quakes.geometry
        ]
    )


def check_every_choice(run):
    """Earthquakes within 500 miles of five of 20 airports: the most by GeographicLib over all 15,504 choices."""
    quakes, airports = _layers()
    facilities = run(**parameters())["assignedFacilitiesLayer"]
    near = _distances(quakes, airports) <= 500 * 1609.344
    best = max(near[:, list(some)].any(axis=1).sum() for some in combinations(range(len(airports)), 5))
    assert facilities["DemandCount"].sum() == best
    return f"{best} of {len(quakes)} by both"


def check_milp(run):
    """The least sum of distances from eight of 85 airports, found by adding and exchanging, beside the optimum of SciPy's HiGHS; excess in percent."""
    quakes, airports = sample("earthquakes").iloc[::30], sample("airports").iloc[::40]
    made = run(
        goal="MinimizeImpedance",
        demandLocationsLayer=quakes,
        candidateFacilitiesLayer=airports,
        candidateCount=8,
    )["assignedFacilitiesLayer"]
    far = _distances(quakes, airports) / 1000
    n, m = far.shape
    # x[i, j] says that j serves i, y[j] that j is chosen.
    served = hstack([block_diag([np.ones((1, m))] * n), csr_array((n, m))])
    opened = hstack([identity(n * m), -kron(np.ones((n, 1)), identity(m))])
    number = csr_array(np.r_[np.zeros(n * m), np.ones(m)][None])
    rules = LinearConstraint(
        vstack([served, opened, number]).tocsr(),
        np.r_[np.ones(n), np.full(n * m, -1.0), 8.0],
        np.r_[np.ones(n), np.zeros(n * m), 8.0],
    )
    integral = np.r_[np.zeros(n * m), np.ones(m)]
    best = milp(
        np.r_[far.ravel(), np.zeros(m)], constraints=rules, integrality=integral, bounds=Bounds(0, 1)
    ).fun
    excess = 100 * (made["TotalWeighted_Kilometers"].sum() / best - 1)
    assert -1e-6 < excess < 2
    return f"{abs(excess):.1f} %"
