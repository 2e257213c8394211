"""Compile what the installed fivewhys imports: ``/app/bin/python compile.py``, in its image.

Every module of the package is imported, which shows that the image has all that they need, and then
what their functions import when they are called. Of other people's packages only the bytecode of
what that loaded is kept, which saves a tenth of the image; a traceback still names file and line.
Our own modules and the standard library keep their sources, and their bytecode goes where
``PYTHONPYCACHEPREFIX`` says. No bytecode asks when its source was changed, as copying a layer may
change that.
"""

import ast
import importlib
import pkgutil
import py_compile
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sqlalchemy import create_engine

import pipeline

PACKAGE = Path(pipeline.__path__[0])
INSTALLED = PACKAGE.parent
UNASKED = py_compile.PycInvalidationMode.UNCHECKED_HASH
NOT_IMPORTED = "pipeline.stores.migrations"
"""Alembic runs these files, each by its path."""


def load() -> None:
    """Import every module of the package, and what SQLAlchemy imports by the name of a database."""
    for module in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
        if not module.name.startswith(NOT_IMPORTED):
            importlib.import_module(module.name)
    for database in ("sqlite://", "postgresql+psycopg://"):
        create_engine(database)
    for name in sorted(set(imported_late())):
        with suppress(ModuleNotFoundError):  # a name in a module, or a package that may be missing
            importlib.import_module(name)


def imported_late() -> Iterator[str]:
    """Yield what functions of the package import: modules, and what may be one of their own."""
    for path in PACKAGE.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Import):
                        yield from (one.name for one in node.names)
                    elif isinstance(node, ast.ImportFrom) and node.module:
                        yield node.module
                        yield from (f"{node.module}.{one.name}" for one in node.names)


def loaded() -> Iterator[Path]:
    """Yield the source of each module that was imported, and of each file of the package."""
    yield from PACKAGE.rglob("*.py")
    for module in list(sys.modules.values()):
        path = Path(getattr(module, "__file__", None) or "")
        if path.suffix == ".py" and path != Path(__file__):
            yield path


def main() -> None:
    """Import, compile, and drop the sources of other people's packages that were compiled."""
    load()
    for path in set(loaded()):
        foreign = path.is_relative_to(INSTALLED) and not path.is_relative_to(PACKAGE)
        target = f"{path}c" if foreign else None
        py_compile.compile(str(path), target, doraise=True, invalidation_mode=UNASKED)
        if foreign:
            path.unlink()


if __name__ == "__main__":
    main()
