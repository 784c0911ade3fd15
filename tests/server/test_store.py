import sqlite3
import stat
from contextlib import closing

import pytest

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol import LEGAL_TRANSITIONS, JobMessage, JobStatus
from spatial_widgets.server.jobfiles import ResultFile, write_result
from spatial_widgets.server.store import QueueFull, Store

S = JobStatus
RESULT = ResultFile("out", "out.1.json", 2, "x")


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store")) as opened:
        yield opened


def add(store, **settings):
    return store.add("Task", {"a": "1"}, restartable=False, timeout_s=60.0, **settings)


def put(store, status):
    """Make a job of that status, by legal steps, and return its ID and attempt."""
    job_id = add(store)
    if status in {S.WAITING, S.CANCELLED}:
        store.move(job_id, status, attempt=0, why="test")
    elif status is not S.SUBMITTED:
        store.move(job_id, S.EXECUTING, attempt=0, why="test")
        if status is not S.EXECUTING:
            store.move(job_id, status, attempt=1, why="test")
    row = store.job(job_id)
    assert row.status is status
    return job_id, row.attempt


STATES = [S.SUBMITTED, S.WAITING, S.EXECUTING, S.SUCCEEDED, S.FAILED, S.TIMED_OUT, S.CANCELLING, S.CANCELLED]


@pytest.mark.parametrize("target", list(S))
@pytest.mark.parametrize("source", STATES)
def test_a_move_is_done_exactly_where_the_table_allows_it(store, source, target):
    job_id, attempt = put(store, source)
    before = store.view(job_id)
    moved = store.move(job_id, target, attempt=attempt, why="test", messages=[JobMessage("t", "said")])
    after = store.view(job_id)
    if target in LEGAL_TRANSITIONS[source]:
        assert moved
        assert after.row.status is target
        assert after.row.attempt == attempt + (target is S.EXECUTING)
        assert after.messages[-1].description == "said"
        assert store.history(job_id)[-1] == (source, target, after.row.attempt)
        assert (after.row.finished is not None) == target.is_terminal
    else:
        assert not moved
        assert after == before


@pytest.mark.parametrize("target", [S.SUCCEEDED, S.FAILED, S.WAITING, S.CANCELLING, S.TIMED_OUT])
def test_a_word_of_an_earlier_attempt_changes_nothing(store, target):
    job_id, _ = put(store, S.EXECUTING)
    assert store.move(job_id, S.WAITING, attempt=1, why="service stopped")
    assert store.move(job_id, S.EXECUTING, attempt=1, why="again")
    before = store.view(job_id)
    assert not store.move(job_id, target, attempt=1, why="late", results=[RESULT])
    assert not store.append(job_id, attempt=1, messages=[JobMessage("t", "late")], progress=(99, "late"))
    assert store.view(job_id) == before
    assert before.row.attempt == 2


def test_results_are_kept_with_success_or_not_at_all(store):
    job_id, attempt = put(store, S.EXECUTING)
    with pytest.raises(sqlite3.IntegrityError):
        store.move(job_id, S.SUCCEEDED, attempt=attempt, why="twice", results=[RESULT, RESULT])
    assert store.job(job_id).status is S.EXECUTING
    assert store.move(job_id, S.SUCCEEDED, attempt=attempt, why="once", results=[RESULT])
    assert store.view(job_id).results == {"out": RESULT}


def test_a_job_outlives_the_store_object_with_all_it_was_given(tmp_path):
    with closing(Store(tmp_path)) as store:
        job_id = add(store, key="k")
    with closing(Store(tmp_path)) as store:
        assert store.files.parameters(job_id) == {"a": "1"}
        assert store.job(job_id).status is S.SUBMITTED
        assert add(store, key="k") == job_id
        assert [row.id for row in store.queued()] == [job_id]


def test_a_store_has_one_owner(tmp_path):
    with closing(Store(tmp_path)), pytest.raises(SpatialWidgetsError, match="owns the store"):
        Store(tmp_path)
    Store(tmp_path).close()


def test_a_store_of_another_version_is_refused_and_given_free(tmp_path):
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite3")) as db:
        db.execute("PRAGMA user_version=99")
    for _ in range(2):
        with pytest.raises(SpatialWidgetsError, match="another version"):
            Store(tmp_path)


def test_only_the_owner_can_read_the_store(store):
    job_id = add(store)
    folder = store.files.folder(job_id)
    for path in (store.folder, folder, folder / "parameters.json", store.folder / "jobs.sqlite3"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_queue_has_a_limit_and_an_order(store):
    ids = [add(store, queue_limit=3) for _ in range(3)]
    with pytest.raises(QueueFull):
        add(store, queue_limit=3)
    store.move(ids[0], S.WAITING, attempt=0, why="test")
    assert [row.id for row in store.queued()] == ids
    assert len(list((store.folder / "jobs").iterdir())) == 3


def test_ended_jobs_go_after_their_time_and_over_their_number(tmp_path):
    now = [1000.0]
    with closing(Store(tmp_path, clock=lambda: now[0])) as store:
        old, _ = put(store, S.FAILED)
        running, _ = put(store, S.EXECUTING)
        now[0] += 100.0
        fresh = [put(store, S.CANCELLED)[0] for _ in range(3)]
        assert store.sweep(keep_s=50.0, keep_jobs=10) == [old]
        assert store.sweep(keep_s=50.0, keep_jobs=2) == [fresh[0]]
        assert store.ids() == {running, *fresh[1:]}
        assert {path.name for path in (tmp_path / "jobs").iterdir()} == store.ids()
        assert store.view(old) is None
        assert store.history(old) == []


def test_folders_without_a_row_are_cleared(store):
    job_id = add(store)
    (store.folder / "jobs" / "jlost").mkdir()
    store.files.remove_all_but(store.ids())
    assert [path.name for path in (store.folder / "jobs").iterdir()] == [job_id]


def test_a_result_that_changed_on_the_disk_is_not_read(store):
    job_id = add(store)
    folder = store.files.folder(job_id)
    result = write_result(folder, "a/../b", 1, ['{"é":'.encode(), b"1}"], 100)
    assert store.files.read(job_id, result) == '{"é":1}'.encode()
    assert (folder / result.file).parent == folder
    (folder / result.file).write_bytes(b'{"e":11}')
    with pytest.raises(OSError, match="not what the job wrote"):
        store.files.read(job_id, result)


def test_a_result_over_the_limit_is_refused(store):
    folder = store.files.folder(add(store))
    with pytest.raises(ValueError, match="at most 10"):
        write_result(folder, "x", 1, (b"y" for _ in range(20)), 10)
    assert [path.name for path in folder.iterdir()] == ["parameters.json"]


def test_an_input_that_is_gone_is_no_full_disk_and_leaves_no_job(store, tmp_path):
    with pytest.raises(FileNotFoundError):
        store.add("T", {}, restartable=False, timeout_s=1.0, files={"input.0.txt": tmp_path / "gone.txt"})
    assert store.ids() == set()
    assert list(store.files.root.iterdir()) == []
