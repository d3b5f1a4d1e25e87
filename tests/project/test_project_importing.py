"""A command imports with the collector at rest, and puts off what it seldom uses."""

import gc
import json
import sys
from importlib import import_module

import pytest

from reply_tasks.importing import importing, putting_off


def test_the_collector_rests_and_works_again() -> None:
    """Not on, then on again, with what was there out of its sight."""
    gc.unfreeze()
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_it_works_again_after_an_import_that_failed() -> None:
    """A command that can't be imported leaves the process as it was."""
    with pytest.raises(ImportError), importing():
        raise ImportError
    assert gc.isenabled()


def test_what_is_put_off_is_imported_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before; and who imports it after that gets the module itself."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with putting_off("colorsys"):
        from colorsys import rgb_to_hsv  # noqa: PLC0415 - it is put off here
    assert "colorsys" not in sys.modules
    assert rgb_to_hsv(1, 1, 1) == (0, 0, 1)
    assert import_module("colorsys").rgb_to_hsv is not rgb_to_hsv


def test_what_is_there_is_not_put_off() -> None:
    """Two of a module would be two of its state."""
    with putting_off("json"):
        assert import_module("json") is json
