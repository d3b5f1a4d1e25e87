"""Values from outside, as a person may see them: what would act on a terminal is escaped."""

import unicodedata

#: Unicode categories that draw nothing and may act: controls, formats (bidi among them),
#: surrogates, and the two separators that some programs take for a line's end.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def shown(text: str, *, lines: bool = False) -> str:
    """``text`` with every control character, escape, newline and bidi mark written as its escape.

    Args:
        text: Any text.
        lines: Whether line feeds and tabs stay as they are, for a text that is shown as a block.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if (lines and character in "\n\t") or unicodedata.category(character) not in _ACTING
        else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
