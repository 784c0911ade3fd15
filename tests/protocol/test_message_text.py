"""What a message says, where a service sends JSON in the place of a sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.protocol import JobMessage


def text(description):
    return JobMessage("esriJobMessageTypeInformative", description).text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"cost": 1}, "Cost: 1 credit"),
        ({"cost": 1234.5}, "Cost: 1,234.5 credits"),
        (
            {
                "messageCode": "SS_84464",
                "message": "The optimal band uses ${NumNeighs} neighbours.",
                "params": {"NumNeighs": "20"},
                "style": "<ul><li></li></ul>",
            },
            "The optimal band uses 20 neighbours. (SS_84464)",
        ),
        ({"message": "Only ${a} of ${b} and ${a}", "params": {"a": 1}}, "Only 1 of ${b} and 1"),
        ({"message": "no places", "params": ["odd"]}, "no places"),
        ({"messageCode": "BD_101", "params": {"n": 3, "of": "4"}}, "Message BD_101: n = 3, of = 4"),
        ({"messageCode": "BD_102"}, "Message BD_102"),
        ({"message": "${a}", "params": {"a": "${a}"}}, "${a}"),
    ],
)
def test_json_of_a_known_shape_is_a_sentence(sent, said):
    assert text(json.dumps(sent)) == said
    assert text(f" {json.dumps(sent)}\n") == said


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "Executing...",
        "{",
        "{}",
        "[1]",
        '{"cost": true}',
        '{"cost": 1, "of": 2}',
        '{"message": 7}',
        "{" * 5000,
        "NaN",
    ],
)
def test_anything_else_is_shown_as_it_was_sent(sent):
    assert text(sent) == sent


def test_what_was_sent_is_kept():
    assert JobMessage("esriJobMessageTypeWarning", '{"cost": 1}').to_json()["description"] == '{"cost": 1}'


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["message", "messageCode", "params", "cost", "a"]), x)
        ),
    )
)
def test_no_document_is_an_error_and_none_is_shown_as_nothing(document):
    sent = json.dumps(document)
    assert text(sent)


entries = st.lists(
    st.one_of(
        st.none(),
        st.text("ab", max_size=1),
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["", "a", None, 1]),
                "description": st.sampled_from(["", "a", "None", None, 1]),
            },
        ),
    ),
    max_size=6,
)


@given(entries, entries)
def test_a_list_reads_the_same_whatever_was_read_before(earlier, now):
    plain = tuple(JobMessage.from_json(entry) for entry in now)
    before = JobMessage.list_from_json(earlier)
    assert JobMessage.list_from_json(now, before) == plain
    assert JobMessage.list_from_json([*earlier, *now], before) == (*before, *plain)


def test_what_was_read_before_is_taken_over():
    listed = [{"type": "esriJobMessageTypeError", "description": f"line {n}"} for n in range(9)]
    before = JobMessage.list_from_json(listed[:5])
    assert JobMessage.list_from_json(listed[:5], before) is before
    grown = JobMessage.list_from_json(listed, before)
    assert all(new is old for new, old in zip(grown, before, strict=False))
    assert len(grown) == 9
    assert JobMessage.list_from_json(listed[:2], before) == before[:2]
    assert JobMessage.list_from_json("no list", before) == ()
