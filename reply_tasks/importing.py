"""Importing without the garbage collector, which finds nothing in what is there to stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Have the collector rest while this imports, and pass over all that is there ever after.

    It takes a seventh of what the imports take, and a tenth of a run that looks at them again and
    again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
