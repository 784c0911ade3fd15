"""Programs that stand in for those of a page's commands, where the real ones need a network, other machines or an hour.

Called by scripts that lie first on the path: ``python commands.py NAME ARGUMENTS``. What is not named here is the real thing.

``git clone`` looks whether the address is the project's own; ``jupyter lab`` whether the notebook is there, ``pip install``
whether what it is to install is declared and here; ``pytest`` collects the tests that it is given,
all of which the suite runs; a benchmark reads its options and stops, and so do the demo and the builder of the site, which
are run elsewhere; the table of checks checks one task; a server is started in the background, as in a second terminal, and
the next command comes when it answers.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LEAST = {"-m tests.server.tasks.verification": ["FieldCalculator"]}
#: Their options are read, and nothing more: one is what ``.ci/run`` does first, the other what ``tests/docs/test_site.py`` does.
OPTIONS_OF = {("spatial-widgets", "demo"), ("mkdocs", "build")}
#: Stops a program when it has read its options, and found them all right.
OPTIONS_ONLY = """
import argparse, runpy, sys
sys.argv, read = sys.argv[1:], argparse.ArgumentParser.parse_args
def parse_args(*given, **named):
    read(*given, **named)
    raise SystemExit(0)
argparse.ArgumentParser.parse_args = parse_args
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
raise SystemExit("this script reads no options")
"""
#: What begins like this serves until it is told to end, and is ready when it says so.
SERVERS = {
    "spatial-widgets serve": r"serving \d+ tasks",
    "dask scheduler": r"Scheduler at",
    "dask worker": r"Registered to",
    "mkdocs serve": r"Serving on",
    "voila": r"Voil. is running at",
}
#: What a server is told beside: no browser, and one process where one will do.
ASIDE = {
    "dask worker": ["--no-nanny"],
    "voila": ["--no-browser", "--port=0"],
}


def pip(arguments):
    if arguments[0] != "install":
        sys.exit(f"pip {arguments[0]}: no page needs this so far")
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = iter([a for a in arguments[1:] if a not in {"-e", "-U", "-q"}])
    for text in names:
        if text == "-r":
            if not Path(next(names)).is_file():
                sys.exit(f"pip: there is no such file: {arguments}")
            continue
        name, extras = re.fullmatch(r"([\w.-]+)(?:\[([\w,]+)\])?(?: @ git\+https://\S+)?", text).groups()
        if name not in {".", known["name"]}:
            importlib.metadata.distribution(name)
        for extra in (extras or "").split(","):
            if extra and extra not in known["optional-dependencies"]:
                sys.exit(f"pip: there is no extra {extra!r}")


def git(arguments):
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    if arguments[:1] != ["clone"] or arguments[1:] != [urls["Source"]]:
        sys.exit(f"git {' '.join(arguments)}: only `git clone {urls['Source']}` is known here")


def jupyter(arguments):
    if arguments[0] != "lab" or not Path(arguments[-1]).is_file():
        sys.exit(f"jupyter {' '.join(arguments)}: expected `lab` and a notebook that is there")


def pytest(arguments):
    paths = [] if any(not a.startswith("-") and "/" in a for a in arguments) else ["tests/protocol"]
    run(
        [BIN / "python", "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments, *paths]
    )


def python(arguments):
    if arguments[:2] == ["-m", "pytest"]:
        pytest(arguments[2:])
    elif arguments[0].startswith("benchmarks/"):
        run([BIN / "python", "-c", OPTIONS_ONLY, *arguments])
    elif arguments[:2] != ["-m", "venv"]:
        run([BIN / "python", *arguments, *LEAST.get(" ".join(arguments[:2]), [])])


def run(command):
    sys.stdout.flush()
    sys.exit(subprocess.run(command, check=False).returncode)


def serve(kind, command):
    """Start a server, and come back when it is ready. Its process is noted for who ends it."""
    notes = Path(os.environ["DOCS_SERVERS"])
    log = notes.with_name(f"server-{time.time_ns()}.log")
    with log.open("wb") as out:
        started = subprocess.Popen(
            [*command, *ASIDE.get(kind, [])], stdout=out, stderr=out, start_new_session=True
        )
    (notes / str(started.pid)).touch()
    deadline = time.monotonic() + 120
    while not re.search(SERVERS[kind], told := log.read_text(encoding="utf-8", errors="replace")):
        if started.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{command} did not serve:\n{told}")
        time.sleep(0.05)


def main():
    name, *arguments = sys.argv[1:]
    if name in {"python", "python3"}:
        python(arguments)
    elif name in {"git", "jupyter", "pip", "pytest"}:
        {"git": git, "jupyter": jupyter, "pip": pip, "pytest": pytest}[name](arguments)
    else:
        command = [str(BIN / name), *arguments]
        for kind in SERVERS:
            if " ".join([name, *arguments]).startswith(kind) and "--help" not in arguments:
                return serve(kind, command)
        run([*command, "--help"] if (name, arguments[0]) in OPTIONS_OF else command)
    return None


if __name__ == "__main__":
    main()
