"""Every code block of the documentation and of the README runs, page by page, against the local service."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib

import pytest
import yaml
from pagecode import DATA, RUN, PageError, blocks, pages, read, run_page
from pagecode.standins import STAND_INS, Standing

from spatial_widgets import LocalService
from spatial_widgets.server.launcher import faults_store

pytestmark = pytest.mark.slow

#: What holds when the last block of a page has run.
ENDINGS = {
    "docs/own-tasks.md": "assert len(buffers) == 2 and buffers.crs and count == 2 and zipfile.is_zipfile(saved)",
    "docs/faults.md": "assert all(renewed) and refused == 498 and 'bufferLayer' in told and text == 'Waited 1 seconds.'",
}
#: Fenced text that is a drawing and no code.
DRAWINGS = {"docs/endings.md": 1}
#: Commands of which only the arguments are looked at: they need a network or an hour, or other tests do the same.
READ_ONLY = re.compile(
    r"(\S+/)?(git clone|jupyter lab|pip|pytest|mkdocs build|python3? (-m (venv|pytest)|benchmarks/)|spatial-widgets demo)\b"
)
CODE = "git+https://github.com/spatial-widgets/spatial_widgets"
#: The way from nothing to the first notebook: the README and the newcomer's page go it with the same commands.
FIRST_STEPS = [
    "git clone https://github.com/spatial-widgets/spatial_widgets",
    "python3 -m venv .venv",
    '.venv/bin/pip install ".[local,stats,map]"',
    ".venv/bin/spatial-widgets demo",
    ".venv/bin/pip install jupyterlab",
    ".venv/bin/jupyter lab notebooks/01_first_job.ipynb",
]
NOT_CARRIED_OUT = {
    "README.md": [
        *FIRST_STEPS,
        "python3 -m venv .venv",
        '.venv/bin/pip install -e ".[test]"',
        ".venv/bin/python -m pytest",
    ],
    "benchmarks/README.md": [
        'pip install -e ".[bench,local]"',
        "python benchmarks/load.py",
        "python benchmarks/pages.py",
        "python benchmarks/poll.py",
        "python benchmarks/pace.py",
        "python benchmarks/widget_traffic.py",
        "python benchmarks/serve.py",
        'pip install -e ".[local,stats,test]"',
        "python benchmarks/tasks.py",
    ],
    "docs/contributing.md": [
        "python3 -m venv .venv",
        '.venv/bin/pip install -e ".[test]"',
        ".venv/bin/python -m pytest tests/protocol/test_protocol.py -k status",
        "mkdocs build",
    ],
    "docs/dask.md": ["pytest -m slow tests/server/executors"],
    "docs/get-started.md": [
        f'pip install "spatial_widgets[local,stats,map] @ {CODE}"',
        "pip install jupyterlab",
    ],
    "docs/newcomer.md": FIRST_STEPS,
    "docs/places.md": [
        f'pip install "spatial_widgets[local,stats,map] @ {CODE}"',
        f'pip install "spatial_widgets[local,stats] @ {CODE}"',
    ],
}
PARSERS = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}


def has_code(page):
    return any(block.language in RUN for block in read(page))


@pytest.fixture(autouse=True)
def no_service_misbehaves_afterwards():
    yield
    running = LocalService.running(store=faults_store())
    if running is not None:
        running.stop()


@pytest.mark.parametrize("page", [page for page in pages() if has_code(page)])
def test_the_blocks_of_a_page_run_in_order(page, tmp_path):
    standing = STAND_INS.get(page, lambda: contextlib.nullcontext(Standing()))
    with standing() as world:
        run_page(read(page), tmp_path, standing=world, ending=ENDINGS.get(page, ""))


def test_every_block_is_code_that_runs_or_data_that_can_be_read_or_a_drawing():
    drawings = {}
    for page in pages():
        for block in read(page):
            if block.language in DATA:
                PARSERS[block.language](block.code)
            elif block.language == "text" and not block.is_output:
                drawings[page] = drawings.get(page, 0) + 1
            else:
                assert block.language in RUN or block.is_output, f"{block.name}: say which language this is"
    assert drawings == DRAWINGS


def test_only_these_commands_are_read_and_not_carried_out():
    found = {}
    for page in pages():
        for block in read(page):
            if block.language == "bash":
                for command in re.split(r"\n|&& ", block.code):
                    if READ_ONLY.match(command):
                        found.setdefault(page, []).append(command.split(" --")[0].strip())
    assert found == NOT_CARRIED_OUT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n", 'page.md", line 6'),
        ("```python\nimport spatial_widgets as sw\nsw.LocalServices\n```\n", "no attribute 'LocalServices'"),
        ("```bash\nfalse\n```\n", "page.md:2: exit status 1"),
        ("```bash\nspatial-widgets tusks\n```\n", "invalid choice: 'tusks'"),
        ("```bash\npython benchmarks/load.py --turns 1\n```\n", "unrecognized arguments: --turns 1"),
        ("```bash\npip install 'spatial_widgets[lokal]'\n```\n", "no extra 'lokal'"),
        ("```bash\ngit clone https://example.org/elsewhere\n```\n", "only `git clone https://github.com/"),
        ("```bash\njupyter lab notebooks/00.ipynb\n```\n", "a notebook that is there"),
        ("```bash\necho one\n```\n<!-- prints -->\n```text\ntwo\n```\n", "but this came:\none"),
    ],
    ids=["assert", "name", "status", "command", "option", "extra", "address", "notebook", "output"],
)
def test_a_wrong_block_is_found(text, told, tmp_path):
    with pytest.raises(PageError, match="(?s).") as caught:
        run_page(blocks(text), tmp_path)
    assert told in str(caught.value)
