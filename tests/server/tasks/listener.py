"""A context that remembers what a task says."""

from __future__ import annotations

import numpy as np

from spatial_widgets.server.limits import Limits


class Listener:
    def __init__(self, folder):
        self.scratch = folder
        self.said = []
        self.percents = []
        self.limits = Limits()

    def info(self, text):
        self.said.append(("info", text))

    def warn(self, text):
        self.said.append(("warn", text))

    def error(self, text):
        self.said.append(("error", text))

    def progress(self, percent, text=""):
        self.percents.append(percent)

    def check(self):
        pass

    def rng(self, seed):
        return np.random.default_rng(seed)

    def text(self, level=None):
        return "\n".join(text for kind, text in self.said if level in {None, kind})
