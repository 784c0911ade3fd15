"""Every local task is checked against something that is not ours, and the page says what came of it."""

from __future__ import annotations

import pytest
from verification import BEGIN, END, PAGE, checks, lines_of, load_cases, local_tasks, rows

from spatial_widgets.server.catalogue import CATALOGUE

CASES = load_cases()


@pytest.mark.parametrize("name", local_tasks())
def test_every_local_task_has_a_check(name):
    assert name in CASES, f"write tests/server/tasks/cases/…py with TASK = {name!r}"
    assert checks(CASES[name])


def test_every_case_belongs_to_a_local_task():
    assert set(CASES) <= set(local_tasks())


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_page_has_the_figures_of_today(name):
    page = PAGE.read_text(encoding="utf-8")
    assert lines_of(name, page) == rows(name, CASES.get(name)), (
        f"run: python -m tests.server.tasks.verification {name}"
    )


def test_the_page_has_no_other_lines():
    page = PAGE.read_text(encoding="utf-8")
    inside = page.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    assert inside == [line for name in CATALOGUE for line in lines_of(name, page)]
