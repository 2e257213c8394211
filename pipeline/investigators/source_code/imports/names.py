"""Whether the repository has a module, whether the module defines a name, and who imports it."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import re2

from pipeline.facts import Fact
from pipeline.investigators.source_code.checkout import is_test
from pipeline.investigators.source_code.imports import removals
from pipeline.investigators.source_code.imports.bindings import FOR_TYPES, bindings, is_global
from pipeline.investigators.source_code.imports.distributions import distributions
from pipeline.investigators.source_code.imports.tellings import (
    files,
    importers,
    resembling,
)
from pipeline.investigators.source_code.python import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.investigators.source_code.imports.asked import Asked
    from pipeline.investigators.source_code.imports.modules import Modules

MOST = 5
"""Other definitions of a name that are told."""

_GENERATED = frozenset(("_version", "version", "_build", "build_info", "parsetab"))
_SOURCES = (".proto", ".pyx", ".pxd", ".c", ".cpp", ".rs", ".so", ".pyd", ".pyc", ".pyi", ".j2")
"""Files that a module of their name is made from, or that it is without being Python."""

_DYNAMIC = (
    *(b"__getattr__", b"globals", b"setattr", b"sys.modules", b"modules[", b"vars(", b"locals"),
    *(b"exec(", b"eval(", b"__dict__"),
)
"""What a file says that may bind names which do not stand in it."""

_LINKED = re2.compile(r"(?m)^[ \t]*path[ \t]*=[ \t]*(\S+)[ \t\r]*$")

_DEEPEST = 5
"""Modules that are followed by `from module import *`."""


def file_of(seen: Modules, wanted: Asked) -> str:
    """Return the file of the module that is asked for; "" if it is not here, or nobody knows."""
    found = seen.found(wanted.module)
    told = seen.at(wanted.place) if wanted.place else ""
    if told:
        return told if told in found else ""  # another copy was imported
    return found[0] if len(found) == 1 and not is_installed(wanted) else ""


def space_of(seen: Modules, wanted: Asked) -> str:
    """Return the folder of a package without `__init__.py`; "" if there is none."""
    return "" if seen.found(wanted.module) else seen.folder(wanted.module)


def is_own(seen: Modules, module: str) -> bool:
    """Say whether a module is one of the repository's own: its first part is a folder here."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return False
    return "." in module and bool(seen.folder(top) or seen.found(top))


def of_module(seen: Modules, wanted: Asked, path: str) -> Iterator[Fact]:
    """Yield whether the repository has a module, and who imports it."""
    module = wanted.module
    found = seen.found(module)
    if path:
        text, data = f"{module} is {path}", {"module": module}
        yield seen.code.fact("module_here", text, path, 0, data)
    elif space := space_of(seen, wanted):
        text = f"{module} is the folder {space}, which has no __init__.py"
        data = {"module": module}
        yield seen.code.fact("module_here", text, space, 0, data)
        yield seen.code.fact("package_without_init", text, space, 0, data)
    elif found and not is_installed(wanted):
        told = [wanted.place] if wanted.place else []
        text = f"{module} may be any of {files([*found, *told])}"
        yield Fact("module_unclear", text, seen.ref, {"module": module, "paths": found})
    elif is_own(seen, module) and not is_installed(wanted):
        yield from _made(seen, module) or _missing(seen, wanted)
    elif module.partition(".")[0] in sys.stdlib_module_names:
        text = f"{module} comes with Python"
        yield Fact("module_of_python", text, "sys.stdlib_module_names", {"module": module})
    else:
        text = f"none of the {len(seen.files)} Python files here is {module}"
        yield Fact("module_foreign", text, seen.ref, {"module": module})
    yield from importers(seen, module, path, wanted.name)


def of_name(seen: Modules, wanted: Asked, path: str) -> Iterator[Fact]:
    """Yield whether a module defines a name, what became of it, and where else it is."""
    module, name = wanted.module, wanted.name
    data = {"module": module, "name": name}
    verdict, where, line = _defined(seen, path, name)
    if verdict == "unclear":
        text = f"what {module} defines does not all stand in {path}"
        yield seen.code.fact("name_unclear", text, path, line, data)
        return
    if verdict == "defined":
        yield seen.code.fact("name_defined", f"{where} defines {name}", where, line, data)
        return
    known = seen.outline(path)
    count = len(known.definitions) if known else 0
    text = f"{path} defines no {name} ({count} names in all)"
    yield seen.code.fact("name_not_defined", text, path, 0, {**data, "count": count})
    yield from _for_types(seen, path, data)
    elsewhere = list(defined_elsewhere(seen, name, path))
    for other, number in elsewhere[:MOST]:
        text = f"{other} defines a {name}"
        yield seen.code.fact("name_elsewhere", text, other, number, data)
    yield from _resembling(seen, module, name, path)
    yield from removals.of_name(seen, wanted, path, elsewhere)


def _for_types(seen: Modules, path: str, data: Mapping[str, str]) -> Iterator[Fact]:
    """Yield that a module has a name for type checkers alone."""
    tree = parsed(seen.code.checkout.data(path))
    for one in bindings(tree, data["name"]) if tree else ():
        if one.how == FOR_TYPES:
            text = f"{path} has {data['name']} for type checkers only"
            yield seen.code.fact("name_only_for_types", text, path, one.line, data)


def of_space(seen: Modules, wanted: Asked, space: str) -> Iterator[Fact]:
    """Yield whether a package without `__init__.py` has a module of a name; it may be elsewhere."""
    if not wanted.name:
        return
    data = {"module": wanted.module, "name": wanted.name}
    inner = seen.file(f"{wanted.module}.{wanted.name}")
    if inner:
        text = f"{inner} is {wanted.name}"
        yield seen.code.fact("name_defined", text, inner, 0, data)
    else:
        text = f"other folders than {space} may be part of {wanted.module}"
        yield seen.code.fact("name_unclear", text, space, 0, data)


def defined_elsewhere(seen: Modules, name: str, path: str) -> Iterator[tuple[str, int]]:
    """Yield the other files, tests left out, in which a name is defined and not only imported."""
    for other in seen.code.checkout.containing([name], "", (".py",)):
        if other != path and not is_test(other):
            known = seen.outline(other)
            lines = {item.line for item in known.imports} if known else set()
            if known and known.definitions.get(name, 0) not in {0, *lines}:
                yield other, known.definitions[name]


def _defined(seen: Modules, path: str, name: str, depth: int = 0) -> tuple[str, str, int]:
    """Return `defined`, `missing` or `unclear` with the file and line that show it."""
    known = seen.outline(path)
    if known is None or depth > _DEEPEST:
        return "unclear", path, 0
    if name in known.definitions:
        return "defined", path, known.definitions[name]
    if inner := seen.submodule(path, name):
        return "defined", inner, 0
    if _is_dynamic(seen, path, name):
        return "unclear", path, known.definitions.get("__getattr__", 0)
    verdict = ("missing", path, 0)
    for item in known.imports:
        if item.name == "*" and item.at_start:
            (base, *_) = seen.targets(path, item) or ("",)
            found = _defined(seen, base, name, depth + 1) if base else ("unclear", path, item.line)
            if found[0] == "defined":
                return found
            verdict = found if found[0] == "unclear" else verdict
    return verdict


def _is_dynamic(seen: Modules, path: str, name: str) -> bool:
    """Say whether a module may have a name that does not stand in it, and is no Python file."""
    data = seen.code.checkout.data(path)
    folder = str(PurePosixPath(path).parent)
    made = path.endswith("__init__.py") and bool(_sources(seen, folder, name))
    tree = parsed(data)
    bound = tree is not None and is_global(tree, name)
    return made or bound or any(word in data for word in _DYNAMIC) or _is_set(seen, path, name)


def _is_set(seen: Modules, path: str, name: str) -> bool:
    """Say whether a file gives a module a name from outside."""
    pure = PurePosixPath(path)
    last = pure.parent.name if pure.name == "__init__.py" else pure.stem
    own, given = re2.escape(last), re2.escape(name)
    setting = re2.compile(rf"\b{own}[.]{given}[ \t]*(?::[^=\n]*)?=[^=]".encode())
    checkout = seen.code.checkout
    paths = checkout.containing([f"{last}.{name}"], "", (".py",))
    return any(setting.search(checkout.data(one)) for one in paths)


def is_installed(wanted: Asked) -> bool:
    """Say whether the message names a file of the module that was installed."""
    return "-packages/" in wanted.place


def _made(seen: Modules, module: str) -> list[Fact]:
    """Return that a module is made when the image is built, if a file or its name says so."""
    links = tuple(f"{one}/" for one in _LINKED.findall(seen.code.checkout.text(".gitmodules")))
    if any(path.startswith(links) for path in seen.candidates(module)):
        text = f"{module} may be in a submodule, and what that has is not here"
        data: dict[str, object] = {"module": module, "paths": [".gitmodules"]}
        return [Fact("module_unclear", text, ".gitmodules", data)]
    above, _, last = module.rpartition(".")
    folder = seen.folder(above)
    sources = _sources(seen, folder, last)
    if not sources and _stem(last) == last and last not in _GENERATED:
        return []
    text = f"{module} may be made when the image is built: {files(sources) or 'its name says so'}"
    data = {"module": module, "paths": sources}
    return [Fact("module_unclear", text, sources[0] if sources else folder, data)]


def _sources(seen: Modules, folder: str, name: str) -> list[str]:
    """Return the files of a folder that a module of a name may be made from."""
    return [
        path
        for path in seen.code.checkout.under(folder, _SOURCES)
        if PurePosixPath(path).name.split(".")[0] in {name, _stem(name)}
    ]


def _stem(name: str) -> str:
    """Return the name of what a module of protocol buffers is made from."""
    return name.removesuffix("_grpc").removesuffix("_pb2")


def _missing(seen: Modules, wanted: Asked) -> Iterator[Fact]:
    """Yield that a package of the repository has no such module."""
    module = wanted.module
    parent, _, last = module.rpartition(".")
    while parent and not (seen.folder(parent) or seen.found(parent)):
        parent = parent.rpartition(".")[0]
    place = seen.folder(parent) or next(iter(seen.found(parent)), "")
    data = {"module": module, "package": parent, "count": len(seen.files)}
    text = f"{place} is there and has no {module}"
    yield seen.code.fact("module_missing", text, place, 0, data)
    if spelled := seen.spelled(module):
        text = f"{module} differs from {spelled} in the case of its letters"
        yield seen.code.fact("module_in_other_case", text, spelled, 0, {"module": module})
    top = module.partition(".")[0]
    hiding = seen.found(top)
    if hiding and distributions(module):
        text = f"{hiding[0]} has the name of the package {top}, which somebody else wrote"
        yield seen.code.fact(
            "module_hides_package",
            text,
            hiding[0],
            0,
            {"module": module, "package": top},
            suggested=not wanted.no_package,
        )
    same = (path for path in seen.files if path.endswith((f"/{last}.py", f"/{last}/__init__.py")))
    for path in islice((path for path in same if not is_test(path)), MOST):
        text = f"{path} may be what {module} was"
        yield seen.code.fact("module_elsewhere", text, path, 0, {"module": module}, suggested=True)


def _resembling(seen: Modules, module: str, name: str, path: str) -> Iterator[Fact]:
    known = seen.outline(path)
    like = resembling(name, known.definitions if known else ())
    if like:
        line = known.definitions[like] if known else 0
        text = f"{path} defines {like}, which may be what {name} is called now"
        data = {"module": module, "name": name, "like": like}
        yield seen.code.fact("name_resembles", text, path, line, data, suggested=True)
