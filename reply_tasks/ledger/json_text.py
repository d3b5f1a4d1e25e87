"""The JSON text of the ledger's columns: whatever a value is, both databases take it."""

import json
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from reply_tasks.contract.kept import kept_as_it_came, nests_too_deep

if TYPE_CHECKING:
    import msgspec

#: With so few openers nothing can lie deep, which saves a look at most values.
_FEW_OPENERS = 50


def dump_json(value: Any) -> str:  # noqa: ANN401
    """JSON for a column; what JSON can't say becomes text.

    msgspec writes it in a fifth of the time, but NaN as null and a Decimal as text, and not only in
    ASCII: what does not read as the same value again is left to the standard library.
    """
    encoder, decoder = _quick()
    try:
        written = encoder.encode(value)
        if not written.isascii() or decoder.decode(written) != value:
            return stable_json(value)
    except (ValueError, OverflowError, TypeError, RecursionError):
        return stable_json(value)
    return _not_too_deep(written.decode(), value)


def stable_json(value: Any) -> str:  # noqa: ANN401
    """The same in the spelling that never changes: the ledger holds hashes of it."""
    try:
        text = _STABLE.encode(value)
    except (ValueError, RecursionError):  # no number, one beyond all bounds, or too deep
        return json.dumps(kept_as_it_came(value), default=str)
    return _not_too_deep(text, value)


def _not_too_deep(text: str, value: object) -> str:
    """The text, or that of what does not lie too deep.

    How deep Python can read and write depends on the caller's own stack. What is written here must
    be readable from everywhere, so the depth has a bound of its own.
    """
    openers = text.count("[") + text.count("{")
    if openers > _FEW_OPENERS and nests_too_deep(value):
        return json.dumps(kept_as_it_came(value), default=str)
    return text


@cache
def _quick() -> "tuple[msgspec.json.Encoder, msgspec.json.Decoder[Any]]":
    import msgspec  # noqa: PLC0415 - what only reads a ledger writes none

    return msgspec.json.Encoder(), msgspec.json.Decoder()


def _plain(value: object) -> object:
    return kept_as_it_came(value) if isinstance(value, Decimal | date) else str(value)


_STABLE = json.JSONEncoder(allow_nan=False, check_circular=False, default=_plain)
