"""Imports that fail, and names that are not defined: what became of their target, and who asks.

Of each group of kinds at most one is yielded for what the root asks for:

* `module_here`, `module_missing`, `module_unclear`, `module_of_python`, `module_foreign`: whether
  the repository has the module; `module_foreign` is one that somebody else wrote;
* `name_defined`, `name_not_defined`, `name_unclear`: whether the module defines the name;
* `name_removed`, `name_never_removed`, and `module_removed`, `module_never_removed`: its history;
* `requirement_listed`, `requirement_missing`, `requirement_for_development`,
  `requirement_unclear`: whether what is to be installed has it;
* `import_cycle`, `no_import_cycle`, `import_cycle_unclear`: whether the module imports itself, by
  others, while it starts;
* `name_bound`, `name_never_bound`, `name_binding_unclear`: whether the file that uses a name ever
  binds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.investigators.source_code.imports import (
    cycles,
    duplicates,
    foreign,
    names,
    removals,
    undefined,
)
from pipeline.investigators.source_code.imports.asked import Asked, asked
from pipeline.investigators.source_code.imports.modules import Modules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.facts import Fact
    from pipeline.investigators.source_code.code import Code
    from pipeline.ports import Case


def facts(case: Case, code: Code) -> Iterator[Fact]:
    """Yield what the repository shows of the import, or of the name, that the root is about."""
    root = case.incident.root
    wanted = asked(root)
    tree = next(filter(None, map(code.tree_of, root.services)), "")
    seen = Modules(code, tree)
    if wanted is not None and _is_near(seen):
        yield from _of_module(seen, wanted) if wanted.module else undefined.facts(seen, wanted)
    yield from duplicates.facts(seen, root, wanted)


def _is_near(seen: Modules) -> bool:
    """Say whether the folder of the catalog is here, and holds Python at all."""
    beginning = f"{seen.tree}/" if seen.tree else ""
    return any(path.startswith(beginning) for path in seen.files)


def _of_module(seen: Modules, wanted: Asked) -> Iterator[Fact]:
    path = names.file_of(seen, wanted)
    yield from names.of_module(seen, wanted, path)
    if path:
        if wanted.name:
            yield from names.of_name(seen, wanted, path)
        if wanted.circular:
            yield from cycles.facts(seen, wanted, path)
    elif names.is_installed(wanted):
        yield from foreign.facts(seen, wanted)
    elif space := names.space_of(seen, wanted):
        yield from names.of_space(seen, wanted, space)
    elif names.is_own(seen, wanted.module) and not seen.found(wanted.module):
        yield from removals.of_module(seen, wanted)
    else:
        yield from foreign.facts(seen, wanted)
