"""The code blocks of the pages: where each stands, in which language, and what its mark says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = {"python", "bash"}
DATA = {"json", "toml", "yaml"}

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<language>[^\n`]*)$")
_MARK = re.compile(r"^ *<!-- (?P<mark>[^>]+) -->$")


@dataclass(frozen=True)
class Block:
    """One fenced block. ``line`` is that of its first line of code; ``mark`` the comment right above it, if any."""

    page: str
    line: int
    language: str
    code: str
    mark: str = ""

    @property
    def name(self):
        return f"{self.page}:{self.line}"

    @property
    def is_new_session(self):
        """Whether it runs in a new session: nothing of the blocks before it is there but their files and jobs."""
        return self.mark == "a new session"

    @property
    def is_output(self):
        """Whether it shows what the block before it prints."""
        return self.language == "text" and self.mark == "prints"


def pages():
    """Return the pages of the documentation and the README files, as paths from the root of the repository."""
    found = [*ROOT.glob("*.md"), ROOT / "benchmarks" / "README.md", *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def read(page):
    return blocks((ROOT / page).read_text(encoding="utf-8"), page)


def blocks(text, page="page.md"):
    """Return the fenced blocks of a page, in order."""
    found, mark, open_ = [], "", None
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if open_ is not None:
            indent, ticks, language, start, code, above = open_
            if fence and fence["ticks"].startswith(ticks) and not fence["language"]:
                found.append(Block(page, start, language, "".join(f"{row}\n" for row in code), above))
                open_, mark = None, ""
            else:
                code.append(line.removeprefix(indent))
        elif fence:
            open_ = (fence["indent"], fence["ticks"], fence["language"].strip(), number + 1, [], mark)
        elif line.strip():
            marked = _MARK.match(line)
            mark = marked["mark"] if marked else ""
    if open_ is not None:
        raise ValueError(f"{page}:{open_[3]}: this block is not closed")
    return found
