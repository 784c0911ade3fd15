"""Runs what the pages of the documentation show: finds their code blocks and executes them, a page at a time."""

from pagecode.blocks import DATA, ROOT, RUN, Block, blocks, pages, read
from pagecode.running import PageError, run_page

__all__ = ["DATA", "ROOT", "RUN", "Block", "PageError", "blocks", "pages", "read", "run_page"]
