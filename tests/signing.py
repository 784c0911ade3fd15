"""A portal and servers over real sockets, which know who signed in and what reached them."""

from __future__ import annotations

import email.utils
import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from fakes import Asked, Raw, ScriptedApp, error

from spatial_widgets.server.form import parse_form

PASSWORD, CLIENT_SECRET = "open-sesame/1+x", "client+secret/2"


class Site:
    """Answers requests on loopback with :meth:`answer`, and keeps what came as it came."""

    def __init__(self):
        self.asked = []
        self.heads = []
        self.lock = threading.Lock()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = urlsplit(self.path)
                form = parse_form(body, self.headers.get("Content-Type", "")) if body else {}
                asked = Asked(
                    self.command, self.path, dict(parse_qsl(parts.query)) | form, dict(self.headers.items())
                )
                with site.lock:
                    site.asked.append(asked)
                    site.heads.append(f"{self.requestline}\n{self.headers}")
                answer = site.answer(asked)
                raw = answer if isinstance(answer, Raw) else Raw(answer)
                self.send_response_only(raw.status)
                self.send_header("Date", email.utils.formatdate(site.now(), usegmt=True))
                self.send_header("Content-Length", str(len(raw.body)))
                for name, value in raw.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw.body)

            do_POST = do_GET  # noqa: N815 -- http.server's name

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.root = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)

    def now(self):
        """Return the site's own clock, which may be wrong."""
        return time.time()

    def answer(self, asked):
        raise NotImplementedError

    def count(self, operation):
        return sum(a.operation == operation for a in self.asked)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)


class TokenMaker:
    """Gives out tokens, and knows which of them still hold."""

    def __init__(self, kind):
        self.kind, self.numbers = kind, itertools.count(1)
        self.good = {}  # token to the referer that it is bound to

    def make(self, form):
        token = f"{self.kind}-token/{next(self.numbers)}+=secret"
        self.good[token] = form.get("referer") if form.get("client") == "referer" else None
        return token

    def takes(self, token, asked):
        return token in self.good and self.good[token] in {None, asked.headers.get("Referer")}


class Portal(Site):
    """A portal at ``<root>/portal``; gives server tokens for the servers that are federated with it."""

    def __init__(self):
        super().__init__()
        self.url = f"{self.root}/portal"
        self.tokens = TokenMaker("portal")
        self.servers = {}
        self.answers = []
        self.life_s = 3600.0
        self.skew_s = 0.0
        self.expires_as = int

    def now(self):
        return time.time() + self.skew_s

    def expires(self):
        return self.expires_as((self.now() + self.life_s) * 1000)

    def answer(self, asked):
        if asked.method != "POST":
            return error(405, "POST only")
        with self.lock:
            if self.answers:
                return self.answers.pop(0)
            match asked.operation:
                case "generateToken" if "serverUrl" in asked.form:
                    return self.exchange(asked)
                case "generateToken":
                    return self.generate(asked.form, self.tokens)
                case "token":
                    return self.oauth(asked.form)
        return error(404, "not here")

    def generate(self, form, tokens):
        if form.get("username") != "ana" or form.get("password") != PASSWORD:
            return error(
                400, "Unable to generate token.", [f"Invalid username or password. {form.get('password')}"]
            )
        return {"token": tokens.make(form), "expires": self.expires(), "ssl": True}

    def exchange(self, asked):
        if not self.tokens.takes(asked.form["token"], asked):
            return error(498, f"Invalid token. {asked.form['token']}")
        server = self.servers.get(asked.form["serverUrl"])
        if server is None:
            return error(400, "Unable to generate token.", ["The server is not federated."])
        return {"token": server.tokens.make(asked.form), "expires": self.expires()}

    def oauth(self, form):
        if form.get("client_id") != "app" or form.get("client_secret") != CLIENT_SECRET:
            return Raw(
                {"error": "invalid_client", "error_description": f"Wrong: {form.get('client_secret')}"}, 400
            )
        return {"access_token": self.tokens.make(form), "expires_in": int(self.life_s)}


class Server(Site):
    """An ArcGIS Server with one GPServer: its own token service, or federated with a portal."""

    def __init__(self, portal=None, app=None):
        super().__init__()
        self.app = app or ScriptedApp()
        self.portal = portal
        self.tokens = TokenMaker(f"server-{self.http.server_port}")
        self.arcgis = f"{self.root}/arcgis"
        self.url = f"{self.arcgis}/rest/services/tasks/GPServer"
        self.life_s, self.expires_as = 3600.0, int
        self.takes_header = True
        self.info = {"authInfo": {"isTokenBasedSecurity": True, "tokenServicesUrl": f"{self.arcgis}/tokens/"}}
        if portal is not None:
            portal.servers[self.arcgis] = self
            self.info = {"owningSystemUrl": portal.url, "authInfo": {"isTokenBasedSecurity": True}}

    generate = Portal.generate
    expires = Portal.expires

    def token_of(self, asked):
        if self.takes_header and "X-Esri-Authorization" in asked.headers:
            return asked.headers["X-Esri-Authorization"].removeprefix("Bearer ")
        return asked.form.get("token") if asked.method == "POST" else None

    def answer(self, asked):
        with self.lock:
            if asked.path == "/arcgis/rest/info":
                return self.info
            if asked.path == "/arcgis/tokens/generateToken":
                return self.generate(asked.form, self.tokens)
            token = self.token_of(asked)
            if token is None:
                return error(499, "Token Required")
            if not self.tokens.takes(token, asked):
                return error(498, f"Invalid token: {token}")
            return self.app.answer(asked)


class Hands:
    """Clocks for the life of tokens, turned by hand."""

    def __init__(self):
        self.monotonic = self.clock = 1_000_000.0

    def pass_(self, seconds, *, asleep=False):
        self.clock += seconds
        self.monotonic += 0 if asleep else seconds
