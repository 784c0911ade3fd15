"""How long after its end a job is noticed, and how many polls that takes: calculated, for each pace of polling.

``python benchmarks/pace.py`` prints the table of docs/comparisons.md.

A poll takes a round trip and tells how the job stood in the middle of it; the next one starts a pause after its
answer. Jobs last what the head of the column says, by up to a tenth more or less, drawn from a seed.
"""

from __future__ import annotations

import argparse
import random
from typing import TYPE_CHECKING

from spatial_widgets.client.policy import PollPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

LASTING = (1, 60, 600, 3600)
PACES = {
    "every second": PollPolicy(fixed_s=1.0),
    "every 2 seconds": PollPolicy(fixed_s=2.0),
    "a tenth of the time elapsed, 0.2 to 10 s": PollPolicy(),
}
ROUND_TRIP_S = 0.03


def noticed(policy: PollPolicy, lasting_s: float, trip_s: float, dice: random.Random) -> tuple[float, int]:
    """Return how late the end of one job is noticed, in seconds, and by which poll."""
    now, polls = 0.0, 0
    while True:
        now += policy.interval_s(now, has_progress=False, spread=dice.uniform(-1, 1))
        polls += 1
        has_ended = now + trip_s / 2 >= lasting_s
        now += trip_s
        if has_ended:
            return now - lasting_s, polls


def cells(policy: PollPolicy, *, jobs: int = 200, trip_s: float = ROUND_TRIP_S) -> Iterator[str]:
    """Return for each duration the mean delay and the mean number of polls."""
    for lasting_s in LASTING:
        dice = random.Random(lasting_s)
        runs = [noticed(policy, lasting_s * dice.uniform(0.9, 1.1), trip_s, dice) for _ in range(jobs)]
        late, polls = (sum(column) / jobs for column in zip(*runs, strict=True))
        yield f"{late:.1f} s, {polls:.0f}" if late >= 1 else f"{late:.2f} s, {polls:.0f}"


def main() -> None:
    """Print a line for each pace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round-trip", type=float, default=ROUND_TRIP_S, help="seconds that a poll takes")
    trip_s = parser.parse_args().round_trip
    print("| pace | job of 1 s: delay, polls | 60 s | 600 s | 3600 s |\n|---|---|---|---|---|")
    for name, policy in PACES.items():
        print(f"| {name} | {' | '.join(cells(policy, trip_s=trip_s))} |")


if __name__ == "__main__":
    main()
