"""What the site needs beside its own pages: a few files from elsewhere, and links that hold on GitHub too."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/spatial-widgets/spatial_widgets/blob/main"
#: Pages and pictures of the site that are kept elsewhere in the repository, where readers of the code look for them.
ELSEWHERE = {
    "benchmarks.md": "benchmarks/README.md",
    "changelog.md": "CHANGELOG.md",
    "images/job-widget-dark.png": ".github/images/job-widget-dark.png",
    "images/job-widget-light.png": ".github/images/job-widget-light.png",
}
log = logging.getLogger("mkdocs.hooks")

_LINK = re.compile(r"\]\((?![a-z]+:|#|/)([^)\s#]+)(#[^)\s]*)?\)")
_PICTURE = re.compile(
    r'<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="(?P<dark>[^"]+)">\s*'
    r'<img alt="(?P<alt>[^"]*)" src="(?P<light>[^"]+)"[^>]*>\s*</picture>'
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is kept elsewhere."""
    for name, source in ELSEWHERE.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn a picture in two colours into the theme's two pictures, and links that leave the pages into addresses."""
    name = page.file.src_uri
    here = PurePosixPath(ELSEWHERE.get(name, f"docs/{name}"))
    home = PurePosixPath("docs", name).parent
    markdown = _PICTURE.sub(
        lambda found: (
            f"![{found['alt']}]({found['light']}#only-light)\n![{found['alt']}]({found['dark']}#only-dark)"
        ),
        markdown,
    )
    return _LINK.sub(lambda found: f"]({_address(found[1], here, home)}{found[2] or ''})", markdown)


def _address(target: str, here: PurePosixPath, home: PurePosixPath) -> str:
    """Return where ``target`` is for a reader of the site, when the page is written in the file ``here``."""
    path = os.path.normpath(here.parent / target)
    for name, source in ELSEWHERE.items():
        if path == source:
            path = f"docs/{name}"
    if path.startswith("docs/") and not path.startswith("docs/tools/"):
        return os.path.relpath(path, home)
    if not (ROOT / path).exists():
        log.warning("%s links to %s, and there is no %s", here, target, path)
    return f"{REPOSITORY}/{path}"
