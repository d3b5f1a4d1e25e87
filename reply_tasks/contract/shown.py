"""Values from outside, as a person may see them: what would act on a terminal is escaped."""

import unicodedata

#: Unicode categories that draw nothing and may act: controls, formats (bidi among them),
#: surrogates, and the two separators that some programs take for a line's end.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Zero-width joiner and non-joiner, which some scripts and most emoji are written with: between
#: two such characters they change how these are drawn, and hide nothing.
_JOINERS = frozenset("\u200c\u200d")
_JOINED = frozenset({"Lo", "Mc", "Mn", "Sk", "So"})


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
        if (lines and character in "\n\t")
        or unicodedata.category(character) not in _ACTING
        or (character in _JOINERS and _joins(text, place))
        else _escape(character)
        for place, character in enumerate(text)
    )


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands between two characters that it can join."""
    beside = text[place - 1 : place] + text[place + 1 : place + 2]
    return len(beside) == 2 and all(unicodedata.category(each) in _JOINED for each in beside)  # noqa: PLR2004


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
