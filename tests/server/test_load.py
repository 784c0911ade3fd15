"""Many clients at once: no job is lost, and each client gets its own."""

from __future__ import annotations

import threading

import pytest

from spatial_widgets.server.limits import Limits

pytestmark = pytest.mark.slow


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
