"""A real JupyterLab, Notebook or Voilà with a real browser before it.

What makes it dependable: one server and one browser for all tests; a private home, so that no setting, news or
running server of the developer's interferes; cells run by command after the kernel has answered, never by a key
that may be lost; and nothing waits by time, only for a condition.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path

import nbformat

from spatial_widgets import LocalService

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: A cell that blocks its kernel, whose main thread sleeps, until :meth:`Notebook.go_on`.
HOLD = """
import pathlib, time
end = time.monotonic() + 120
while not pathlib.Path(GO_ON).exists() and time.monotonic() < end:
    time.sleep(0.05)
"""
#: The same, computing in Python all the while.
COMPUTE = """
import pathlib, time
end, n = time.monotonic() + 120, 0
while n % 1000 or not pathlib.Path(GO_ON).exists() and time.monotonic() < end:
    n += 1
"""

_KERNEL_READY = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  for (let i = 0; i < 900; i++) {
    const panel = app.shell.currentWidget;
    const session = panel && panel.sessionContext;
    if (session && panel.content && panel.content.widgets) {
      await panel.context.ready;
      await session.ready;
      const kernel = session.session && session.session.kernel;
      if (kernel) { await kernel.info; return kernel.id; }
    }
    await new Promise((go) => setTimeout(go, 100));
  }
  throw new Error("no notebook with a kernel came up");
}"""


def find_chromium() -> str:
    """Return a Chromium's path, named by CHROMIUM or found; raise with one clear line otherwise."""
    named = os.environ.get("CHROMIUM")
    found = named or next(
        (p for n in ("chromium", "chromium-browser", "google-chrome", "chrome") if (p := shutil.which(n))),
        None,
    )
    if not found or not Path(found).exists():
        raise RuntimeError(
            "The browser tests need a Chromium: install one (apt-get install chromium), or name it: CHROMIUM=/path/to/chromium."
        )
    return found


class JupyterServer:
    """JupyterLab (``lab``), Notebook 7 (``notebook``) or Voilà (``voila``) on loopback, with a home of its own.

    Parameters
    ----------
    app : which of them.
    root : the folder of notebooks; an empty one for the home of its user.
    kernel_path : a folder whose modules the kernels find before all others.
    """

    def __init__(self, app: str, root: Path, home: Path, *, kernel_path: Path | None = None) -> None:
        self.app, self.root, self.home = app, root, home
        self.kernel_path = kernel_path
        self.kernel = "python3" if kernel_path is None else kernel_path.name
        self.token = secrets.token_hex(16)

    def __enter__(self) -> JupyterServer:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        settings = self.home / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )
        config = self.home / "config"
        config.mkdir()
        for name, section in (
            ("jupyter_lab_config", "LabApp"),
            ("jupyter_notebook_config", "JupyterNotebookApp"),
        ):
            (config / f"{name}.py").write_text(
                f"c = get_config()\nc.{section}.expose_app_in_browser = True\n"
            )
        places = {
            "HOME": self.home,
            "JUPYTER_CONFIG_DIR": config,
            "JUPYTER_DATA_DIR": self.home / "data",
            "JUPYTER_RUNTIME_DIR": self.home / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": self.home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": self.home / "workspaces",
            "IPYTHONDIR": self.home / "ipython",
            "SPATIAL_WIDGETS_STORE": self.home / "service",
        }
        self._install_kernel(places["JUPYTER_DATA_DIR"])
        command = [
            sys.executable, "-m", "jupyterlab" if self.app == "lab" else "notebook", "--no-browser", "--allow-root",
            "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}",
        ]  # fmt: skip
        if self.app == "voila":
            command = [
                sys.executable, "-m", "voila", str(self.root), "--no-browser", "--Voila.ip=127.0.0.1",
                f"--port={port}", f"--token={self.token}",
            ]  # fmt: skip
        self.log = (self.home / "server.log").open("w+")
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **{k: str(v) for k, v in places.items()}},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        try:
            self._until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _install_kernel(self, data: Path) -> None:
        """Give the notebooks' kernel a module path of its own, where there is one."""
        if self.kernel_path is not None:
            spec = data / "kernels" / self.kernel
            spec.mkdir(parents=True)
            told = {
                "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                "display_name": self.kernel,
                "language": "python",
                "env": {
                    "PYTHONPATH": os.pathsep.join(
                        filter(None, (str(self.kernel_path), os.environ.get("PYTHONPATH")))
                    )
                },
            }
            (spec / "kernel.json").write_text(json.dumps(told))

    def _until_it_answers(self) -> None:
        for _ in range(900):
            if self.process.poll() is not None:
                self.log.seek(0)
                raise RuntimeError(self.log.read()[-3000:])
            with contextlib.suppress(OSError):
                self.get("/" if self.app == "voila" else "/api/status")
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)
        raise RuntimeError("Jupyter did not answer")

    def get(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(f"{self.url}{path}?token={self.token}", method=method)
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.read()

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        service = LocalService.running(store=self.home / "service")
        if service is not None:
            service.stop()


class Notebook:
    """One notebook open in the browser, with its kernel ready.

    Parameters
    ----------
    cells : Python each; ``GO_ON`` in it is the path of the file that ``HOLD`` and ``COMPUTE`` wait for.
    """

    def __init__(self, page, server: JupyterServer, name: str, cells: list[str]) -> None:
        self.page, self.server, self.path = page, server, server.root / name
        self._go_on = self.path.with_suffix(".go")
        texts = [textwrap.dedent(cell).strip().replace("GO_ON", repr(str(self._go_on))) for cell in cells]
        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(text) for text in texts],
            metadata={
                "kernelspec": {"name": server.kernel, "display_name": server.kernel, "language": "python"}
            },
        )
        nbformat.write(made, self.path)
        place = f"lab/tree/{name}" if server.app == "lab" else f"notebooks/{name}"
        page.goto(f"{server.url}/{place}?token={server.token}" + ("&reset" if server.app == "lab" else ""))
        page.wait_for_function("window.jupyterapp", timeout=90_000)
        self.kernel = page.evaluate(_KERNEL_READY)

    def start(self, index: int) -> None:
        """Begin a cell and return."""
        self.page.evaluate(
            """(i) => { const panel = window.jupyterapp.shell.currentWidget; panel.content.activeCellIndex = i;
            panel.content.deselectAll(); window.jupyterapp.commands.execute('notebook:run-cell'); }""",
            index,
        )

    def finish(self, index: int, timeout_s: float = 90) -> str:
        """Wait for a cell's end and return what it printed; an error in it fails the test."""
        self.page.wait_for_function(
            """(i) => { const cell = window.jupyterapp.shell.currentWidget.content.widgets[i].model;
            return cell.executionCount != null && cell.executionState !== 'running'; }""",
            arg=index,
            timeout=timeout_s * 1000,
        )
        outputs = self.outputs(index)
        for output in outputs:
            assert output["output_type"] != "error", "\n".join(output.get("traceback", []))
        return "".join(o.get("text", "") for o in outputs)

    def run(self, index: int) -> str:
        self.start(index)
        return self.finish(index)

    def is_running(self, index: int) -> bool:
        return (
            self.page.evaluate(
                "(i) => window.jupyterapp.shell.currentWidget.content.widgets[i].model.executionState", index
            )
            == "running"
        )

    def go_on(self, index: int) -> str:
        """End the cell that waits for it; returns what it printed. It has blocked the kernel to this moment."""
        assert self.is_running(index)
        self._go_on.touch()
        return self.finish(index)

    def outputs(self, index: int) -> list[dict]:
        return self.page.evaluate(
            "(i) => window.jupyterapp.shell.currentWidget.content.widgets[i].model.outputs.toJSON()", index
        )

    def restart_kernel(self) -> None:
        self.page.evaluate(
            """async () => { const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            await kernel.restart(); await kernel.info; }"""
        )

    def save(self) -> dict:
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        self.page.wait_for_function(
            "!window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=20_000
        )
        return json.loads(self.path.read_text())

    def theme(self, name: str) -> None:
        """Switch to ``light`` or ``dark``."""
        self.page.evaluate(
            "(t) => window.jupyterapp.commands.execute('apputils:change-theme', {theme: t})",
            f"JupyterLab {name.capitalize()}",
        )
        self.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light && !document.querySelector('#jupyterlab-splash')",
            arg=str(name == "light").lower(),
        )

    def shut_down(self) -> None:
        self.server.get(f"/api/kernels/{self.kernel}", method="DELETE")
