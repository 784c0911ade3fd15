"""The table of docs/endings.md and the cases that are tested say the same."""

import re
from pathlib import Path

import pytest
from endings import CASES

from spatial_widgets import errors
from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets import view

PAGE = Path(__file__).parents[2] / "docs" / "endings.md"
ROWS = [
    [cell.strip() for cell in line.strip("|\n ").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]
NAMES = [row[0].strip("`") for row in ROWS]
KNOWN = {case.name: case for case in CASES}


def test_each_case_has_one_row_and_each_row_is_a_case():
    assert len(KNOWN) == len(CASES), "two cases share a name"
    assert sorted(NAMES) == sorted(KNOWN)


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_a_row_says_what_its_case_does(row):
    case = KNOWN[row[0].strip("`")]
    _, what, sees, raised, runs, then = row
    word, tone = view.badge(JobStatus.parse(case.states))
    assert sees.startswith("no job, no widget" if case.act == "submit" else f"**{word}** ({tone})")
    named = {name for name in re.findall(r"`(\w+)`", raised) if hasattr(errors, name)}
    assert named == ({case.raises.__name__} if case.raises else set())
    assert ("none" in raised) == (
        case.raises is None or case.soft or (case.act == "wait" and bool(case.shows))
    )
    assert runs == ("yes" if case.runs else "no")
    assert what
    assert then


def test_every_status_every_error_of_a_job_and_every_verb_has_a_case():
    shown = {case.states for case in CASES}
    assert {status.value for status in JobStatus} <= shown
    raised = {case.raises for case in CASES}
    own = {
        errors.JobLost,
        errors.WaitTimeout,
        errors.NotFound,
        errors.AuthenticationError,
        errors.ProtocolError,
    }
    assert own | set(errors.JobError.__subclasses__()) <= raised
    assert {case.act for case in CASES} == {"wait", "result", "cancel", "submit"}
