"""Which request meets which fault: decided by seed and count alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.faultlayer import TokenBook
from spatial_widgets.server.faults import (
    MODES,
    Decider,
    Fate,
    Faults,
    Graveyard,
    job_in,
    kind_of,
    truncated,
)
from spatial_widgets.server.wire import Fault

ROOT = "/arcgis/rest/services/tasks/GPServer"
JOB = "j" + "0" * 32
READS = ["description", "job", "result", "submit"]


def test_a_wish_is_a_mode_several_a_text_or_a_mapping():
    flaky = Faults.of("flaky")
    assert flaky == Faults({"flaky": 0.2})
    assert Faults.of(["flaky", "slow"]) == Faults.of("slow, flaky") == Faults({"flaky": 0.2, "slow": 1.0})
    both = Faults.of({"flaky": 0.5, "slow": 0, "seed": 7, "delay_s": 2})
    assert both == Faults.of("flaky=0.5,seed=7,delay_s=2") == Faults({"flaky": 0.5}, seed=7, delay_s=2.0)
    assert Faults.of(both.to_json()) == both
    assert Faults.of(None) is None
    assert str(flaky).startswith("flaky (20%: an HTTP 500")


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("flakey", "no 'flakey'. Did you mean 'flaky'.*throttled"),
        ({"flaky": 2}, "flaky is a share from 0 to 1, got 2"),
        ("flaky=much", "flaky is a number, got 'much'"),
        ({"flaky": float("nan")}, "share from 0 to 1"),
        ("slow,delay_s=-1", "delay_s is a number from 0 up"),
        ("", "name at least one mode"),
        ({"seed": 3}, "name at least one mode"),
        ("seed", "no 'seed'"),
    ],
)
def test_a_wish_that_means_nothing_is_refused(wish, told):
    with pytest.raises(ParameterError, match=f"(?s)^faults: .*{told}"):
        Faults.of(wish)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/health", "health"),
        ("/Health/", "health"),
        ("/arcgis/tokens/generateToken", "token"),
        ("/arcgis/rest/info", "token"),
        ("/arcgis/rest/services", "other"),
        (ROOT, "description"),
        (f"{ROOT}/SlowTask", "description"),
        (f"{ROOT}/SlowTask/submitJob", "submit"),
        (f"{ROOT}/SlowTask/execute", "submit"),
        (f"{ROOT}/SlowTask/jobs", "other"),
        (f"{ROOT}/SlowTask/jobs/{JOB}", "job"),
        (f"{ROOT}/SlowTask/jobs/{JOB}/cancel", "cancel"),
        (f"{ROOT}/SlowTask/jobs/{JOB}/results", "result"),
        (f"{ROOT}/SlowTask/jobs/{JOB}/results/a", "result"),
        (f"{ROOT}/uploads/upload", "upload"),
    ],
)
def test_requests_are_told_apart_by_their_path(path, kind):
    assert kind_of(path) == kind
    assert (job_in(path) == JOB) == (kind in {"job", "cancel", "result"})


@given(seed=st.integers(), modes=st.sets(st.sampled_from(list(MODES)), min_size=1))
def test_the_same_seed_gives_the_same_fates_and_every_third_request_gets_through(seed, modes):
    faults = Faults.of({**dict.fromkeys(modes, 0.6), "seed": seed})
    one, other = Decider(faults), Decider(faults)
    kinds = [kind for _ in range(30) for kind in READS]
    fates = [one.fate(kind) for kind in kinds]
    assert fates == [other.fate(kind) for kind in kinds]
    for kind in READS:
        mine = [fate for fate, k in zip(fates, kinds, strict=True) if k == kind]
        for broken in ([bool(f.instead) for f in mine], [f.cut for f in mine]):
            assert not any(all(broken[i : i + 3]) for i in range(len(broken) - 2))
    assert {one.fate(kind) for kind in ("health", "token", "upload") for _ in range(50)} == {Fate()}
    assert not any(
        one.fate(kind).instead or one.fate(kind).cut for kind in ("cancel", "other") for _ in range(50)
    )


def test_the_kinds_of_requests_do_not_disturb_each_other():
    alone, mixed = (Decider(Faults.of("flaky=0.5")) for _ in range(2))
    polls = [alone.fate("job") for _ in range(20)]
    found = []
    for _ in range(20):
        mixed.fate("result")
        found.append(mixed.fate("job"))
    assert found == polls


def test_a_rate_of_one_strikes_always_and_a_share_about_as_often_as_it_says():
    always = Decider(Faults.of({"flaky": 1}))
    seen = Counter(always.fate("job").instead for _ in range(400))
    assert set(seen) == {"500", "502", "empty", "reset"}
    some = Decider(Faults.of({"throttled": 0.25}))
    assert 60 < sum(some.fate("job").instead == "429" for _ in range(400)) < 140


def test_each_mode_reaches_what_it_is_for():
    def fates(mode, kind):
        decider = Decider(Faults.of({mode: 1}))
        return {decider.fate(kind) for _ in range(5)}

    assert fates("slow", "cancel") == {Fate(wait_s=1.0, drip_s=1.0)}
    assert fates("silent", "job") == {Fate(wait_s=5.0)}
    assert fates("lost-answers", "submit") == {Fate(cut=True)}
    assert fates("lost-answers", "job") == fates("truncated", "job") == {Fate()}
    assert fates("truncated", "result") == {Fate(truncate=True)}
    assert fates("html", "submit") == {Fate(instead="page")}
    assert fates("purged", "job") == fates("expiring-token", "job") == {Fate()}
    assert str(Fate(instead="429", wait_s=5.0)) == "429 instead of an answer, 5 s of silence"


def test_rows_are_taken_out_of_results_and_of_nothing_else():
    layer = {"geometryType": "esriGeometryPoint", "features": [1], "exceededTransferLimit": False}
    empty = {**layer, "features": [], "exceededTransferLimit": True}
    assert truncated({"paramName": "a", "value": layer}) == {"paramName": "a", "value": empty}
    collection = {"layerDefinition": {"features": [1]}, "featureSet": layer}
    assert truncated([{"value": collection}, {"value": 3}]) == [
        {"value": {"layerDefinition": {"features": [1]}, "featureSet": empty}},
        {"value": 3},
    ]


def test_a_job_is_gone_some_time_after_its_end_was_told():
    graves = Graveyard(5.0)
    assert not graves.holds("j", 100.0)
    graves.tell("j", 100.0)
    graves.tell("j", 104.0)
    assert not graves.holds("j", 104.9)
    assert graves.holds("j", 105.0)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_a_token_ends_after_its_time_or_its_requests():
    clock = Clock()
    book = TokenBook("own", Faults.of("expiring-token,token_s=60,token_requests=3"), clock=clock)
    assert [book.accepts("own") for _ in range(4)] == [True, True, True, False]
    assert not book.accepts("other")
    first = book.issue("own")
    assert first["expires"] == 1_060_000
    assert book.accepts(first["token"])
    clock.now += 60
    assert not book.accepts(first["token"])
    assert book.accepts(book.issue("own")["token"])
    with pytest.raises(Fault, match="Unable to generate token") as caught:
        book.issue("guessed")
    assert caught.value.details == ["Invalid username or password specified."]
