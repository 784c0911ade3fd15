from __future__ import annotations

import pytest

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.registry import REGISTRY
from spatial_widgets.server.tasks import teaching
from spatial_widgets.server.tasks.teaching import failing_task, slow_task


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    made = Clock()
    monkeypatch.setattr(teaching, "time", made)
    return made


def test_slow_task_says_one_message_and_one_step_each_second(ctx, clock):
    assert slow_task(ctx, seconds=3) == {"result": "Waited 3 seconds."}
    assert clock.now == 103
    assert ctx.said == [("info", "Second 1 of 3."), ("info", "Second 2 of 3."), ("info", "Second 3 of 3.")]
    assert ctx.percents == pytest.approx([100 / 3, 200 / 3, 100])


def test_slow_task_takes_parts_of_a_second_and_none(ctx, clock):
    slow_task(ctx, seconds=1.5)
    assert clock.now == 101.5
    assert slow_task(ctx, seconds=0) == {"result": "Waited 0 seconds."}


def test_the_time_limit_of_a_slow_task_is_its_own():
    limit = REGISTRY["SlowTask"].timeout_s
    assert limit({"seconds": 10.0, "timeLimit": 2.5}) == 2.5
    assert limit({"seconds": 10.0}) is None
    assert limit({"timeLimit": None}) is None


@pytest.mark.parametrize("parameters", [{"seconds": -1}, {"seconds": float("nan")}, {"timeLimit": 0}])
def test_slow_task_refuses_what_it_cannot_wait_for(ctx, parameters):
    with pytest.raises(ParameterError, match="give a number"):
        slow_task(ctx, **parameters)


def test_failing_task_fails_with_exactly_its_text():
    with pytest.raises(ValueError, match="^boom & bust$"):
        failing_task(text="boom & bust")
