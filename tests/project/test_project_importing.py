"""The collector rests while a command imports, and passes over what it imported."""

import gc

import pytest

from reply_tasks.importing import importing


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
