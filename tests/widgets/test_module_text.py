"""The one text that a browser is handed for a widget: small, and whole."""

import re
import shutil
import subprocess

import pytest

from spatial_widgets.widgets._base import module_text, static_text
from spatial_widgets.widgets.phrases import PHRASES

MODULES = ["job.js", "table.js"]
SAID = re.compile(r'\bsay\(\s*"([\w. ]+)"')
STARTED = re.compile(r"\bsay\(\s*`([\w.]+)\$\{")


@pytest.mark.parametrize("name", MODULES)
def test_every_word_that_it_says_is_in_it_and_words_of_others_are_not(name):
    text = module_text(name)
    kept = set(re.findall(r'^"([\w. ]+)": "', text, flags=re.MULTILINE)) & PHRASES.keys()
    assert set(SAID.findall(text)) <= kept
    for start in STARTED.findall(text):
        assert {phrase for phrase in PHRASES if phrase.startswith(start)} <= kept
    assert not [
        phrase for phrase in kept if phrase.startswith(("lost.", "saved."))
    ]  # Python alone says these
    assert len(kept) < len(PHRASES)


@pytest.mark.parametrize("name", MODULES)
def test_it_has_neither_comments_nor_indentation_and_is_still_a_program(name, tmp_path):
    text = module_text(name)
    assert not re.search(r"^\s*(//|/\*)", text, flags=re.MULTILINE)
    assert not re.search(r"^[ \t]|[ \t]$|^$\n", text, flags=re.MULTILINE)
    module = tmp_path / "module.mjs"
    module.write_text(text)
    node = shutil.which("node")
    assert node is not None, "Node.js is needed to check what a browser is handed"
    subprocess.run([node, "--check", str(module)], check=True, capture_output=True)


def test_no_text_of_several_lines_would_lose_its_indentation():
    files = {"job.js", "table.js", *re.findall(r'from "\./([\w.]+)"', "".join(map(static_text, MODULES)))}
    for file in files:
        for template in re.findall(r"`[^`]*`", static_text(file)):
            assert "\n " not in template, file
