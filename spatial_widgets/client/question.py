"""One request before it is signed: what is asked, and how it looks with and without a token in its body."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from spatial_widgets.client.body import Body, FormValue, urlencoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spatial_widgets.client.exchange import Exchange
    from spatial_widgets.client.login import Pass

__all__ = ["Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """A read, or with ``encode`` a write.

    A read is a GET, and a POST of the same fields where the token has to be in the body: every resource of a
    GPServer and every query of a layer takes both. A write is never repeated and never redirected.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/gp-job/ (GET and POST)
    """

    url: str
    fields: Mapping[str, str] | Mapping[str, FormValue]
    encode: Callable[[Mapping[str, FormValue]], Body] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # of a write, beside its body's own
    stays: bool = False  # whether a redirect to another origin is an error for a read too
    hear: Callable[[Exchange], None] | None = None  # is told of it, beside those who listen to the session
    is_led: bool = False  # whether its address is where a server redirected it to

    @property
    def shown(self) -> str:
        """The address to be shown: a query that a server made up may hold what is nobody's business."""
        return self.url.partition("?")[0] if self.is_led else self.url

    @property
    def is_write(self) -> bool:
        """Whether it changes something at the service."""
        return self.encode is not None

    def method(self, shown: Pass | None) -> str:
        """Return GET or POST, as it goes out with this pass."""
        return "POST" if self.is_write or (shown is not None and shown.in_body) else "GET"

    def body(self, shown: Pass | None) -> Body | None:
        """Return the body to send, or None for a GET."""
        in_body = shown is not None and shown.in_body
        if not self.is_write and not in_body:
            return None
        fields: dict[str, FormValue] = dict(self.fields)
        if shown is not None and in_body and shown.token is not None:
            fields["token"] = shown.token
        body = (self.encode or urlencoded)(fields)
        body.headers.update(self.headers)
        return body

    def at(self, target: str) -> Question:
        """Return the same read at the address that it was redirected to."""
        if "?" in target:
            return replace(self, url=target, fields={}, is_led=True)
        return replace(self, url=target.split("#", 1)[0], is_led=True)
