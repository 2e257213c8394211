"""What the graph of alembic's revisions shows: heads, parents, names; and one that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from pipeline.facts import plural
from pipeline.investigators.source_code.code import SHORT
from pipeline.investigators.source_code.tables.tellings import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.facts import Fact
    from pipeline.incident import Symptom
    from pipeline.investigators.source_code.tables.revisions import Graph, Revision
    from pipeline.investigators.source_code.tables.survey import Survey

SIGNATURE = "migration-failed"
"""The signature of rules about migrations that a tool could not run."""

_HEADS = re2.compile(r"(?i)\bheads?\b")
_ASKED = re2.compile(r"(?i)revision identified by '(\w{1,64})'")


def is_asked(root: Symptom) -> bool:
    """Say whether the root is about revisions."""
    return root.signature == SIGNATURE


def facts(seen: Survey, root: Symptom) -> Iterator[Fact]:
    """Yield what there is to say about the revisions of the root's service."""
    for graph in seen.graphs:
        if graph.revisions:
            yield from _heads(seen, graph, root)
            yield from _broken(seen, graph, root)
    for name, path, line in seen.version_tables:
        if seen.is_near(path):
            how = "" if line else " (by default)"
            text = f"alembic keeps its revision in the table {name}{how}"
            yield seen.code.fact("version_table", text, path, line, {"name": name})
    if is_asked(root):
        yield from _asked_for(seen, root)


def _heads(seen: Survey, graph: Graph, root: Symptom) -> Iterator[Fact]:
    """Yield how many heads a folder has, if all of its revisions can be told."""
    shown = [_place(one) for one in graph.heads]
    count = len(graph.revisions)
    data: dict[str, object] = {
        "asked": _HEADS.search(str(root.fields.get("problem", ""))) is not None,
        "folder": graph.folder,
        "heads": [one.name for one in graph.heads],
        "places": [f"{one.path}:{one.line}" for one in graph.heads],
        "searched": count,
    }
    if graph.unclear:
        text = f"the revision of {listed(graph.unclear)} cannot be told"
        yield seen.code.fact("migration_graph_unclear", text, graph.unclear[0], 0, data)
    elif len(graph.heads) == 1:
        text = f"{plural(count, 'revision')} in {graph.folder}, with one head: {shown[0]}"
        first = graph.heads[0]
        yield seen.code.fact("one_migration_head", text, first.path, first.line, data)
    elif graph.heads:
        parents = {one.parents for one in graph.heads}
        data["parents"] = sorted({name for one in graph.heads for name in one.parents})
        data["side_by_side"] = len(parents) == 1 and () not in parents
        several = f"{len(shown)} heads: {listed(shown)}"
        text = f"{plural(count, 'revision')} in {graph.folder}, with {several}"
        first = graph.heads[0]
        yield seen.code.fact("migration_heads", text, first.path, first.line, data)
        for one in graph.heads:
            after = f" comes after {', '.join(one.parents)}" if one.parents else " has no parent"
            text = f"{_place(one)}{after}, and no revision comes after it"
            told: dict[str, object] = {"revision": one.name, "parents": list(one.parents)}
            yield seen.code.fact("migration_head", text, one.path, one.line, told)
            yield from _since(seen, one)


def _since(seen: Survey, one: Revision) -> Iterator[Fact]:
    """Yield the commit that brought a revision."""
    change = seen.code.repository.appeared(one.path, b"", seen.code.commit)
    if change is not None:
        text = f"{one.path} came with commit {change}"
        data = {"revision": one.name, "commit": change.commit[:SHORT], "date": change.date}
        data |= {"subject": change.subject}
        yield seen.code.fact("migration_head_since", text, one.path, one.line, data)


def _broken(seen: Survey, graph: Graph, root: Symptom) -> Iterator[Fact]:
    everywhere = {name for other in seen.graphs for name in other.by_name}
    for one, parent in graph.missing:
        if parent not in everywhere and not graph.unclear:
            text = f"{one.path} comes after revision {parent}, which no file of {graph.folder} is"
            asked = _asked(root) == parent
            data = {"revision": one.name, "parent": parent, "asked": asked}
            yield seen.code.fact("migration_parent_missing", text, one.path, one.parents_line, data)
    for same in graph.twice:
        text = f"revision {same[0].name} stands in {listed([one.path for one in same])}"
        found: dict[str, object] = {"revision": same[0].name, "paths": [one.path for one in same]}
        yield seen.code.fact("migration_revision_twice", text, same[0].path, same[0].line, found)


def _asked_for(seen: Survey, root: Symptom) -> Iterator[Fact]:
    """Yield whether a revision that the tool did not find is in a file, or was in one."""
    name = _asked(root)
    if not name:
        return
    for graph in seen.graphs:
        if found := graph.by_name.get(graph.named(name)):
            text = f"revision {name} is in {found.path}"
            yield seen.code.fact(
                "revision_known", text, found.path, found.line, {"revision": found.name}
            )
            return
    count = sum(len(graph.revisions) for graph in seen.graphs)
    if not count or any(graph.unclear for graph in seen.graphs):
        return
    text = f"{plural(count, 'revision')} of {seen.tree_name} searched, none is {name}"
    data = {"revision": name, "searched": count}
    yield seen.code.fact("revision_unknown", text, seen.graphs[0].folder, 0, data)
    yield from _deleted(seen, name)


def _asked(root: Symptom) -> str:
    """Return the revision that the tool asked for; "" if the message names none."""
    match = _ASKED.search(str(root.fields.get("problem", "")))
    return match[1] if match else ""


def _deleted(seen: Survey, name: str) -> Iterator[Fact]:
    """Yield the commit that took a revision's file away."""
    for path, _, change in seen.code.repository.taken_out(
        name.encode(), seen.tree, seen.code.commit
    ):
        if path.endswith(".py") and path not in seen.code.checkout:
            short = change.commit[:SHORT]
            text = f"commit {change} deleted {path}, which has revision {name}"
            data = {"revision": name, "commit": short, "date": change.date}
            data |= {"subject": change.subject, "deleted": path}
            yield seen.code.fact("revision_deleted", text, path, 0, data)
            return


def _place(one: Revision) -> str:
    return f"{one.name} ({one.path}:{one.line})"
