"""A server's text, made fit to stand in a message of ours."""

from __future__ import annotations

__all__ = ["plain"]

_LONGEST = 4000
# What a terminal would obey is shown by its picture, U+2400 and after; the later controls have none.
_PICTURES = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return a text as it may be printed anywhere: no control acts, every character has a code in UTF-8.

    Of one longer than ``longest`` characters the middle is left out, as the beginning says what it is about
    and the end why; how long it was is said.
    """
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]} … ({len(text):,} characters in all) … {text[-half:]}"
    text = text.replace("\r\n", "\n").translate(_PICTURES)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
