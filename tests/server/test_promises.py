"""``docs/service-promises.md`` against the code: the same steps, the same numbers, and a test for every line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from spatial_widgets.protocol import LEGAL_TRANSITIONS, JobStatus
from spatial_widgets.server.limits import Limits

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "service-promises.md").read_text(encoding="utf-8")
WORDS = {status.value.removeprefix("esriJob"): status for status in JobStatus}

# What each line of the table is tried by: the beginning of its event, the statuses it starts from, and tests.
ROWS = {
    ("a valid job is submitted", "-"): [
        "test_store.py::test_a_job_outlives_the_store_object_with_all_it_was_given",
        "test_core.py::test_the_same_key_gives_the_same_job",
        "test_store_lives.py::test_every_life_of_a_job_is_legal",
    ],
    ("a job is refused", "-"): [
        "test_core.py::test_a_bad_parameter_makes_no_job_and_is_named",
        "test_core.py::test_a_full_queue_refuses_without_losing_anything",
        "test_asgi.py::test_too_large_a_body_is_refused_with_a_word_and_the_service_goes_on",
        "test_supervisor.py::test_stopping_takes_no_more_jobs_and_keeps_those_that_wait",
    ],
    ("no worker is free", "Submitted"): [
        "test_supervisor.py::test_one_job_runs_and_the_others_wait_in_order"
    ],
    ("a worker is free", "Submitted, Waiting"): [
        "test_supervisor.py::test_one_job_runs_and_the_others_wait_in_order",
        "test_supervisor.py::test_an_attempt_is_counted_and_its_process_noted",
    ],
    ("all outputs are written", "Executing"): [
        "test_store.py::test_results_are_kept_with_success_or_not_at_all",
        "executors/test_conformance.py::test_a_job_runs_and_its_results_can_be_read",
    ],
    ("all outputs are written, but", "Cancelling"): [
        "test_supervisor.py::test_an_acknowledged_cancel_wins_over_a_job_that_finished_meanwhile"
    ],
    ("the task raises", "Executing"): [
        "executors/test_conformance.py::test_an_error_for_the_user_is_told_in_its_own_words",
        "executors/test_conformance.py::test_a_defect_is_told_with_a_number_and_without_its_traceback",
    ],
    ("the worker dies", "Executing"): [
        "test_supervisor.py::test_a_restartable_job_whose_worker_died_is_not_run_again",
        "executors/test_conformance.py::test_a_crash_in_compiled_code_fails_its_job_only",
        "executors/test_conformance.py::test_a_worker_that_leaves_fails_its_job_and_keeps_its_last_words",
    ],
    ("an output is too large", "Executing"): [
        "executors/test_conformance.py::test_too_large_an_output_is_refused",
        "executors/test_conformance.py::test_a_value_that_is_no_json_is_refused",
        "executors/test_conformance.py::test_a_missing_output_is_a_failure_that_names_it",
    ],
    ("the time limit is over", "Executing"): [
        "test_supervisor.py::test_the_time_limit_counts_from_the_start_and_ends_with_the_worker",
        "executors/test_conformance.py::test_an_overdue_job_is_timed_out_in_time_and_its_process_gone",
    ],
    ("it waited longer", "Submitted, Waiting"): [
        "test_supervisor.py::test_a_job_that_waits_too_long_is_given_up_and_says_that_it_never_began"
    ],
    ("its task is gone", "Submitted, Waiting"): [
        "test_supervisor.py::test_a_task_that_is_gone_fails_its_waiting_jobs"
    ],
    ("cancel", "Submitted, Waiting"): [
        "test_supervisor.py::test_a_waiting_job_is_cancelled_at_once_and_never_runs",
        "test_core.py::test_a_strict_service_refuses_to_cancel_what_is_submitted",
    ],
    ("cancel", "Executing"): ["test_supervisor.py::test_a_cancel_is_on_the_disk_before_anything_is_killed"],
    ("the worker of a cancelled job is gone", "Cancelling"): [
        "test_supervisor.py::test_a_cancel_is_cancelled_only_when_the_worker_is_gone"
    ],
    ("cancel once more", "Cancelling"): [
        "test_supervisor.py::test_a_cancel_is_cancelled_only_when_the_worker_is_gone",
        "test_core.py::test_cancelling_what_has_ended_is_refused_and_twice_is_harmless",
    ],
    ("cancel of a job that has ended", "Succeeded, Failed, TimedOut"): [
        "executors/test_conformance.py::test_a_job_that_has_ended_cannot_be_cancelled"
    ],
    ("the service starts again", "Submitted, Waiting"): [
        "test_supervisor.py::test_a_restart_gives_every_job_a_true_status"
    ],
    ("the service starts again", "Cancelling"): [
        "test_supervisor.py::test_a_restart_gives_every_job_a_true_status",
        "test_recovery.py::test_a_cancel_that_was_acknowledged_survives_kill_9",
    ],
    ("the service starts again, the job is restartable", "Executing"): [
        "test_supervisor.py::test_a_restartable_job_is_taken_up_three_times_at_most",
        "test_recovery.py::test_nothing_is_lost_and_nothing_left_after_kill_9",
    ],
    ("the service starts again, otherwise", "Executing"): [
        "test_recovery.py::test_nothing_is_lost_and_nothing_left_after_kill_9"
    ],
    ("the service is told to stop", "Executing"): [
        "test_recovery.py::test_a_service_told_to_stop_refuses_new_jobs_and_keeps_its_word_to_the_others",
        "test_launcher.py::test_stopping_ends_a_worker_that_does_not_end_by_itself",
    ],
    ("the Dask worker or scheduler is lost", "Executing"): [
        "test_supervisor.py::test_a_job_whose_engine_is_lost_waits_to_be_run_again_or_fails",
        "executors/test_dask_cluster.py::test_a_lost_worker_ends_its_job_as_the_table_says",
        "executors/test_dask_cluster.py::test_a_lost_scheduler_ends_its_jobs_as_the_table_says",
    ],
    ("its time in the store is over", "Succeeded, Failed, TimedOut, Cancelled"): [
        "test_store.py::test_ended_jobs_go_after_their_time_and_over_their_number",
        "test_supervisor.py::test_a_job_whose_time_is_over_answers_with_an_error",
    ],
}
CHAOS = "test_chaos.py::test_a_service_killed_again_and_again_under_load_keeps_its_promises"
PROMISES = {
    1: [CHAOS, "test_store_lives.py::test_every_life_of_a_job_is_legal"],
    2: [CHAOS, "test_store_lives.py::test_without_the_fence_the_same_lives_show_the_defect"],
    3: [CHAOS, "test_core.py::test_a_damaged_result_is_an_error_not_a_value"],
    4: [
        "executors/test_conformance.py::test_an_executing_job_is_cancelled_in_time_and_its_process_gone",
        "executors/test_conformance.py::test_what_a_worker_has_started_ends_with_it",
    ],
    5: [CHAOS, "test_supervisor_lives.py::test_every_life_of_a_service_keeps_its_promises"],
    6: ["executors/test_conformance.py::test_an_executing_job_is_cancelled_in_time_and_its_process_gone"],
    7: ["test_recovery.py::test_workers_end_by_themselves_when_no_service_comes_back", CHAOS],
}


def table():
    lines = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line) for line in lines[2:]]


def statuses(cell):
    return [] if cell == "-" else [WORDS[word.strip()] for word in cell.split(",")]


def functions_in(name):
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def key_of(row):
    """Return the longest key that is the beginning of a line's event, with the same statuses to start from."""
    fits = [key for key in ROWS if row[0].startswith(key[0]) and row[1] == key[1]]
    return max(fits, key=lambda key: len(key[0]), default=None)


@pytest.mark.parametrize("row", table(), ids=lambda row: f"{row[0]} ({row[1]})")
def test_every_line_of_the_table_has_a_test(row):
    assert ROWS.get(key_of(row)), f"no test for {row[0]!r} from {row[1]!r}"


def test_every_entry_here_is_a_line_of_the_table():
    assert {key_of(row) for row in table()} == set(ROWS)


def test_every_promise_has_a_test():
    told = {int(number) for number in re.findall(r"(?m)^(\d+)\. ", PAGE)}
    assert told == set(PROMISES)
    assert all(PROMISES.values())


@pytest.mark.parametrize(
    "name", sorted({test for tests in [*ROWS.values(), *PROMISES.values()] for test in tests})
)
def test_every_named_test_exists(name):
    file, _, function = name.partition("::")
    assert function in functions_in(file)


def test_the_steps_of_the_table_are_those_that_the_code_allows():
    told = {
        (source, target)
        for _, before, after, _ in table()
        for source in statuses(before) or [JobStatus.NEW]
        for target in statuses(after)
        if source is not target and not source.is_terminal
    }
    # The service knows no Deleting: what is deleted is gone.
    allowed = {
        (source, target)
        for source, targets in LEGAL_TRANSITIONS.items()
        for target in targets
        if source is not JobStatus.DELETING
    }
    same = {
        (s, t)
        for s, t in told
        if {s, t} == {JobStatus.SUBMITTED, JobStatus.WAITING} and s is JobStatus.WAITING
    }
    assert told - same == allowed


def test_the_numbers_of_the_page_are_those_of_the_code():
    usual = Limits()
    assert usual.queue_wait_s == 0
    assert f"fewer than {usual.attempts} attempts" in PAGE
    assert f"run at most {usual.attempts} times" in PAGE
    assert f"within {usual.grace_s:g} s" in PAGE
    kept = f"{usual.keep_s / 3600:g} h, or over {usual.keep_jobs} ended jobs"
    assert f"{kept}, or over {usual.keep_bytes / 2**30:g} GiB of their files" in PAGE
