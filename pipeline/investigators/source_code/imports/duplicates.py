"""Classes of one name that a repository has more than once, where an incident names them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import re2

from pipeline.investigators.source_code.checkout import is_test
from pipeline.investigators.source_code.imports.tellings import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.facts import Fact
    from pipeline.incident import Symptom
    from pipeline.investigators.source_code.imports.asked import Asked
    from pipeline.investigators.source_code.imports.modules import Modules

MOST = 5
"""Names of an incident that are looked for."""

_CLASS = re2.compile(r"\b[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+\b")
_RAISED = ("Error", "Exception", "Warning")


def facts(seen: Modules, root: Symptom, wanted: Asked | None) -> Iterator[Fact]:
    """Yield, for each class that the root names, where it is defined if that is twice or more."""
    for name in islice(_named(root, wanted), MOST):
        places = list(_defined(seen, name))
        if len(places) > 1:
            shown = [f"{path}:{line}" for path, line in places]
            text = f"{name} is defined {len(places)} times: {files(shown)}"
            data = {"name": name, "count": len(places), "places": shown, "shown": files(shown)}
            yield seen.code.fact("defined_more_than_once", text, *places[0], data)
            for path, line in places[1:]:
                text = f"{path} defines another {name}"
                yield seen.code.fact("defined_again", text, path, line, {"name": name})


def _named(root: Symptom, wanted: Asked | None) -> Iterator[str]:
    """Yield the names that look like classes of the project: `DatabaseManager`."""
    text = "\n".join([root.title, *(sample.text for sample in root.samples[:1])])
    said = [match[0] for match in _CLASS.finditer(text[:10_000])]
    names = [wanted.name] if wanted and wanted.name else []
    yield from dict.fromkeys(one for one in (*names, *said) if not one.endswith(_RAISED))


def _defined(seen: Modules, name: str) -> Iterator[tuple[str, int]]:
    """Yield where a class, or a function, of a name is defined outside of tests."""
    for path in seen.code.checkout.containing([f"class {name}", f"def {name}"], "", (".py",)):
        known = seen.outline(path)
        line = known.definitions.get(name, 0) if known and not is_test(path) else 0
        if line and line not in {item.line for item in (known.imports if known else ())}:
            yield path, line
