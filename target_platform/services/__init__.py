"""The services, one a file: the file's name is the service's, and its SERVICE declares it."""

from __future__ import annotations

import difflib
import pkgutil
from importlib import import_module

from target_platform.kit.service import Service


def names() -> tuple[str, ...]:
    """All services, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Service:
    """The declaration of a service. Raises LookupError that names the known ones."""
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        meant = f", did you mean {close[0]}?" if close else ""
        raise LookupError(f"there is no service {name!r}{meant} (known: {', '.join(names())})")
    service = import_module(f"{__name__}.{name}").SERVICE
    assert isinstance(service, Service), f"services/{name}.py declares no SERVICE"
    assert service.name == name, f"services/{name}.py declares a service called {service.name}"
    return service
