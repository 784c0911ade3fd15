"""What every widget here shares: read-only state, quiet refusal of foreign writes, and a truthful saved output."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import zlib
from pathlib import Path
from typing import Any

import anywidget

__all__ = ["FREEZE", "LiveWidget", "module_text", "packed", "static_text"]

logger = logging.getLogger(__name__)
_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.]+)";$', flags=re.MULTILINE)
_COMMENT = re.compile(r"^\s*(?://[^\n]*|/\*\*[\s\S]*?\*/)$", flags=re.MULTILINE)
_STYLE_COMMENT = re.compile(r"/\*[\s\S]*?\*/")
_PHRASE = re.compile(r'^"([\w. ]+)": ".*",?\n', flags=re.MULTILINE)
_SAID_START = re.compile(r"`([\w.]+\.)\$\{")
_EXPORT = re.compile(r"^export (?:const|class|(?:async )?function) (\w+)", flags=re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", flags=re.MULTILINE)
#: Names the variable of the environment that freezes every widget.
FREEZE = "SPATIAL_WIDGETS_FREEZE"
_VIEW_TYPE = "application/vnd.jupyter.widget-view+json"


def static_text(name: str) -> str:
    """Return a front-end file as text; handed to anywidget as a path it would keep every instance alive."""
    return (_STATIC / name).read_text(encoding="utf-8")


def _compact(text: str) -> str:
    """Return a module without comments and indentation: every widget sends its own, and a page may keep it."""
    text = _COMMENT.sub("", text)
    return "".join(f"{line.strip()}\n" for line in text.splitlines() if line.strip())


def _style_text(name: str) -> str:
    return _compact(_STYLE_COMMENT.sub("", static_text(name)))


def packed(text: str) -> str:
    """Return a module that unpacks another one, whose ``default`` is a function, and stands in its place.

    Every widget keeps its module in the state that a notebook may save: packed it is a third of that. The browser
    unpacks it without a request, and imports it out of memory, as anywidget itself does with what it is handed.
    """
    kept = base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")
    return _compact(static_text("unpack.js")).replace("PACKED", kept)


def _without_others(text: str) -> str:
    """Return a joined module with only those phrases that it says: by name, or by the start of one in a template."""
    starts = tuple(_SAID_START.findall(text))

    def kept(line: re.Match[str]) -> str:
        name = line[1]
        return line[0] if name.startswith(starts) or text.count(f'"{name}"') > 1 else ""

    return _PHRASE.sub(kept, text)


def module_text(name: str, *styles: str) -> str:
    """Return a front-end module as one text with the neighbours that it imports, each in a scope of its own.

    A module that is handed to the browser as text has no address, so that ``./status.js`` would lead nowhere.

    Parameters
    ----------
    styles : style sheets that its views put where they are seen, in this order; see ``static/dress.js``.
    """
    scopes: dict[str, str] = {}

    def joined(text: str) -> str:
        return _IMPORT.sub(lambda found: f"const {{{found[1]}}} = {scope(found[2])};", text)

    def scope(module: str) -> str:
        variable = f"$_{Path(module).stem}"
        if variable not in scopes:
            text = joined(static_text(module))
            names = ", ".join(_EXPORT.findall(text))
            text = re.sub(
                r"^export (default )?",
                lambda found: "const $_ = " if found[1] else "",
                text,
                flags=re.MULTILINE,
            )
            scopes[variable] = f"const {variable} = (() => {{\n{text}\nreturn {{ {names} }};\n}})();"
        return variable

    last = static_text(name)
    if styles:
        sheets = json.dumps([_style_text(style) for style in styles])
        bare = _DEFAULT.sub("const $_ = ", last)
        last = static_text("wrap.js").replace("MODULE", bare).replace("STYLES", sheets)
    last = joined(last)
    return _without_others(_compact("\n".join([*scopes.values(), last])))


class LiveWidget(anywidget.AnyWidget):
    """A widget whose traits are written by Python alone, in one place.

    Subclasses write traits with :meth:`_apply` on one thread, and say in :meth:`_plain_text` and
    :meth:`_html_text` what a page without a kernel shows.
    """

    def __init__(self, **traits: Any) -> None:
        unknown = [name for name in traits if not self.has_trait(name)]
        if unknown:
            raise TypeError(
                f"{type(self).__name__} takes no argument {unknown[0]!r}; its state is read-only, see its docstring."
            )
        self._handles: list[Any] = []
        self._is_frozen = os.environ.get(FREEZE, "") not in {"", "0"}
        super().__init__(**traits)
        # ipykernel 7.4 answers a comm on the shell of its last publisher, the busy main one; what the
        # front end asked for (a subshell) is the default. Without effect on every other version.
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Ignore a browser's attempt to write: every trait is Python's."""

    def _apply(self, **changes: Any) -> None:
        """Write traits as one message; an observer that raises is reported and stops nothing."""
        try:
            with self.hold_sync():
                for name, value in changes.items():
                    try:
                        self.set_trait(name, value)
                    except BaseException:  # the poller's thread must outlive a user's sys.exit()
                        logger.exception("An observer of %s.%s raised", type(self).__name__, name)
        except Exception:
            logger.exception("%s could not send its state", type(self).__name__)

    # ------------------------------------------------------------ display

    def _plain_text(self) -> str:
        raise NotImplementedError

    def _html_text(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_() if self.comm is not None else None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        is_live = _VIEW_TYPE in data and not (self._is_frozen and self._is_at_rest())
        live = {_VIEW_TYPE: data[_VIEW_TYPE]} if is_live else {}
        return {"text/plain": self._plain_text(), "text/html": self._html_text(), **live}, dict(metadata)

    def _ipython_display_(self, **_kwargs: Any) -> None:
        """Show with a display id, so that the saved output can be brought up to date later."""
        from IPython.display import display

        data, metadata = self._repr_mimebundle_()
        handle = display(data, metadata=metadata, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if handle is None:
            return
        self._handles.append(handle)
        now = self._repr_mimebundle_()
        while now[0] != data:  # it changed before the handle was there to be updated
            data, metadata = now
            handle.update(data, metadata=metadata, raw=True)
            now = self._repr_mimebundle_()

    def freeze(self) -> None:
        """Have every output that shows this become its saved form once nothing more will happen: no live view is left.

        A page with a live view in it shows nothing at all where its kernel is gone and its author is trusted, and
        in HTML that ``nbconvert`` made of a notebook with widget state. ``SPATIAL_WIDGETS_FREEZE=1`` in the
        environment freezes every widget.
        """
        self._is_frozen = True
        self._update_saved_output()

    def _is_at_rest(self) -> bool:
        """Whether nothing more will happen."""
        raise NotImplementedError

    def _update_saved_output(self) -> None:
        """Replace the saved form of every output that shows this widget."""
        if not self._handles:
            return
        data, metadata = self._repr_mimebundle_()
        for handle in self._handles:
            handle.update(data, metadata=metadata, raw=True)
