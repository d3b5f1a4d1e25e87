"""How a text with markup reads: its words, its lines, and where its links lead."""

import re
from html.parser import HTMLParser

_MARKUP = re.compile(r"</?[a-z][^<>]*>|<!--", re.IGNORECASE)
_SILENT = frozenset({"script", "style", "head", "title"})
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "blockquote", "ul", "ol", "table"})
_LINES = _PARAGRAPHS | {"article", "div", "footer", "header", "hr", "li", "section", "tr"}
_CELLS = frozenset({"td", "th"})
_SPACE = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n{3,}")


def has_markup(text: str) -> bool:
    """Whether a text is written in HTML, so that its source is not how it reads."""
    return _MARKUP.search(text) is not None


def readable(text: str) -> str:
    """The words of a text in HTML, with its links' targets; never markup again.

    It helps a person to read. What decides is the source, since a mail program may show less.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    lines = (line.strip() for line in "".join(reader.parts).split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _SILENT:
            self._silent += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _LINES:
            self._new_line()
        if tag == "li":
            self.parts.append("• ")
        elif tag in _CELLS:
            self.parts.append("  ")
        elif tag == "img":
            self.parts.append(f"[picture: {given.get('alt') or given.get('src') or ''}]")
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _PARAGRAPHS:
            self.parts.append("\n\n")
        elif tag in _LINES:
            self._new_line()
        elif tag == "a" and self._links:
            target, start = self._links.pop()
            if target and target not in "".join(self.parts[start:]):
                self.parts.append(f" ({target})")

    def _new_line(self) -> None:
        """A line's end, once: where one element ends, the next may begin."""
        if "".join(self.parts[-2:]).rstrip(" ")[-1:] != "\n":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(_SPACE.sub(" ", data.replace("\n", " ")))
