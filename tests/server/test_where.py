import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.where import select_rows
from spatial_widgets.server.wherewords import matches_like

FRAME = gpd.GeoDataFrame(
    {
        "NAME": ["Ada", "bob", "Ça", None, "O'Hara"],
        "Pop": pd.array([10, 20, None, 40, 50], dtype="Int64"),
        "share": [0.5, np.nan, 1.5, 2.5, -1.0],
        "when": pd.to_datetime(["2020-01-01", "2020-06-01 12:00", None, "2021-01-01", "1969-12-31"], utc=True, format="ISO8601"),
        "two words": ["a", "b", "c", "d", "e"],
        "ok": pd.array([True, False, None, True, True], dtype="boolean"),
    },
    geometry=gpd.points_from_xy(range(5), range(5)),
    crs=4326,
)  # fmt: skip


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("1=1", [0, 1, 2, 3, 4]),
        ("1=0", []),
        ("pop > 15", [1, 3, 4]),
        ("POP >= 10 AND pop < 40", [0, 1]),
        ("(pop = 10) or (pop = 50)", [0, 4]),
        ("NOT pop = 10", [1, 3, 4]),
        ("pop <> 10 and pop != 20", [3, 4]),
        ("name = 'Ada'", [0]),
        ("NAME = 'ada'", []),
        ("UPPER(name) = 'ÇA'", [2]),
        ("name = N'Ça'", [2]),
        ("name = 'O''Hara'", [4]),
        ("name LIKE 'A%'", [0]),
        ("name like '%a'", [0, 2, 4]),
        ("name LIKE '_ob'", [1]),
        ("name NOT LIKE '%a%'", [1]),
        ("name LIKE '100!%%' ESCAPE '!'", []),
        ("name IN ('Ada', 'bob')", [0, 1]),
        ("pop NOT IN (10, 20)", [3, 4]),
        ("pop BETWEEN 20 AND 40", [1, 3]),
        ("name IS NULL", [3]),
        ("pop is not null", [0, 1, 3, 4]),
        ("share > .4 AND share < 1.6e0", [0, 2]),
        ("share + 1 = 1.5", [0]),
        ("\"two words\" = 'b'", [1]),
        ("when >= DATE '2020-06-01'", [1, 3]),
        ("when = timestamp '2020-06-01 12:00:00'", [1]),
        ("when BETWEEN DATE '2020-01-01' AND DATE '2020-12-31'", [0, 1]),
        ("when = '2020-01-01'", [0]),
        ("when < DATE '1970-01-01'", [4]),
        ("when > CURRENT_TIMESTAMP - INTERVAL '1' DAY", []),
        ("ok = 1", [0, 3, 4]),
        ("CHAR_LENGTH(name) = 3 AND SUBSTRING(name, 1, 1) = 'A'", [0]),
        ("COALESCE(pop, 0) = 0", [2]),
        ("ok = TRUE", [0, 3, 4]),
        ("-pop < -45", [4]),
    ],
)
def test_a_clause_selects_rows(clause, expected):
    assert list(select_rows(FRAME, clause).index) == expected


ATTACKS = [
    "1=1; DROP TABLE layer",
    "1=1 -- comment",
    "1=1 /* comment */",
    "1=1) UNION SELECT 1 FROM (sqlite_master",
    "row IN (SELECT row FROM layer)",
    "EXISTS (SELECT 1)",
    "1 = (WITH RECURSIVE t(x) AS (VALUES(1) UNION ALL SELECT x+1 FROM t) SELECT count(*) FROM t)",
    "load_extension('x')",
    "readfile('/etc/passwd') IS NULL",
    "randomblob(1000000000) IS NULL",
    "zeroblob(1000000000) IS NULL",
    "printf('%1000000000d', 1) = ''",
    "name REGEXP 'x'",
    "name GLOB '*'",
    "name MATCH 'x'",
    "name COLLATE nocase = 'ada'",
    "ATTACH DATABASE 'x' AS y",
    "PRAGMA user_version = 5",
    "c0 = 1",
    "layer.row = 1",
    "rowid = 1",
    "sqlite_version() = ''",
    "nope = 1",
    '"nope" = 1',
    "`name` = 1",
    "[name] = 1",
    "name = ?",
    "name = :x",
    "name = $x",
    'name = "Ada"',
    "name = x'41'",
    "name = 'open",
    "(1=1",
    "1=1)",
    ")1=1(",
    "",
    "   ",
    "1=1 1",
    "AND",
    "\0",
    "name = 'a\0'",
    "1=" + "(" * 100 + "1" + ")" * 100,
    "1=1 AND " * 5000 + "1=1",
    "when > DATE 'yesterday'",
    "when > DATE ''",
    "when = 'Ada'",
    "pop > INTERVAL '1' CENTURY",
    "INTERVAL '1'",
]  # fmt: skip


@pytest.mark.parametrize("clause", ATTACKS)
def test_whatever_is_no_condition_is_refused_with_a_word(clause):
    with pytest.raises(ParameterError, match="^inputLayer: the filter"):
        select_rows(FRAME, clause, parameter="inputLayer")


def test_long_chains_of_texts_stay_small():
    long = pd.DataFrame({"a": ["x" * 9_000_000]})
    with pytest.raises(ParameterError, match=r"too (big|long)"):
        select_rows(long, "a || a || a = 'x'")


def test_time_is_limited():
    many = pd.DataFrame({"a": ["x" * 1000] * 20_000})
    clause = " OR ".join(["a LIKE '%" + "x%y%" * 20 + "'"] * 100)
    begin = time.monotonic()
    with pytest.raises(ParameterError, match=r"longer than 0\.2 s"):
        select_rows(many, clause, timeout_s=0.2)
    assert time.monotonic() - begin < 20


def test_a_pattern_that_would_take_for_ever_does_not():
    frame = pd.DataFrame({"a": ["a" * 5000]})
    assert len(select_rows(frame, "a LIKE '" + "%a" * 300 + "%b'")) == 0
    with pytest.raises(ParameterError, match="pattern|function"):
        select_rows(pd.DataFrame({"a": ["a" * 500_000]}), "a LIKE '%" + "a_" * 2000 + "b%'")


def test_a_field_called_like_a_word_is_quoted_and_one_called_date_is_not():
    frame = pd.DataFrame({"in": [1, 2], "date": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    assert list(select_rows(frame, '"in" IN (2)').index) == [1]
    assert list(select_rows(frame, "date = DATE '2020-01-01'").index) == [0]


def test_an_empty_layer_and_names_that_differ_in_case_only_are_fine():
    assert len(select_rows(FRAME.iloc[:0], "pop > 1")) == 0
    twins = pd.DataFrame({"a": [1, 2], "A": [3, 4]})
    assert list(select_rows(twins, "a = 1").index) == [0]


def _slow_like(pattern, text):
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_slow_like(pattern[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in {"_", text[0]} and _slow_like(pattern[1:], text[1:])


@given(st.text("ab%_", max_size=6), st.text("ab", max_size=8))
def test_like_is_what_the_definition_says(pattern, text):
    assert matches_like(pattern, text) == _slow_like(pattern, text)


@given(st.text(max_size=60) | st.text("()'\"=<>ANDORpop 0123.,-%", max_size=60))
def test_any_text_gives_rows_or_a_word(clause):
    try:
        found = select_rows(FRAME, clause)
    except ParameterError:
        return
    assert len(found) <= len(FRAME)


@given(
    st.lists(st.integers(-5, 5) | st.none(), max_size=20),
    st.integers(-5, 5),
    st.sampled_from(["<", "<=", "=", "<>", ">", ">="]),
)
def test_comparisons_agree_with_pandas(values, number, sign):
    frame = pd.DataFrame({"x": pd.array(values, dtype="Int64")})
    signs = {"<": "lt", "<=": "le", "=": "eq", "<>": "ne", ">": "gt", ">=": "ge"}
    expected = frame[getattr(frame["x"], signs[sign])(number).fillna(value=False)]
    assert list(select_rows(frame, f"x {sign} {number}").index) == list(expected.index)
