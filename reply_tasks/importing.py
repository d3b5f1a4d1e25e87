"""Importing for a command: nothing that it does not use, and without the garbage collector."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

#: What the SDK imports to read and write BATCH files and to drain sinks side by side. Neither
#: plugin does; with what they import in turn they are a twelfth of its start, and 6 MB.
SELDOM_USED = ("joblib", "upath")


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


@contextmanager
def putting_off(*modules: str) -> Iterator[None]:
    """Have these modules imported when something of them is called, by what imports them here.

    Only functions and classes that are called can be had of them so.
    """
    put_off = [name for name in modules if name not in sys.modules]
    sys.modules.update({name: _PutOff(name) for name in put_off})
    try:
        yield
    finally:
        for name in put_off:
            del sys.modules[name]


class _PutOff(ModuleType):
    """Stands for a module that has not been imported yet."""

    def __getattr__(self, name: str) -> "_Callable":
        if name.startswith("__"):  # the import system's own questions
            raise AttributeError(name)
        return _Callable(self.__name__, name)


class _Callable:
    """Stands for a function or a class of such a module."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __call__(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever it takes
        """Import it, and call it."""
        return getattr(import_module(self._module), self._name)(*arguments, **options)
