"""Every word that a reader is shown comes from one table, in the kernel and in the browser alike."""

import ast
import re
from pathlib import Path

import pytest

from spatial_widgets.protocol import JobStatus
from spatial_widgets.widgets import phrases
from spatial_widgets.widgets.phrases import PHRASES, count, say

HERE = Path(phrases.__file__).parent
MODULES = sorted(HERE.glob("*.py"))
MARKUP = re.compile(r"<[^>]*>|\b(?:style|class)=\S*|[\w-]+:[#\w ]+;")
PROSE = re.compile(r"[A-Za-z]{2,}[,.;:]? [A-Za-z]{2,}|^\W*[A-Z][a-z]+\b")
# Calls whose texts nobody is shown, and texts that are code, or what rows say to the browser.
UNSEEN = {"Path", "repr", "getLogger", "compile", "exception", "search", "cast"}
TOKENS = {"None", "Field", "Job.from_url(", "JobWidget.from_url(", "lost contact", "as last seen"}


def is_unseen(node):
    """Whether what stands in a node is a docstring, an error for a programmer, or the like."""
    called = node.func if isinstance(node, ast.Call) else None
    return (
        isinstance(node, ast.Raise)
        or getattr(node, "name", "") == "__repr__"
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__")
        or getattr(called, "attr", getattr(called, "id", "")) in UNSEEN
    )


def words(path):
    """Return the texts of a module that have words in them and may be shown."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen: set[int] = set()
    for node in ast.walk(tree):
        parts = (
            [node] if is_unseen(node) else [getattr(node, "annotation", None), getattr(node, "returns", None)]
        )
        unseen |= {id(inner) for part in parts if part is not None for inner in ast.walk(part)}
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unseen
    }
    return sorted(text for text in texts - TOKENS if PROSE.search(MARKUP.sub("", text)))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_has_words_of_its_own(path):
    assert words(path) == []


def test_the_scan_sees_a_word_that_is_outside_the_table(tmp_path):
    module = tmp_path / "some.py"
    module.write_text(
        '"""A docstring of a module."""\n'
        'def f(n: "Some Thing") -> str:\n    raise TypeError("f takes a number")\n'
        'X = f"<b style=\'color: red\'>{n}</b>"\nY = f"{n} jobs are left"\nZ = "Cancel"\n'
    )
    assert words(module) == [" jobs are left", "Cancel"]


def test_every_name_that_is_said_is_in_the_table():
    for path in MODULES:
        for name in re.findall(r"""\bsay\(\s*["']([\w. ]+)["']""", path.read_text(encoding="utf-8")):
            assert name in PHRASES, f"{path.name} says {name}"


def test_every_phrase_is_said_somewhere():
    files = [*MODULES, *(HERE / "static").glob("*.js")]
    said = "".join(path.read_text(encoding="utf-8") for path in files if path.name != "phrases.js")
    made = (
        "status.",
        "count.",
        "log.",
        "time.span.",
        "table.hold.",
        "table.column.",
        "table.cancel.kind.",
    )  # of a value
    made += ("table.cancel", "table.retry", "table.copy")
    unsaid = [name for name in PHRASES if f'"{name}"' not in said and f"'{name}'" not in said]
    assert [name for name in unsaid if not name.startswith(made)] == []


def test_braces_hold_names_alone():
    for name, text in PHRASES.items():
        assert re.sub(r"\{[a-z]\w*\}", "", text).count("{") == 0, name


def test_every_status_has_its_word_there_and_it_is_the_label():
    for status in JobStatus:
        assert say(f"status.{status.value}") == status.label


def test_what_is_filled_in_is_not_read_again():
    assert say("job.url", url="{url} {0} %s") == "Job URL: {url} {0} %s"


def test_numbers_of_things_read_as_people_say_them():
    assert [count("row", n) for n in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]
