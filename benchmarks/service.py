"""A GPServer on a loopback socket whose one job has a gzipped document as its result.

``python benchmarks/service.py FILE`` prints the port, and ends when its standard input does.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_JOB = "/arcgis/rest/services/tasks/GPServer/Load/jobs/j1"
_STATE = {
    "jobId": "j1",
    "jobStatus": "esriJobSucceeded",
    "messages": [],
    "results": {"layer": {"paramUrl": "results/layer"}},
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.split("?")[0] != f"{_JOB}/results/layer":
            body = json.dumps(_STATE).encode()
            self._head(len(body))
            self.wfile.write(body)
            return
        path = Path(sys.argv[1])
        self._head(path.stat().st_size, encoding="gzip")
        with path.open("rb") as source:
            shutil.copyfileobj(source, self.wfile, 1 << 18)

    def _head(self, length: int, encoding: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the table is the output."""


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """Give the URL of a job whose result is the document at ``path``, served by a process of its own."""
    command = [sys.executable, __file__, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(child.stdout.readline())}{_JOB}"
        finally:
            child.stdin.close()


def _main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    _main()
