"""Thousands of jobs on a server that misbehaves in every way, and what must hold all the same.

``SPATIAL_WIDGETS_CHAOS_SEED=17 pytest -m slow tests/chaos`` has the server decide as it did then;
``SPATIAL_WIDGETS_CHAOS_SEEDS=20`` takes so many fresh seeds, ``SPATIAL_WIDGETS_CHAOS_JOBS`` another number of jobs.
"""

import os
import random

import pytest
from chaos.run import chaos

JOBS = int(os.environ.get("SPATIAL_WIDGETS_CHAOS_JOBS", "2000"))


def seeds():
    given = os.environ.get("SPATIAL_WIDGETS_CHAOS_SEED")
    if given:
        return [int(each) for each in given.split(",")]
    # Processes that share the tests must find the same ones; without any such, it is the system's own chance.
    fresh = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
    return [fresh.randrange(10**6) for _ in range(int(os.environ.get("SPATIAL_WIDGETS_CHAOS_SEEDS", "1")))]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", seeds())
def test_every_job_ends_as_the_server_said_and_nothing_is_left_behind(seed, capfd):
    outcome = chaos(seed, JOBS, capture=capfd.readouterr)
    told = "\n".join(f"[{rule}] {what}" for rule, what in outcome.broken[:30])
    with capfd.disabled():
        print("\n" + outcome.summary)
    assert not outcome.broken, f"{outcome.summary}\nSPATIAL_WIDGETS_CHAOS_SEED={seed} replays it.\n{told}"
