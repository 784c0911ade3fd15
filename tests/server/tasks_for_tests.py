"""Little tasks that do what a test needs: say things, take long, fail in every way.

In a service and its workers they are registered like anybody's; in the test process they stay apart.
"""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.processes import start_mark
from spatial_widgets.server.registry import REGISTRY, Context, Registry, Task, task

_IS_TEST = "pytest" in sys.modules and multiprocessing.parent_process() is None
TOYS = Registry() if _IS_TEST else REGISTRY


class Pair(TypedDict):
    text: str
    number: int


@task("Greet", registry=TOYS)
def greet(
    ctx: Context, name: str, times: int = 1, loud: bool = False, how: Literal["Hello", "Bye"] = "Hello"
) -> Pair:
    """Greet somebody."""
    ctx.info(f"greeting {name}")
    ctx.progress(50, "half way")
    text = f"{how} {name}. " * times
    return {"text": text.upper() if loud else text, "number": times}


@task("Layer", registry=TOYS)
def layer(ctx: Context, inputLayer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:  # noqa: N803 -- Esri spells so
    ctx.rng(7)
    return inputLayer


@task("Refuse", registry=TOYS)
def refuse(ctx: Context, text: str = "no") -> str:
    raise ParameterError(f"not like that: {text}")


@task("Bug", registry=TOYS)
def bug(ctx: Context) -> str:
    return {}["nothing"]


@task("Nan", registry=TOYS)
def nan(ctx: Context) -> dict:
    return {"x": float("nan")}


@task("Chatter", registry=TOYS)
def chatter(ctx: Context, lines: int = 10) -> str:
    for line in range(lines):
        ctx.info(f"line {line}")
    return "done"


@task("Spin", registry=TOYS)
def spin(ctx: Context) -> str:
    ctx.progress(10, "spinning")
    while True:
        pass


@task("Stubborn", registry=TOYS)
def stubborn(ctx: Context) -> str:
    """Hold the interpreter in compiled code: neither a signal handler nor another thread gets a turn."""
    return str(re.match(r"(a+)+$", "a" * 64 + "b"))


@task("Sleep", registry=TOYS)
def sleep(ctx: Context, seconds: float = 60.0) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ctx.check()
        time.sleep(0.01)
    return "slept"


@task("Limited", registry=TOYS, timeout_s=lambda given: given["limit"])
def limited(ctx: Context, limit: float) -> str:
    return sleep(ctx)


@task("Exit", registry=TOYS)
def leave(ctx: Context, code: int = 9) -> str:
    ctx.info("about to go")
    os._exit(code)


@task("Second", registry=TOYS, restartable=True)
def second(ctx: Context, marker: str) -> str:
    """Take for ever the first time, and no time the second."""
    if os.path.exists(marker):  # noqa: PTH110
        return "second time"
    with open(marker, "w") as file:  # noqa: PTH123
        file.write("was here")
    return sleep(ctx, 600.0)


@task("Offspring", registry=TOYS)
def offspring(ctx: Context) -> str:
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    ctx.info(f"pid {program.pid}")
    return sleep(ctx)


@task("Abandon", registry=TOYS)
def abandon(ctx: Context) -> str:
    """End well, and leave a program behind."""
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    ctx.info(f"pid {program.pid} {start_mark(program.pid)}")
    return "left"


@task("Environment", registry=TOYS)
def environment(ctx: Context) -> dict[str, Any]:
    return {
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "token": os.environ.get("SPATIAL_WIDGETS_SERVICE_TOKEN"),
        "is_leader": os.getsid(0) == os.getpid(),
        "processor_s": resource.getrlimit(resource.RLIMIT_CPU)[0],
        "core_bytes": resource.getrlimit(resource.RLIMIT_CORE)[0],
    }


@task("Sum", registry=TOYS, synchronous=True)
def total(ctx: Context, a: float, b: float = 0.0) -> float:
    ctx.info(f"adding {b:g}")
    if b < 0:
        raise ParameterError("b: nothing is taken away here")
    return a + b


@task("SleepNow", registry=TOYS, synchronous=True, timeout_s=lambda given: given.get("limit"))
def sleep_now(ctx: Context, seconds: float = 60.0, limit: float = 60.0) -> str:
    return sleep(ctx, seconds)


@task("Move", registry=TOYS, synchronous=True)
def move(ctx: Context, inputLayer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:  # noqa: N803
    ctx.info(f"{len(inputLayer)} rows in {inputLayer.crs.to_epsg()}")
    return inputLayer


@task("Rows", registry=TOYS)
def rows(ctx: Context, inputTable: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
    return inputTable


@task("Either", registry=TOYS)
def either(ctx: Context, inputRows: gpd.GeoDataFrame | pd.DataFrame) -> gpd.GeoDataFrame | pd.DataFrame:  # noqa: N803
    return inputRows


@task("Count", registry=TOYS)
def count(ctx: Context, inputLayers: list[gpd.GeoDataFrame]) -> list[int]:  # noqa: N803
    return [len(one) for one in inputLayers]


@task("ReadFile", registry=TOYS)
def read_file(ctx: Context, inputFile: Path) -> str:  # noqa: N803
    return f"{inputFile.suffix}: {inputFile.read_text()}"


@task("Change", registry=TOYS)
def change(inputLayer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:  # noqa: N803
    """Give columns new values under their old names."""
    return inputLayer.assign(
        dateonly=inputLayer["dateonly"] + pd.Timedelta(days=40_000),
        smallinteger=inputLayer["smallinteger"] + 100,
        single=inputLayer["single"] / 3,
        biginteger=inputLayer["biginteger"] + 2**40,
    )


@task("First", registry=TOYS)
def first(inputLayers: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:  # noqa: N803
    return inputLayers[0]


class Files(TypedDict):
    report: Path
    parts: list[Path]
    size: int


@task("WriteFiles", registry=TOYS)
def write_files(ctx: Context, name: str = "report.txt", text: str = "hello", many: int = 2) -> Files:
    """Give a file out by one output, some by another, and a number beside them."""
    report = ctx.scratch / name
    report.write_text(text)
    parts = [ctx.scratch / f"part {number}.csv" for number in range(many)]
    for number, part in enumerate(parts):
        part.write_text(f"n\n{number}\n")
    return {"report": report, "parts": parts, "size": len(text)}


@task("GiveFile", registry=TOYS)
def give_file(source: str) -> Path | None:
    """Give out whatever file of this machine is named; the task is trusted."""
    return Path(source) if source != "none" else None


@task("FileNow", registry=TOYS, synchronous=True)
def file_now(ctx: Context, text: str = "now") -> Path:
    path = ctx.scratch / "now.json"
    path.write_text(text)
    return path


@task("Hausdorff", registry=TOYS)
def hausdorff(ctx: Context, vertices: int = 60_000) -> float:
    """Be minutes inside one call of GEOS, which gives the interpreter free."""
    across = np.linspace(0.0, 1.0, vertices)
    one, other = (shapely.linestrings(across, np.sin(across * n)) for n in (900, 700))
    ctx.info("into the call")
    return float(shapely.hausdorff_distance(one, other))


@task("LimitedCall", registry=TOYS, timeout_s=lambda given: given["limit"])
def limited_call(ctx: Context, limit: float) -> float:
    return hausdorff(ctx)


@task("LimitedHog", registry=TOYS, timeout_s=lambda given: given["limit"])
def limited_hog(ctx: Context, limit: float) -> str:
    return stubborn(ctx)


@task("Alone", registry=TOYS, restartable=True)
def alone(ctx: Context, seconds: float) -> str:
    """Leave a note in the job's folder if another process of this job is alive."""
    folder = ctx.scratch.parent
    with (folder / "alone.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            (folder / "violated").touch()
        return sleep(ctx, seconds)


@task("Crash", registry=TOYS)
def crash(ctx: Context) -> str:
    """Read where nothing is."""
    ctx.info("about to crash")
    return str(ctypes.string_at(0))


@task("Quit", registry=TOYS)
def quit_(ctx: Context, code: int = 3) -> str:
    sys.exit(code)


class Forgetful(Task):
    def call(self, context, arguments):
        return {name: value for name, value in super().call(context, arguments).items() if name != "number"}


@task("Greet", registry=(_PLAIN := Registry()))
def _greet(ctx: Context) -> Pair:
    return {"text": "hello", "number": 1}


TOYS.add(Forgetful(**vars(_PLAIN["Greet"]) | {"name": "Forget"}))
