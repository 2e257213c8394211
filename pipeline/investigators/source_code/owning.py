"""Who owns the tree of a service, by CODEOWNERS, where no file is known to be concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.investigators.source_code.codeowners import owned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.facts import Fact
    from pipeline.investigators.source_code.code import Code
    from pipeline.ports import Case

_ANY_FILE = "/."
"""What no pattern means that is for some files of a folder only, unless it is for all of a kind."""


def facts(case: Case, code: Code) -> Iterator[Fact]:
    """Yield who owns the trees of the root's services, unless a file is known to be concerned."""
    if any(fact.kind == "frame" for fact in case.facts):
        return
    trees = dict.fromkeys(map(code.tree_of, case.incident.root.services))
    for tree in filter(None, trees):
        found = owned(code.checkout, f"{tree}{_ANY_FILE}")
        if found and found.owners:
            names = ", ".join(found.owners)
            owns = "owns" if len(found.owners) == 1 else "own"
            text = f"{names} {owns} {tree}/, by the pattern {found.pattern} of {found.path}"
            data = {"folder": tree, "owners": list(found.owners), "pattern": found.pattern}
            yield code.fact("tree_owners", text, found.path, found.line, data)
