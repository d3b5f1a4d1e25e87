"""What looks like a mistake in the final text of an execution: it must not go out."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reply_tasks.contract.records import Violation

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LONGEST_QUOTE = 40
#: Markup that shows nothing; what is left of a text without it may still be blank.
_MARKUP = re.compile(
    r"<!--.*?-->|<(style|script|head)\b.*?</\1\s*>|<[^<>]*>", re.DOTALL | re.IGNORECASE
)
_SHOWS_SOMETHING = re.compile(r"<(img|video|hr|table|iframe|svg)\b", re.IGNORECASE)
#: Characters without a width, which Python does not count as whitespace.
_NO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def mistakes_in_final_text(
    members: Mapping[str, Any], *, allow_placeholders: bool
) -> Iterator[Violation]:
    """A violation for each text of an execution's ``content`` that nobody can have meant.

    Args:
        members: The canonical record.
        allow_placeholders: Whether ``{{…}}`` may go out as it is.
    """
    content = members.get("content")
    if not isinstance(content, Mapping):
        return
    body = content.get("body")
    if isinstance(body, str) and body.strip() and _is_blank(body):
        yield Violation(
            "/content/body", "blank", "string", "content.body shows nothing but blank space."
        )
    for name, text in content.items():
        if allow_placeholders or not isinstance(text, str):
            continue
        # An HTML body may spell its braces as entities; they are shown all the same.
        found = _PLACEHOLDER.search(_unescaped(text))
        if found is not None:
            yield Violation(
                f"/content/{name}",
                "placeholder",
                "string",
                f"content.{name} still holds {_shown(found[0])}, and goes out as it is: fill it "
                "in, leave content out to have Reply render the template, or set "
                "allow_placeholders.",
            )


def _is_blank(text: str) -> bool:
    if text[0].isalnum() or _SHOWS_SOMETHING.search(text):
        return False
    return not _unescaped(_MARKUP.sub("", text)).translate(_NO_WIDTH).strip()


def _unescaped(text: str) -> str:
    """The text as it is shown; what knows the entities is imported when there may be one."""
    if "&" not in text:
        return text
    import html  # noqa: PLC0415 - as said above

    return html.unescape(text)


def _shown(placeholder: str) -> str:
    return ascii(placeholder) if len(placeholder) <= _LONGEST_QUOTE else "a placeholder"
