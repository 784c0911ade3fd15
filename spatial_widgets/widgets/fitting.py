"""What fits into the file of a notebook: sizes in bytes as they stand there, and what is cut to them, with words for the rest.

A notebook that keeps the state of its widgets keeps what each of them sent last. Beside its pictures a widget stays below
50 kB there: about 22 kB are its packed code, 13 kB its saved output, and the rest its state. What is cut is
cut on its way to the page alone; Python has all of it.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["cut", "cut_inside", "cut_to", "fitting", "weight", "weight_in_html"]

_BETWEEN = 2  # bytes from one member of a list to the next


def weight(value: Any) -> int:
    """Return how many bytes plain JSON takes in a notebook's file."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def weight_in_html(text: str) -> int:
    """Return how many bytes a text takes there as HTML."""
    return weight(html.escape(text))


def cut(text: str, most: int, rest: str = "fit.more", weigh: Callable[[str], int] = weight) -> str:
    """Return a text, or of one that weighs more than ``most`` bytes its beginning, and how much more there is.

    Parameters
    ----------
    rest : the phrase for that, with ``n`` for the number of characters.
    """
    if len(text) <= most and weigh(text) <= most:
        return text
    kept = _longest(lambda n: weigh(text[:n] + say(rest, n=f"{len(text):,}")) <= most, min(len(text), most))
    return text[:kept] + say(rest, n=f"{len(text) - kept:,}")


def cut_inside(text: str, most: int, rest: str = "fit.more", weigh: Callable[[str], int] = weight) -> str:
    """Return a text, or of one that weighs more than ``most`` bytes its beginning, how much is left out there, and its end.

    What went wrong at last stands at the end of an error, and often on the last line of a traceback.
    """
    if len(text) <= most and weigh(text) <= most:
        return text
    first = _longest(lambda n: weigh(text[:n]) <= most // 3, min(len(text), most))
    between = f"\n{say(rest, n=f'{len(text):,}')}\n"
    last = _longest(
        lambda n: weigh(text[:first] + between + text[len(text) - n :]) <= most, min(len(text) - first, most)
    )
    left = say(rest, n=f"{len(text) - first - last:,}")
    return f"{text[:first]}\n{left}\n{text[len(text) - last :]}"


def _longest(fits: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to ``most`` that fits, where those below it do too."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def cut_to(most: int, rest: str = "fit.more") -> Callable[[str, Any], str]:
    """Return what a trait sends in the place of a text of its own: at most so many bytes; for its ``to_json``."""
    return lambda text, _widget: cut(text, most, rest)


def fitting(items: Iterable[Any], most: int, weigh: Callable[[Any], int] = weight) -> int:
    """Return how many of the first items weigh no more than ``most`` bytes together."""
    count, left = 0, most
    for item in items:
        left -= weigh(item) + _BETWEEN
        if left < 0:
            break
        count += 1
    return count
