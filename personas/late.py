"""Names of a package whose modules are loaded when a name is first used: importing it alone costs nothing."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def late(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__``: each name of ``homes`` comes from the module beside it.

    Type checkers do not follow it: the package imports the same names under ``TYPE_CHECKING``.
    """
    own = vars(sys.modules[package])

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        own[name] = getattr(import_module(homes[name]), name)
        return own[name]

    return get, lambda: sorted({*own, *homes})
