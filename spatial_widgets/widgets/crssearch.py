"""Coordinate reference systems by words, from the database that comes with pyproj: no network."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["found_references"]

_MOST = 20


@lru_cache(maxsize=1)
def _known() -> tuple[tuple[str, str, str, str], ...]:
    """Return code, name, area and the folded text of all of them, of EPSG's geographic and projected ones."""
    from pyproj.database import query_crs_info
    from pyproj.enums import PJType

    kinds = [PJType.GEOGRAPHIC_2D_CRS, PJType.PROJECTED_CRS]
    known: dict[str, tuple[str, str, str, str]] = {}  # some codes are there with several areas
    for info in query_crs_info(auth_name="EPSG", pj_types=kinds):
        area = (info.area_of_use.name if info.area_of_use else None) or ""
        text = f"epsg:{info.code} {info.name} {area}".casefold()
        # After the colon come countries, by the hundred.
        known.setdefault(info.code, (info.code, info.name, area.partition(":")[0].rstrip("."), text))
    return tuple(known.values())


def found_references(text: str) -> list[dict[str, str]]:
    """Return at most 20 systems that have all the words of a text in code, name or area: ``{"code", "name", "area"}``.

    A code that is the text itself comes first, then names that begin with it, then those with all words in the name.
    """
    folded = text.casefold().strip()
    words = folded.split()
    if not words:
        return []
    found = [each for each in _known() if all(word in each[3] for word in words)]

    def rank(each: tuple[str, str, str, str]) -> tuple[bool, bool, bool, int, int]:
        code, name, _, _ = each
        name = name.casefold()
        is_code = folded.removeprefix("epsg:") == code
        in_name = all(word in name for word in words)
        return not is_code, not name.startswith(folded), not in_name, len(name), int(code)

    return [
        {"code": code, "name": name, "area": area} for code, name, area, _ in sorted(found, key=rank)[:_MOST]
    ]
