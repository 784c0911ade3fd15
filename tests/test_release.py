"""What is released: one version everywhere, a wheel that holds the package and nothing else, and that works when it is installed."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image

import spatial_widgets

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "spatial_widgets"
VERSION = spatial_widgets.__version__
#: Every kind of file that a wheel may hold, and where.
BELONGS = (
    "**/*.py",
    "py.typed",
    "widgets/static/*.js",
    "widgets/static/*.css",
    "data/*.geojson.gz",
    "data/NOTICE",
)
JOB = """
import pathlib, sys
import spatial_widgets as sw

assert pathlib.Path(sw.__file__).is_relative_to(sys.prefix), sw.__file__
with sw.LocalService.start(store=sys.argv[1]) as local:
    job = local.service().task("CreateBuffers").submit(
        inputLayer=sw.sample("airports").head(9), distances=[30], units="Kilometers")
    widget = sw.JobWidget(job)
    assert len(job.result("bufferLayer", timeout=100)) == 9
    widget.wait(timeout=100)
    print(job.status.value, widget.job_status)
"""


def run(*command, cwd=None, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Return a folder with the source distribution, and the wheel that was built out of that."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(dist):
    (path,) = dist.glob("*.whl")
    return path


def described(wheel):
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (n for n in opened.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(opened.read(name))


def test_a_wheel_holds_the_package_its_front_end_its_data_and_its_licences_and_nothing_else(wheel):
    found = {path for pattern in BELONGS for path in PACKAGE.glob(pattern)}
    package = {path.relative_to(ROOT).as_posix() for path in found}
    for kind in (".js", ".css", ".gz"):
        assert any(name.endswith(kind) for name in package)
    about = f"spatial_widgets-{VERSION}.dist-info"
    licences = {f"{about}/licenses/{name}" for name in ("LICENSE", "spatial_widgets/data/NOTICE")}
    papers = {f"{about}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    with zipfile.ZipFile(wheel) as opened:
        assert set(opened.namelist()) == package | licences | papers
        for name in package:
            assert opened.read(name) == (ROOT / name).read_bytes()


def test_the_source_distribution_builds_the_wheel_that_the_repository_builds(dist, wheel, tmp_path):
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT)
    (other,) = tmp_path.glob("*.whl")
    assert other.name == wheel.name
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(other) as theirs:
        assert {n: ours.read(n) for n in ours.namelist()} == {n: theirs.read(n) for n in theirs.namelist()}


def test_the_source_distribution_holds_what_its_tests_and_its_reader_need(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    for needed in ("tests/conftest.py", "notebooks/01_first_job.ipynb", "binder/start", "docs/service.md", "benchmarks/load.py",
                   "LICENSE", "CHANGELOG.md", "CITATION.cff", "SECURITY.md", "pyproject.toml", ".ci/run"):  # fmt: skip
        assert needed in names
    assert not [
        name
        for name in names
        if re.search(r"__pycache__|\.pyc$|\.ipynb_checkpoints|^screenshots|^\.venv", name)
    ]


def test_an_index_takes_both_files(dist):
    told = run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", *dist.iterdir())
    assert told.count("PASSED") == 2


def test_the_page_of_an_index_has_no_link_that_leads_nowhere(wheel):
    page = described(wheel).get_payload()
    links = re.findall(r"\]\(([^)]*)\)|src(?:set)?=\"([^\"]*)\"", page)
    assert len(links) > 10
    for link in map("".join, links):
        assert link.startswith("https://")
        kept = re.match(
            rf"https://[^/]*github[^/]*/spatial-widgets/spatial_widgets/(?:blob/)?v{re.escape(VERSION)}/([^#]*)",
            link,
        )
        if kept:
            assert (ROOT / kept[1]).exists(), link


def test_the_version_stands_in_one_place_and_what_else_names_it_agrees(wheel):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    assert described(wheel)["Version"] == VERSION
    assert re.search(
        rf"^version: {re.escape(VERSION)}$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert re.search(
        rf"^## {re.escape(VERSION)}\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_a_wheel_alone_runs_a_job_on_its_own_service(wheel, tmp_path):
    prefix = tmp_path / "prefix"
    run(sys.executable, "-m", "venv", "--without-pip", prefix)
    python = prefix / ("Scripts" if os.name == "nt" else "bin") / "python"
    # What the package needs is lent by this environment; the package itself is not: files that stand behind are not followed.
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(packages, "lent.pth").write_text(sysconfig.get_path("purelib"))
    offline = ("--quiet", "--no-deps", "--no-index", "--no-compile")
    run(sys.executable, "-m", "pip", "--python", python, "install", *offline, wheel)
    place = {"SPATIAL_WIDGETS_STATE": str(tmp_path / "state")}
    told = run(python, "-c", JOB, tmp_path / "store", cwd=tmp_path, **place)
    assert told.split() == ["esriJobSucceeded"] * 2
    assert (
        run(python.with_name("spatial-widgets"), "--version", **place).strip() == f"spatial_widgets {VERSION}"
    )


def requirements(lines):
    """Return the lower bound of each requirement by its name, but for the extras of this package itself."""
    return {
        found[1]: found[2] for line in lines if (found := re.match(r"([\w.-]+)(?:\[\w+\])?>=([\w.]+)", line))
    }


def test_the_lowest_versions_are_what_is_allowed_of_the_package_and_its_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = run(sys.executable, ROOT / ".ci" / "lowest.py").splitlines()
    left_out = {"bench", "docs", "test"}
    wanted = project["dependencies"] + [
        line
        for name, lines in project["optional-dependencies"].items()
        if name not in left_out
        for line in lines
    ]
    assert requirements(pin.replace("==", ">=", 1) for pin in pins) == requirements(wanted)


def test_every_dependency_has_a_lower_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    for lines in groups.values():
        unbound = [
            line for line in lines if not requirements([line]) and not line.startswith("spatial_widgets[")
        ]
        assert unbound == []
    bounds = {}
    for lines in groups.values():
        for name, bound in requirements(lines).items():
            assert bounds.setdefault(name, bound) == bound, name


def test_the_recipe_for_conda_requires_what_the_package_requires():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, extras = told["project"], told["project"]["optional-dependencies"]
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == VERSION
    assert recipe["about"]["license"] == project["license"]
    assert recipe["about"]["license_file"] == project["license-files"]
    assert recipe["about"]["repository"] == project["urls"]["Source"]
    assert recipe["build"]["python"]["entry_points"] == [f"{n} = {c}" for n, c in project["scripts"].items()]

    def names(lines):
        elsewhere = {"h3": "h3-py", "matplotlib": "matplotlib-base"}  # as conda-forge calls them
        return sorted(f"{elsewhere.get(n, n)} >={bound}" for n, bound in requirements(lines).items())

    everywhere = [line for line in project["dependencies"] if ";" not in line]
    on_some = [line for line in project["dependencies"] if ";" in line]
    optional = [line for extra in ("cli", "dask", "map", "stats") for line in extras[extra]]
    wanted = recipe["requirements"]
    python = f"python {project['requires-python']}"
    assert sorted(wanted["run"]) == sorted([python, *names(everywhere), *names(extras["local"])])
    assert sorted(wanted["run_constraints"]) == sorted(names(on_some + optional))
    assert {*names(told["build-system"]["requires"]), "pip"} < set(wanted["host"])


def test_the_citation_has_what_its_format_wants():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == VERSION
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for here, there in (
        ("title", "name"),
        ("license", "license"),
        ("abstract", "description"),
        ("keywords", "keywords"),
    ):
        assert citation[here] == project[there]
    assert citation["repository-code"] == project["urls"]["Source"]


def test_the_pictures_of_the_readme_are_there_small_and_made_by_the_script_that_names_them():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"src(?:set)?=\"(\.github/images/[^\"]+)\"", readme))
    made = (ROOT / "tests" / "ui" / "screenshots.py").read_text(encoding="utf-8")
    names = {name.replace("{theme}", theme) for name in re.findall(r"PICTURES / f\"([^\"]+)\"", made) for theme in ("light", "dark")}  # fmt: skip
    assert (
        {Path(path).name for path in shown} == names == {p.name for p in (ROOT / ".github/images").iterdir()}
    )
    for path in shown:
        assert (ROOT / path).stat().st_size < 1_000_000
        with Image.open(ROOT / path) as picture:
            assert getattr(picture, "n_frames", 1) > 5 or path.endswith(".png")
            assert picture.width >= 2 * 700
    assert "prefers-color-scheme: dark" in readme
    assert "prefers-reduced-motion: reduce" in readme
