"""Draws which status follows which, from the code's own table: ``python docs/tools/job_states.py``.

Writes ``docs/images/job-states-light.svg`` and ``-dark.svg``. A test compares them with what this draws.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from spatial_widgets.protocol import LEGAL_TRANSITIONS, JobStatus

IMAGES = Path(__file__).parents[1] / "images"
WIDTH, HEIGHT = 900, 408
BOX_W, BOX_H = 112, 40
#: Where the middle of each status is. The four ends stand below each other, each with a lane that leads to it.
PLACES = {
    JobStatus.NEW: (80, 110),
    JobStatus.SUBMITTED: (250, 110),
    JobStatus.WAITING: (420, 110),
    JobStatus.EXECUTING: (590, 110),
    JobStatus.SUCCEEDED: (800, 110),
    JobStatus.FAILED: (800, 180),
    JobStatus.TIMED_OUT: (800, 240),
    JobStatus.CANCELLED: (800, 310),
    JobStatus.CANCELLING: (590, 310),
    JobStatus.DELETING: (80, 240),
    JobStatus.DELETED: (80, 310),
    JobStatus.EXPECTED_FAILURE: (80, 180),
}
LANES = {JobStatus.FAILED: 180, JobStatus.TIMED_OUT: 240, JobStatus.CANCELLED: 362}
QUEUED, RUNNING, GOOD, BAD, ENDING = "queued", "running", "good", "bad", "ending"
TONES = {
    JobStatus.NEW: QUEUED,
    JobStatus.SUBMITTED: QUEUED,
    JobStatus.WAITING: QUEUED,
    JobStatus.EXECUTING: RUNNING,
    JobStatus.SUCCEEDED: GOOD,
    JobStatus.FAILED: BAD,
    JobStatus.TIMED_OUT: BAD,
    JobStatus.EXPECTED_FAILURE: BAD,
}
#: Paper, ink, line, then fill and border of each tone.
COLOURS = {
    "light": ("#ffffff", "#1f2328", "#57606a", {
        QUEUED: ("#eef0f3", "#57606a"),
        RUNNING: ("#ddebff", "#0b5cad"),
        GOOD: ("#dcf5e3", "#116329"),
        BAD: ("#ffe3e1", "#a40e26"),
        ENDING: ("#fff1cf", "#7d4e00"),
    }),
    "dark": ("#1e2129", "#e6e8ec", "#a3abb8", {
        QUEUED: ("#343a46", "#a3abb8"),
        RUNNING: ("#12345c", "#7db8ff"),
        GOOD: ("#113a22", "#6fd28b"),
        BAD: ("#4f1a1e", "#ff9a94"),
        ENDING: ("#45330a", "#f0c255"),
    }),
}  # fmt: skip


def route(start: JobStatus, end: JobStatus) -> str:
    """Return the path from one status to another."""
    (x, y), (to_x, to_y) = PLACES[start], PLACES[end]
    half_w, half_h = BOX_W / 2, BOX_H / 2
    if x == to_x:
        return f"M{x} {y + half_h} V{to_y - half_h}"
    if y == to_y and not _between(start, end):
        if to_x > x:
            return f"M{x + half_w} {y} H{to_x - half_w}"
        return f"M{x - 16} {y - half_h} C{x - 30} {y - 62} {to_x + 30} {y - 62} {to_x + 16} {to_y - half_h}"
    if y == to_y:
        return f"M{x} {y - half_h} C{x + 40} {y - 112} {to_x - 40} {y - 112} {to_x} {to_y - half_h}"
    lane = LANES[end]
    drop = x + 28 if start == JobStatus.EXECUTING else x
    if lane == to_y:
        return f"M{drop} {y + half_h} V{lane} H{to_x - half_w}"
    return f"M{drop} {y + half_h} V{lane} H{to_x} V{to_y + half_h}"


def _between(start: JobStatus, end: JobStatus) -> bool:
    low, high = sorted((PLACES[start][0], PLACES[end][0]))
    return any(low < x < high and y == PLACES[start][1] for x, y in PLACES.values())


def joins() -> list[tuple[int, int]]:
    """Return where a line meets the lane that it joins."""
    edges = [(start, end) for start, ends in LEGAL_TRANSITIONS.items() for end in ends if end in LANES]
    found = {
        (PLACES[start][0] + (28 if start == JobStatus.EXECUTING else 0), LANES[end])
        for start, end in edges
        if PLACES[start][1] != PLACES[end][1]
    }
    return sorted(found)


def drawing(theme: str) -> str:
    """Return the SVG in one theme."""
    paper, ink, line, tones = COLOURS[theme]
    edges = sorted(
        (list(JobStatus).index(start), list(JobStatus).index(end), start, end)
        for start, ends in LEGAL_TRANSITIONS.items()
        for end in ends
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" fill="{ink}">',
        '<g font-size="15" font-family="system-ui, sans-serif" text-anchor="middle">',
        "<title>Which status of a job follows which</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{paper}"/>',
        '<marker id="end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">',
        f'<path d="M0 1 L9 5 L0 9 z" fill="{line}"/></marker>',
    ]
    for _, _, start, end in edges:
        path = route(start, end)
        parts += [
            f'<path d="{path}" fill="none" stroke="{paper}" stroke-width="6"/>',
            f'<path d="{path}" fill="none" stroke="{line}" stroke-width="1.6" marker-end="url(#end)">',
            f"<title>{start.label} to {end.label}</title></path>",
        ]
    parts += [f'<circle cx="{x}" cy="{y}" r="3.4" fill="{line}"/>' for x, y in joins()]
    parts += [_label(x, y, text, line) for x, y, text in _WORDS]
    parts += [_box(status, ink, *tones[TONES.get(status, ENDING)]) for status in JobStatus]
    return "\n".join([*parts, "</g></svg>", ""])


_WORDS = [
    (590, 22, "a slot is free at once"),
    (505, 86, "after a restart"),
    (552, 275, "cancel()"),
    (80, 60, "dashed: at some"),
    (80, 76, "services only"),
]
_RARE = {JobStatus.NEW, JobStatus.DELETING, JobStatus.DELETED, JobStatus.EXPECTED_FAILURE}


def _label(x: int, y: int, text: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="12.5" font-style="italic" fill="{colour}">{escape(text)}</text>'


def _box(status: JobStatus, ink: str, fill: str, border: str) -> str:
    x, y = PLACES[status]
    width = BOX_W + 24 if status == JobStatus.EXPECTED_FAILURE else BOX_W
    dash = ' stroke-dasharray="5 4"' if status in _RARE else ""
    thick = 3 if status.is_terminal else 1.5
    return (
        f'<rect x="{x - width / 2:g}" y="{y - BOX_H / 2:g}" width="{width}" height="{BOX_H}" rx="{BOX_H / 2:g}" '
        f'fill="{fill}" stroke="{border}" stroke-width="{thick}"{dash}/>'
        f'<text x="{x}" y="{y + 5}" fill="{ink}">{escape(status.label)}</text>'
    )


if __name__ == "__main__":
    for name in COLOURS:
        (IMAGES / f"job-states-{name}.svg").write_text(drawing(name), encoding="utf-8")
