"""The site builds strictly: every page in the navigation, every link and anchor there."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import spatial_widgets
from spatial_widgets import errors
from spatial_widgets.protocol import LEGAL_TRANSITIONS

ROOT = Path(__file__).parents[2]


def build(root, folder):
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=root,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[there](nowhere.md)", "nowhere.md"),
        ("[there](#nowhere)", "#nowhere"),
        ("[there](../nothing)", "no nothing"),
    ],
    ids=["page", "anchor", "file"],
)
def test_a_wrong_link_is_found(text, told, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(text, encoding="utf-8")
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    config = config[: config.index("plugins:")] + "plugins: []\n"
    config = config.replace("docs/tools/hooks.py", str(ROOT / "docs" / "tools" / "hooks.py"))
    (tmp_path / "mkdocs.yml").write_text(config.replace("  - images/site.css", "  []"), encoding="utf-8")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert told in done.stderr


def test_the_diagram_shows_the_table_by_which_the_service_works():
    states = runpy.run_path(str(ROOT / "docs" / "tools" / "job_states.py"))
    for theme in ("light", "dark"):
        drawn = (ROOT / "docs" / "images" / f"job-states-{theme}.svg").read_text(encoding="utf-8")
        assert drawn == states["drawing"](theme), "run: python docs/tools/job_states.py"
        shown = set(re.findall("<title>(.+) to (.+)</title>", drawn))
        legal = {(start.label, end.label) for start, ends in LEGAL_TRANSITIONS.items() for end in ends}
        assert shown == legal


def test_nothing_is_fetched_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|source|iframe)\b[^>]*?\b(?:src|srcset)="([^"]+)"|<link\b[^>]*?\brel="(?:stylesheet|preload|preconnect)"[^>]*?href="([^"]+)"',
            page.read_text(encoding="utf-8"),
        )
        assert not [address for found in loaded for address in found if ":" in address.split("/")[0]], page


def test_what_a_docstring_says_of_parameters_errors_and_addresses_is_a_list_with_links():
    extension = runpy.run_path(str(ROOT / "docs" / "tools" / "docstrings.py"))
    text = """Do it, as :meth:`Job.wait`.

    Parameters
    ----------
    x, y : numbers,
        both of them.

    Source: https://example.org/page (a page).

    Examples
    --------
    >>> do(1, 2)  # doctest: +SKIP
    3
    """
    assert extension["as_markdown"](text).splitlines() == [
        "Do it, as `Job.wait`.",
        "",
        "**Parameters**",
        "",
        "- `x`, `y`: numbers,",
        "    both of them.",
        "",
        "Source: <https://example.org/page> (a page).",
        "",
        "**Examples**",
        "",
        "```pycon",
        ">>> do(1, 2)",
        "3",
        "```",
    ]


def test_every_public_name_is_in_the_reference(site):
    text = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").rglob("*.html"))
    documented = {name.rpartition(".")[2] for name in re.findall('<h[23] id="(spatial_widgets[^"]+)"', text)}
    assert set(spatial_widgets.__all__) | set(errors.__all__) <= documented
