"""Hooks of MkDocs: whole folders in the navigation, and links that leave ``docs/``.

On a forge such a link opens the file. The site has only ``docs/``: there it goes to the repository,
if it is known where that is (``repo_url``), and is plain text if not.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>(?:\.\./)+[^)#\s]+)(?P<anchor>#[^)]*)?\)")
_log = logging.getLogger("mkdocs.hooks.site_hooks")


def on_config(config: MkDocsConfig) -> None:
    """Replace ``folder/*`` in the navigation by the folder's pages."""
    _expand(config.nav or [], Path(config.docs_dir))


def _expand(items: list[Any], docs: Path) -> None:
    named = {each for each in items if isinstance(each, str)}
    for item in list(items):
        if isinstance(item, dict):
            for inner in item.values():
                if isinstance(inner, list):
                    _expand(inner, docs)
        elif item.endswith("/*"):
            pages = sorted(each.relative_to(docs).as_posix() for each in docs.glob(f"{item}.md"))
            at = items.index(item)
            items[at : at + 1] = [each for each in pages if each not in named]


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page's text with each link out of ``docs/`` rewritten; one that leads nowhere is told."""
    del files

    def rewritten(link: re.Match[str]) -> str:
        at = posixpath.join("docs", posixpath.dirname(page.file.src_uri), link["path"])
        path = posixpath.normpath(at)
        if path.startswith("docs/"):
            return link[0]
        if not Path(config.config_file_path, "..", path).resolve().exists():
            _log.warning("%s links to %s, which is not there", page.file.src_uri, path)
        if not config.repo_url:
            return link["text"]
        address = f"{config.repo_url.rstrip('/')}/blob/main/{path}{link['anchor'] or ''}"
        return f"[{link['text']}]({address})"

    return _LINK.sub(rewritten, markdown)
