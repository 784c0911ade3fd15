"""Runs the blocks of one page in order, as a reader would: Python in one namespace, commands in one folder.

A program of its own: ``python drive.py PLAN`` where PLAN is a JSON file with ``prelude``, ``blocks`` and ``ending``.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import types
from pathlib import Path


def run_python(block, namespace):
    """Run a block at its own lines of the page, so that a traceback names them."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile("\n" * (block["line"] - 1) + block["code"], block["page"], "exec", flags=flags)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, namespace))
    else:
        exec(code, namespace)


def run_bash(block):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block["code"]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    if done.returncode:
        raise SystemExit(f"{block['page']}:{block['line']}: exit status {done.returncode}\n{done.stdout}")


def check_output(block, printed):
    """Compare what was printed with what the page shows; ``…`` there stands for anything."""
    shown = re.escape(block["code"].strip()).replace("…", ".*?")
    if not re.fullmatch(shown, printed.strip(), re.DOTALL):
        raise SystemExit(
            f"{block['page']}:{block['line']}: the page shows\n{block['code']}\nbut this came:\n{printed}"
        )


def end_servers():
    """End what the page started in the background: the stand-ins write down who that is."""
    for note in sorted(Path(os.environ["DOCS_SERVERS"]).iterdir(), reverse=True):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(note.name), signal.SIGTERM)


def main():
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    page = types.ModuleType("__main__")
    sys.modules["__main__"] = (
        page  # the page is what a notebook is: its functions are those of the main program
    )
    printed = ""
    try:
        exec(plan["prelude"], page.__dict__)
        for block in plan["blocks"]:
            if block["is_output"]:
                check_output(block, printed)
                continue
            with contextlib.redirect_stdout(io.StringIO()) as out:
                if block["language"] == "python":
                    run_python(block, page.__dict__)
                else:
                    run_bash(block)
            printed = out.getvalue()
        exec(plan["ending"], page.__dict__)
    finally:
        end_servers()


if __name__ == "__main__":
    main()
