"""What a task says and also gives out as ``processInfo``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spatial_widgets.server.registry import Context

__all__ = ["Record"]


class Record:
    """Messages that also go into ``processInfo``."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        """Say something, and keep it."""
        self.lines.append(text)
        self.ctx.info(text)

    def warn(self, text: str) -> None:
        """Warn, and keep it."""
        self.lines.append(text)
        self.ctx.warn(text)

    def process_info(self) -> list[dict[str, Any]]:
        """Return the sentences as the hosted service has them; with no code, because the codes are Esri's, nor places to fill.

        Source: https://developers.arcgis.com/rest/services-reference/enterprise/sa-find-hot-spots/ (processInfo)
        """
        return [{"messageCode": "", "message": line, "params": {}, "style": ""} for line in self.lines]
