"""What this package and its analyses are built on may be used by everybody: no copyleft, nothing proprietary."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: Extras whose libraries are looked at, with all that these need in turn, beside those of the package itself.
EXTRAS = ("local", "stats")
ALLOWED = re.compile(
    r"(0BSD|Apache|BSD|CC0|ISC|MIT|MPL|Mozilla Public License 2\.0|PSF|Python Software Foundation|Unlicense|Zlib|HPND)\b",
    re.IGNORECASE,
)
REFUSED = re.compile(r"\b(A?GPL|LGPL|GNU|EUPL|SSPL|BUSL|proprietary|commercial)", re.IGNORECASE)
#: Read in the files of the distribution itself, because its metadata do not say: what is said there.
REVIEWED = {"pysimdjson": "MIT, and Apache-2.0 for the simdjson within it"}
#: What has to be among the libraries found; without it the test would look at nothing.
SURELY = {
    "geopandas",
    "shapely",
    "pyproj",
    "pyogrio",
    "esda",
    "libpysal",
    "scikit-learn",
    "scipy",
    "h3",
    "starlette",
}


def needed(name, extras=()):
    """Return the installed distributions that one needs, itself among them, by canonical name."""
    found, waiting, seen = {}, [(name, extra) for extra in ("", *extras)], set()
    while waiting:
        label, extra = waiting.pop()
        if (canonicalize_name(label), extra) in seen:
            continue
        seen.add((canonicalize_name(label), extra))
        try:
            found[canonicalize_name(label)] = made = distribution(label)
        except PackageNotFoundError:
            pytest.fail(f"{label} is needed and not installed")
        for text in made.requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                waiting += [(wanted.name, more) for more in ("", *wanted.extras)]
    return found


def licence(metadata):
    """Return what a distribution says of its licence: the expression, else the classifiers, else the first line."""
    classifiers = [text for text in metadata.get_all("Classifier") or () if text.startswith("License ::")]
    first = (metadata.get("License") or "").strip().partition("\n")[0]
    text = metadata.get("License-Expression") or " AND ".join(classifiers) or first
    return "" if text == "UNKNOWN" else text


def is_permissive(text):
    """Whether all parts of a licence are allowed, or one of those that one may choose from."""
    choices = re.split(r"\bOR\b", text.replace("(", " ").replace(")", " "))
    return any(
        all(ALLOWED.search(part) and not REFUSED.search(part) for part in re.split(r"\bAND\b", choice))
        for choice in choices
    )


def test_every_library_of_the_analyses_is_permissively_licensed():
    found = needed("spatial_widgets", EXTRAS)
    assert set(found) >= SURELY
    told = {name: licence(made.metadata) for name, made in found.items()}
    bad = {name: text for name, text in told.items() if not is_permissive(text) and name not in REVIEWED}
    assert not bad


def test_what_was_reviewed_by_hand_still_has_to_be():
    found = needed("spatial_widgets", EXTRAS)
    assert {name for name in REVIEWED if name in found and licence(found[name].metadata)} == set()


@pytest.mark.parametrize(
    ("text", "is_fine"),
    [
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("Apache-2.0 OR BSD-2-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("License :: OSI Approved :: BSD License", True),
        ("LGPL-2.1-only", False),
        ("MIT AND GPL-3.0-or-later", False),
        ("License :: OSI Approved :: GNU Affero General Public License v3", False),
        ("AGPL-3.0", False),
        ("Esri Master Agreement", False),
        ("", False),
    ],
)
def test_a_licence_is_told_by_its_words(text, is_fine):
    assert is_permissive(text) is is_fine
