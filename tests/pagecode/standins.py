"""What stands in for the outer world on the pages that need it: a portal, other machines, addresses that are examples."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from dataclasses import dataclass, field

from signing import CLIENT_SECRET, PASSWORD, Portal, Server

from spatial_widgets import LocalService


@dataclass
class Standing:
    """``replace`` maps texts of the page to what is there instead; ``prelude`` is Python that runs before the page."""

    replace: dict[str, str] = field(default_factory=dict)
    prelude: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def replaced(self, code):
        for old, new in self.replace.items():
            code = code.replace(old, new)
        return code


@contextlib.contextmanager
def portal():
    """A portal, a server that is federated with it, and one that stands alone. Ana types her password."""
    with Portal() as home, Server() as alone, Server(home) as federated:
        yield Standing(
            {
                "https://host/server/rest/services/Tools/GPServer": alone.url,
                "https://www.arcgis.com": home.url,
                "https://analysis.arcgis.com/arcgis/rest/services/tasks/GPServer": federated.url,
                '"client id"': '"app"',
            },
            "import getpass, warnings\n"
            "warnings.filterwarnings('ignore', message='.*plain http')\n"
            f"getpass.getpass = lambda *_: {PASSWORD!r}",
            {"CLIENT_SECRET": CLIENT_SECRET},
        )


@contextlib.contextmanager
def own_server():
    """The local service is somebody's own server, whose token is typed."""
    local = LocalService.start()
    yield Standing(
        {"https://gis.example.com/server/rest/services/Tools/GPServer": local.url},
        f"import getpass\ngetpass.getpass = lambda *_: {local.token!r}",
    )


@contextlib.contextmanager
def one_machine():
    """All of a cluster's machines are this one."""
    with socket.create_server(("127.0.0.1", 0)) as probe, tempfile.TemporaryDirectory() as store:
        port = probe.getsockname()[1]
        probe.close()
        yield Standing(
            {"10.0.0.1": "127.0.0.1", "8786": str(port)}, environment={"SPATIAL_WIDGETS_STORE": store}
        )


#: By page. Every other page runs as it stands.
STAND_INS = {"docs/dask.md": one_machine, "docs/own-server.md": own_server, "docs/signing-in.md": portal}
