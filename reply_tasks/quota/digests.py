"""Digests: what stands for a key and an acting user in the database, so that it holds no key."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

#: How many digits of a digest tell users apart for a person.
SHOWN_DIGEST = 8


def digest(api_key: str, user: str | None) -> str:
    """What stands for a key and an acting user (None means the key's own)."""
    return Digests(api_key)[user]


class Digests:
    """The digests of one key's users, each made once. It does not keep the key."""

    def __init__(self, api_key: str) -> None:
        self._seed: _Hash = hashlib.sha256(b"reply-tasks quota\0" + api_key.encode() + b"\0")
        self._known: dict[str | None, str] = {}

    def __getitem__(self, user: str | None) -> str:
        """The digest of a user."""
        known = self._known.get(user)
        if known is None:
            hashed = self._seed.copy()
            hashed.update(b"" if user is None else b"user " + user.encode())
            known = self._known[user] = hashed.hexdigest()
        return known
