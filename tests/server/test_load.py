"""Many clients at once, and many jobs one after the other: none is lost, and nothing grows."""

from __future__ import annotations

import json
import threading
from collections import Counter

import psutil
import pytest
from faces import ENDED, family, wait_until

from spatial_widgets.server.limits import Limits

pytestmark = pytest.mark.slow

LAYER = json.dumps(
    {
        "geometryType": "esriGeometryPoint",
        "spatialReference": {"wkid": 4326},
        "fields": [{"name": "n", "type": "esriFieldTypeInteger"}],
        "features": [{"geometry": {"x": n % 90, "y": n % 80}, "attributes": {"n": n}} for n in range(2000)],
    }
)


def side_by_side(work, clients):
    """Do some work once for each client, at the same time; the first error is raised here."""
    errors = []

    def run(number):
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 -- raised below, where the test sees it
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("clients", [1, 20, 100])
def test_every_job_of_every_client_ends_with_its_own_result(start, clients):
    face = start(workers=2, limits=Limits(queue=1000, keep_jobs=1000))
    jobs = {}

    def work(number):
        jobs[number] = job = face.submit("Greet", name=str(number))
        assert face.ended(job, 200.0)["jobStatus"] == "esriJobSucceeded"
        assert face.ask(f"{job}/results/text")["value"] == f"Hello {number}. "

    side_by_side(work, clients)
    assert len(set(jobs.values())) == clients
    health = face.raw("/health")[1]
    assert (health["live"], health["jobs"]) == (0, {"esriJobSucceeded": clients})


def one_round(face):
    """Let jobs of each kind begin and end, and read all that comes of them."""
    jobs = [
        face.submit("Layer", inputLayer=LAYER),
        face.submit("WriteFiles", text="x" * 100_000),
        face.submit("Bug"),
        face.submit("Exit"),
        face.submit("Greet", name="a", times=100),
        face.submit("Sleep"),
    ]
    face.ask(f"{jobs[-1]}/cancel")
    ended = Counter(face.ended(job, 60.0)["jobStatus"] for job in jobs)
    assert ended == {"esriJobSucceeded": 3, "esriJobFailed": 2, "esriJobCancelled": 1}
    for job in (jobs[0], jobs[1], jobs[4]):
        face.ask(f"{job}/results")


def measured(face, store):
    """Return what may not grow: memory and open files of the service, its processes, and its files on the disk."""
    wait_until(lambda: face.raw("/health")[1]["live"] == 0)
    process = psutil.Process(face.service.pid)
    below = process.children(recursive=True)
    return {
        "memory": process.memory_info().rss,
        "descriptors": process.num_fds(),
        "threads": process.num_threads(),
        "processes": len(below),
        "zombies": sum(one.status() == psutil.STATUS_ZOMBIE for one in below),
        "wal": (store / "jobs.sqlite3-wal").stat().st_size,
    }


def test_nothing_grows_with_the_number_of_jobs(start, tmp_path):
    busy, store = start(workers=2), tmp_path / "store"
    for _ in range(8):  # until caches are full and pools have their threads
        one_round(busy)
    before = measured(busy, store)
    for _ in range(25):
        one_round(busy)
    wait_until(lambda: measured(busy, store)["zombies"] == 0)
    after = measured(busy, store)
    assert after["wal"] < 8 * 2**20, after
    assert after["memory"] - before["memory"] < 24 * 2**20, (before, after)
    assert after["descriptors"] - before["descriptors"] <= 8, (before, after)
    assert after["threads"] - before["threads"] <= 8, (before, after)
    assert after["processes"] <= before["processes"], (before, after)
    assert len(family(busy.service.pid)) == 1 + after["processes"]
    assert set(busy.raw("/health")[1]["jobs"]) <= ENDED
