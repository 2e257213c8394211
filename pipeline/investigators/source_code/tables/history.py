"""Since when code expects a table, and what became of its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.facts import Fact
from pipeline.investigators.source_code.code import SHORT
from pipeline.investigators.source_code.tables import moves
from pipeline.investigators.source_code.tables.survey import HERE, NOBODY
from pipeline.investigators.source_code.tables.tellings import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.investigators.source_code.history import Change
    from pipeline.investigators.source_code.tables.expectations import Expected
    from pipeline.investigators.source_code.tables.moves import Removal
    from pipeline.investigators.source_code.tables.survey import Survey


def facts(seen: Survey, table: str) -> Iterator[Fact]:
    """Yield what history shows of a table that no model declares here any more."""
    if not seen.code.commit or any(one.side in {HERE, NOBODY} for one in seen.of_table(table)):
        return
    expected = [one for one in seen.expected(table) if not one.is_mention]
    near = next((one for one in expected if seen.is_near(one.path)), None)
    if near is not None:
        yield from _since(seen, table, near)
    gone = moves.removal(seen.code, table, seen.tree)
    if gone is None:
        text = f"no commit that is here took a declaration of {table} out of {seen.tree_name}"
        data = {"table": table, "tree": seen.tree_name}
        yield seen.code.fact("table_never_removed", text, seen.tree or seen.ref, 0, data)
        return
    yield _removed(seen, gone)
    yield from _moved(seen, gone)
    if near is not None:
        yield _stood(seen, table, near, gone)


def _since(seen: Survey, table: str, expected: Expected) -> Iterator[Fact]:
    change = seen.code.repository.appeared(expected.path, table.encode(), seen.code.commit)
    if change is not None:
        text = f"{expected.path} names {table} since commit {change}"
        data = {"table": table, "path": expected.path, "line": expected.line}
        yield _of_commit(seen, "expectation_since", text, change, data)


def _removed(seen: Survey, gone: Removal) -> Fact:
    name = f"the model {gone.declared.name}" if gone.declared.name else "the declaration"
    text = (
        f"commit {gone.change} took {name} of {gone.declared.table} out of {gone.path} "
        f"(line {gone.declared.line} before it)"
    )
    data = {
        "table": gone.declared.table,
        "name": gone.declared.name,
        "path": gone.path,
        "line": gone.declared.line,
        "tree": seen.tree_name,
    }
    return _of_commit(seen, "model_removed", text, gone.change, data)


def _moved(seen: Survey, gone: Removal) -> Iterator[Fact]:
    """Yield that the commit which took a model out brought one like it to another service."""
    others = [(one.path, one.declared) for one in seen.declared if one.side not in {HERE, NOBODY}]
    found = moves.arrived(seen.code, gone, others)
    if found is None:
        return
    path, declared = found
    service = seen.side(path)
    text = (
        f"commit {gone.change} took the model of {gone.declared.table} out of {gone.path} and "
        f"brought that of {declared.table} into {path}, in the tree of {service}"
    )
    columns = sorted(moves.shared(gone.declared, declared))
    text += f"; both have {listed(columns)}" if columns else ""
    data = {
        "table": gone.declared.table,
        "like": declared.table,
        "service": service,
        "from_path": gone.path,
        "path": path,
        "line": declared.line,
        "place": f"{path}:{declared.line}",
        "columns": columns,
    }
    yield _of_commit(seen, "table_moved", text, gone.change, data)


def _stood(seen: Survey, table: str, expected: Expected, gone: Removal) -> Fact:
    """State whether the code that expects the table is older than the removal of its model."""
    place = f"{expected.path}:{expected.line}"
    data = {"table": table, "path": expected.path, "line": expected.line, "place": place}
    there = moves.stood_at(seen.code, table, seen.tree, gone.change.commit)
    short = gone.change.commit[:SHORT]
    if there:
        where = place if there == expected.path else f"{there}, and stands at {place} now"
        text = f"what expects {table} was left as it was by commit {short}: it stood in {where}"
        return _of_commit(seen, "expectation_stayed", text, gone.change, data)
    text = f"what expects {table} at {place} is younger than commit {short}"
    return _of_commit(seen, "expectation_came_later", text, gone.change, data)


def _of_commit(
    seen: Survey, kind: str, text: str, change: Change, data: Mapping[str, object]
) -> Fact:
    """Return a fact that a commit shows."""
    github, short = seen.code.github, change.commit[:SHORT]
    url = f"https://github.com/{github}/commit/{change.commit}" if github else ""
    told = {"commit": short, "date": change.date, "subject": change.subject}
    return Fact(kind, text, f"commit {short}", {**told, **data}, url=url)
