"""A mapping that can be put back as it was, at the cost of what has changed since."""

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Journal(Generic[Key, Value]):
    """A mapping whose values are never changed, only replaced: what was there before is kept.

    Copying it for each turn of the engine would cost what all that waits costs; this costs what the
    turn changes.
    """

    def __init__(self) -> None:
        self._now: dict[Key, Value] = {}
        self._before: dict[Key, Value | None] = {}

    def get(self, key: Key) -> Value | None:
        """What is there now, if anything."""
        return self._now.get(key)

    def __getitem__(self, key: Key) -> Value:
        """What is there now."""
        return self._now[key]

    def __contains__(self, key: Key) -> bool:
        """Whether anything is there."""
        return key in self._now

    def put(self, key: Key, value: Value | None) -> None:
        """Replace what is there; by nothing, where the value is None."""
        if key not in self._before:
            self._before[key] = self._now.get(key)
        _put(self._now, key, value)

    def remember(self) -> Callable[[], None]:
        """What restores the mapping as it is now, until this is called again."""
        before = self._before = {}

        def put_back() -> None:
            for key, value in before.items():
                _put(self._now, key, value)

        return put_back


def _put(mapping: dict[Key, Value], key: Key, value: Value | None) -> None:
    if value is None:
        mapping.pop(key, None)
    else:
        mapping[key] = value
