"""The middles of weighted sites, on the sphere or in a plane: mean, median, and the most central of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spatial_widgets.server.analysis.sphere import EARTH_RADIUS_M

if TYPE_CHECKING:
    from spatial_widgets.server.analysis.neighbors import Sites

__all__ = ["central_site", "distances_from", "mean_center", "median_center"]

Array = np.ndarray[Any, Any]

_STEPS = 200
_HERE_M = 1e-6  # what is nearer is at the same place
_DIRECT = 400  # so few are compared with each other at once
_HALVINGS = (9, 12, 14)  # where more sites are left, groups are made smaller
_NUMBERS = 4_000_000  # in memory at once
_BATCH = 64
_SAME = 1e-12  # sums of distances that differ by less are equal but for rounding
_SURE = 1e-9  # and bounds are no more exact than that
_BALANCED = 1e-9  # directions that cancel out so far leave no mean


def mean_center(sites: Sites, weights: Array) -> Array | None:
    """Return the place with the least sum of weighted squared distances, in the coordinates of ``positions``.

    On the sphere distances are measured straight through the Earth, so that the mean is the direction of the
    sum of the directions. None where they cancel out, as for the two poles.
    """
    middle = np.average(sites.positions, axis=0, weights=weights)
    if not sites.spherical:
        return np.asarray(middle)
    length = float(np.linalg.norm(middle))
    return None if length < _BALANCED * EARTH_RADIUS_M else np.asarray(middle * (EARTH_RADIUS_M / length))


def distances_from(sites: Sites, place: Array) -> Array:
    """Return the distances of all sites from a place, in metres: along great circles, or straight in a plane."""
    return sites.arc(np.linalg.norm(sites.positions - place, axis=1))


def median_center(sites: Sites, weights: Array) -> Array | None:
    """Return the place with the least sum of weighted distances; None where it cannot be told where to look.

    Where several places are equally good, as between two sites, it is one of them. From the mean center on, steps
    are Newton's where they lead to a better place, else those of Weiszfeld, with the rule of Vardi and Zhang (2000,
    https://doi.org/10.1073/pnas.97.4.1423) for places that are sites themselves. All follow great circles on
    the sphere, where data spread over more than a half may have more than one such place; it is one near the mean.
    """
    place = mean_center(sites, weights)
    if place is None:
        return None
    scale = float(np.average(distances_from(sites, place), weights=weights))
    for _ in range(_STEPS):
        pull = _Pull.at(sites, weights, place)
        nearest = sites.positions[int(pull.distance.argmin())]
        if pull.excess <= _BALANCED * float(weights.sum()) * 1e-3:
            return place
        step = pull.step()
        if pull.distance.min() < 10 * np.linalg.norm(step) and _Pull.at(sites, weights, nearest).excess <= 0:
            return np.asarray(nearest)
        if np.linalg.norm(step) > 1e-5 * scale:
            there = _move(sites, place, step)
            if weights @ distances_from(sites, there) >= weights @ pull.distance:
                step = pull.careful_step()
        place = _move(sites, place, step)
        if np.linalg.norm(step) <= 1e-12 * scale:
            break
    return place


@dataclass(frozen=True, slots=True)
class _Pull:
    """How sites pull at a place: ``force`` and ``bend`` are minus the gradient and the curvature of the sum of distances.

    ``excess`` is how much stronger the pull is than what the sites at the place itself hold; none is needed elsewhere.
    """

    frame: Array
    distance: Array
    force: Array
    bend: Array
    held: float
    stiffness: float

    @classmethod
    def at(cls, sites: Sites, weights: Array, place: Array) -> _Pull:
        frame = _tangents(place) if sites.spherical else np.eye(2)
        toward = (sites.positions - place) @ frame.T
        distance = distances_from(sites, place)
        here = distance <= _HERE_M
        length = np.where(here, 1.0, np.linalg.norm(toward, axis=1))
        direction = toward / np.maximum(length, _HERE_M)[:, None]
        weight = np.where(here, 0.0, weights)
        far = np.where(here, 1.0, distance)
        angle = far / EARTH_RADIUS_M
        curvature = weight / (EARTH_RADIUS_M * np.tan(angle)) if sites.spherical else weight / far
        across = np.column_stack([-direction[:, 1], direction[:, 0]])
        return cls(
            frame,
            distance,
            weight @ direction,
            (across * curvature[:, None]).T @ across,
            float(weights[here].sum()),
            float((weight / far).sum()),
        )

    @property
    def excess(self) -> float:
        return float(np.linalg.norm(self.force)) - self.held

    def step(self) -> Array:
        """Return Newton's step where the sum is smooth and bends upwards, else the careful one."""
        if self.held > 0 or np.linalg.eigvalsh(self.bend)[0] <= 1e-9 * self.stiffness:
            return self.careful_step()
        return np.asarray(np.linalg.solve(self.bend, self.force) @ self.frame)

    def careful_step(self) -> Array:
        """Return the step of Weiszfeld, shortened by what is held."""
        share = self.excess / float(np.linalg.norm(self.force))
        return np.asarray(self.force @ self.frame * (share / self.stiffness))


def _tangents(place: Array) -> Array:
    """Return two unit vectors along the sphere, at right angles, shape ``(2, 3)``."""
    up = place / np.linalg.norm(place)
    aside = np.cross(up, np.eye(3)[int(np.abs(up).argmin())])
    aside /= np.linalg.norm(aside)
    return np.stack([aside, np.cross(up, aside)])


def _move(sites: Sites, place: Array, step: Array) -> Array:
    length = float(np.linalg.norm(step))
    if not sites.spherical or length == 0:
        return np.asarray(place + step)
    angle = length / EARTH_RADIUS_M
    return np.asarray(place * np.cos(angle) + step * (np.sin(angle) / angle))


def central_site(sites: Sites, weights: Array) -> int:
    """Return the number of the site with the least sum of weighted distances to all sites.

    Of equals it is the first in the order of coordinates. The distance is a convex function of the difference,
    on the sphere in the three dimensions around it as well (the arc grows ever faster with the chord). So the sum over a
    group of sites is at least the group's weight times the distance from its centroid. These bounds, for some
    hundred groups at first, leave few sites for which the sum itself must be computed.
    """
    distinct, first, back = np.unique(sites.positions, axis=0, return_index=True, return_inverse=True)
    total = np.bincount(back.ravel(), weights, minlength=len(distinct))
    places = type(sites)(distinct, sites.spherical)
    bound, sums = np.zeros(len(distinct)), np.full(len(distinct), np.inf)
    halvings = list(_HALVINGS)
    while True:
        best = float(sums.min())
        left = np.flatnonzero((bound <= best * (1 + _SURE)) & np.isinf(sums))
        if len(left) == 0:
            return int(first[np.flatnonzero(sums <= best * (1 + _SAME))[0]])
        if halvings and len(left) > _DIRECT:
            bound[left] = _bounds(places, total, left, halvings.pop(0))
        for i in left[np.argsort(bound[left], kind="stable")[:_BATCH]]:
            sums[i] = total @ distances_from(places, distinct[i])


def _bounds(sites: Sites, weights: Array, rows: Array, halvings: int) -> Array:
    """Return for some sites less than the sum of their weighted distances to all."""
    groups = [np.flatnonzero(weights > 0)]
    for _ in range(halvings):
        groups = [half for group in groups for half in _halves(sites.positions, group)]
    mass = np.array([weights[group].sum() for group in groups])
    middle = np.stack([np.average(sites.positions[g], axis=0, weights=weights[g]) for g in groups])
    origin = middle.mean(axis=0)  # near the sites, so that squares of differences keep their digits
    middle, positions = middle - origin, sites.positions[rows] - origin
    bound = np.empty(len(rows))
    step = max(1, _NUMBERS // len(middle))
    for start in range(0, len(rows), step):
        some = positions[start : start + step]
        square = (some**2).sum(axis=1)[:, None] + (middle**2).sum(axis=1) - 2 * some @ middle.T
        bound[start : start + step] = sites.arc(np.sqrt(np.maximum(square, 0))) @ mass
    return bound


def _halves(positions: Array, group: Array) -> list[Array]:
    if len(group) < 2:
        return [group]
    axis = int(np.ptp(positions[group], axis=0).argmax())
    half = len(group) // 2
    order = group[np.argpartition(positions[group, axis], half)]
    return [order[:half], order[half:]]
