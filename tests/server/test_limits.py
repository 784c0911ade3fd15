"""The numbers of a service: as options, as text, and in the docs."""

import argparse
from dataclasses import fields
from pathlib import Path

import pytest

from spatial_widgets.server.limits import Limits
from spatial_widgets.server.routes import ROUTES

DOCS = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
OTHERS = Limits(timeout_s=7.5, queue=3, input_hosts=("A.example", "b.example"), keep_bytes=0)


def parsed(words):
    parser = argparse.ArgumentParser()
    Limits.add_options(parser)
    return Limits.from_options(parser.parse_args(words))


def test_options_say_the_same_as_the_numbers():
    assert Limits().to_options() == []
    assert parsed([]) == Limits()
    assert parsed(OTHERS.to_options()) == OTHERS
    assert OTHERS.input_hosts == ("a.example", "b.example")
    assert Limits.from_json(OTHERS.to_json() | {"later": 1}) == OTHERS


@pytest.mark.parametrize(
    "wrong", [{"queue": -1}, {"timeout_s": float("nan")}, {"fields": "9"}, {"features": True}]
)
def test_a_number_that_is_none_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


def test_the_docs_list_every_limit_and_every_route():
    for limit in fields(Limits):
        assert f"| `{limit.metadata['option']}` |" in DOCS
        assert f"(`{limit.name}`)" in DOCS
    for route in ROUTES:
        assert f"| `/{route.path}` |" in DOCS
