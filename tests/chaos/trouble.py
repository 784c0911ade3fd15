"""Every way in which the chaos server misbehaves: what goes over the wire in the place of a good answer.

An answer is a list of steps: bytes to send, seconds to wait, or one of the ends below. Standard library only.
"""

from __future__ import annotations

import gzip
import json
import zlib
from urllib.parse import quote

RESET, CLOSE, HANG = (
    "reset",
    "close",
    "hang",
)  # torn down; closed politely; nothing comes until the client hangs up

SOFT, NEUTRAL = "soft", "hop"  # how a poll counts; hard ones count by their code, "400" and so on
_BOMB = zlib.compressobj(9, wbits=31)
OVERSIZED = b"".join(_BOMB.compress(b" " * (1 << 20)) for _ in range(65)) + _BOMB.flush()


def http(body, status="200 OK", **headers):
    """Return one whole HTTP answer."""
    body = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else dumps(body)
    given = {"Content-Type": "application/json", "Content-Length": len(body)}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def dumps(document):
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def esri(code, token, text="Invalid or missing input parameters."):
    details = ["Try again.", f"You sent {token}"] if token else []
    return {"error": {"code": code, "message": text, "details": details}}


def spelled(token, rng):
    """Return a token in one of the ways that servers write it."""
    escaped = "".join(f"\\u{ord(c):04x}" for c in token)
    return rng.choice([token, quote(token, safe=""), quote(token), escaped, f"Bearer {token}"])


_LOGIN = "<html><body>Sign in: <input type=password value='{}'></body></html>"
_HTML = "<!DOCTYPE html><html><body>Proxy error. You sent {}</body></html>"
_WRONG = [[], None, 5, "x", {}, {"jobId": "j1"}, {"jobStatus": 5}, {"jobStatus": None}, {"status": "error"}]


class Scene:
    """What a misbehaviour may draw on: the good answer, a generator, the token that came, addresses."""

    def __init__(self, good, rng, token, *, here="", foreign=""):
        self.good, self.rng, self.token, self.here, self.foreign = good, rng, token, here, foreign

    @property
    def echo(self):
        return spelled(self.token, self.rng) if self.token else ""

    @property
    def part(self):
        """A place well inside of the good answer's body."""
        head = self.good.index(b"\r\n\r\n") + 4
        return self.rng.randrange(head + 1, len(self.good) - 1)


def _refusal(code, status, text="Invalid or missing input parameters."):
    return lambda s: [http(esri(code, s.echo, text), s.rng.choice(["200 OK", status]))]


def _redirect(target):
    return lambda s: [http("", "302 Found", Location=target(s))]


def _retry_after(s):
    asked = s.rng.choice(["0", "0.2", "1", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"])
    return [http(f"Slow down, {s.echo}", "429 Too Many Requests", Retry_After=asked)]


def _damaged_gzip(s):
    packed = bytearray(gzip.compress(s.good.partition(b"\r\n\r\n")[2], mtime=0))
    packed[len(packed) // 2] ^= 0xFF  # the checksum at the end gives it away
    return [http(bytes(packed), Content_Encoding="gzip")]


def _drip(s):
    size = max(1, len(s.good) // 8)
    pieces = [s.good[i : i + size] for i in range(0, len(s.good), size)]
    return [step for piece in pieces for step in (0.05, piece)]


# name: (weight, how it counts for a poll, the steps)
TROUBLE = {
    "error 500 in 200": (4, SOFT, lambda s: [http(esri(500, s.echo))]),
    "error 503 in 200": (1, SOFT, lambda s: [http(esri(503, s.echo))]),
    "error 500 and HTTP 500": (2, SOFT, lambda s: [http(esri(500, s.echo), "500 Internal Server Error")]),
    "error without a code": (1, SOFT, lambda s: [http({"error": {"message": s.echo}})]),
    "HTTP 500 as HTML": (2, SOFT, lambda s: [http(_HTML.format(s.echo), "500 Internal Server Error")]),
    "HTTP 502": (2, SOFT, lambda s: [http(_HTML.format(s.echo), "502 Bad Gateway")]),
    "HTML": (1.5, SOFT, lambda s: [http(_HTML.format(s.echo), Content_Type="text/html")]),
    "login page": (1, SOFT, lambda s: [http(_LOGIN.format(s.echo), Content_Type="text/html")]),
    "truncated": (1, SOFT, lambda s: [s.good[: s.part], CLOSE]),
    "cut JSON": (1, SOFT, lambda s: [http(s.good.partition(b"\r\n\r\n")[2][:-9])]),
    "reset in the body": (1, SOFT, lambda s: [s.good[: s.part], RESET]),
    "empty": (1, SOFT, lambda s: [http("")]),
    "not UTF-8": (1, SOFT, lambda s: [http(b'{"jobStatus": "esriJob\xff\xfe' + s.echo.encode() + b'"}')]),
    "damaged gzip": (1, SOFT, _damaged_gzip),
    "oversized": (0.02, SOFT, lambda s: [http(OVERSIZED, Content_Encoding="gzip")]),
    "other JSON": (2, SOFT, lambda s: [http(s.rng.choice(_WRONG))]),
    "reset before headers": (1.5, SOFT, lambda s: [RESET]),
    "reset in headers": (1, SOFT, lambda s: [s.good[: s.rng.randrange(1, 40)], RESET]),
    "reset after headers": (1, SOFT, lambda s: [s.good[: s.good.index(b"\r\n\r\n") + 4], RESET]),
    "no HTTP": (0.5, SOFT, lambda s: [f"{s.echo} 200 OK\r\n\r\n".encode(), RESET]),
    "bad chunk": (
        0.5,
        SOFT,
        lambda s: [f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{s.echo}\r\n".encode(), RESET],
    ),
    "silent": (0.15, SOFT, lambda s: [HANG]),
    "429": (1, SOFT, _retry_after),
    "redirect loop": (0.4, SOFT, _redirect(lambda s: f"{s.here}?f=json&loop=1&x={quote(s.echo, safe='')}")),
    "redirect elsewhere": (
        1.5,
        NEUTRAL,
        _redirect(lambda s: f"{s.foreign}?f=json&token={quote(s.token, safe='')}"),
    ),
    "error 400": (0.6, "400", _refusal(400, "400 Bad Request")),
    "error 403": (0.3, "403", _refusal(403, "403 Forbidden")),
    "error 404": (0.5, "404", _refusal(404, "404 Not Found")),
    "error 498": (0.4, "498", _refusal(498, "498 Invalid Token", "Invalid token.")),
    "error 499": (0.2, "499", _refusal(499, "401 Unauthorized", "Token Required")),
}
# Slow or odd, and a good answer all the same.
ODD = {
    "slow": (1, lambda s: [s.rng.uniform(0.1, 0.8), s.good]),
    "drip": (1, _drip),
    "odd header": (
        0.5,
        lambda s: [s.good.replace(b"\r\n\r\n", f"\r\nno header {s.echo}\r\n\r\n".encode(), 1)],
    ),
    "cookie": (1, lambda s: [s.good.replace(b"\r\n", f"\r\nSet-Cookie: agstoken={s.token}\r\n".encode(), 1)]),
    "asks for a pause": (1, lambda s: [s.good.replace(b"\r\n", b"\r\nRetry-After: 0\r\n", 1)]),
    "closes": (1, lambda s: [s.good.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)]),
}
# With these, a POST tells its client that nothing was done.
REFUSALS = ["error 400", "error 403", "error 500 in 200", "redirect elsewhere"]
# With these, no whole answer comes back.
LOSSES = [
    "truncated",
    "reset in the body",
    "reset before headers",
    "reset in headers",
    "reset after headers",
    "no HTTP",
    "HTTP 502",
    "empty",
    "HTML",
]


def pick(rng, table, names=None):
    """Return a name of a table by its weight."""
    names = list(names or table)
    return rng.choices(names, [table[name][0] for name in names])[0]
