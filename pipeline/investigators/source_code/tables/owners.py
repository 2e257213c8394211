"""Whose models declare the tables that a symptom names, and whether the catalog says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.facts import Fact, plural
from pipeline.investigators.source_code.tables.survey import HERE, NOBODY, by_service
from pipeline.investigators.source_code.tables.tellings import declaring, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.investigators.source_code.tables.survey import Placed, Survey
    from pipeline.ports import Case


def facts(seen: Survey, rule: str, tables: Sequence[str], case: Case) -> Iterator[Fact]:
    """Yield who declares the tables of a symptom, for all of them together and for each."""
    tools = [name for name in tables if _is_bookkeeping(seen, name)]
    declared = {name: seen.of_table(name) for name in tables if name not in tools}
    if not declared:
        return
    yield _together(seen, rule, declared, tools)
    if rule != case.incident.root.rule:
        for found in declared.values():
            yield from (_owner(seen, rule, one) for one in found if one.side not in {HERE, NOBODY})
    for service in sorted({one.side for found in declared.values() for one in found}):
        if service not in {HERE, NOBODY}:
            yield _owners_models(seen, service)
    for name in tables:
        yield from _against_catalog(seen, name, declared.get(name, []))


def _together(
    seen: Survey, rule: str, declared: Mapping[str, Sequence[Placed]], tools: Sequence[str]
) -> Fact:
    """State of all tables of a symptom at once whose models declare them."""
    every = [one for found in declared.values() for one in found]
    nowhere = sorted(name for name, found in declared.items() if not found)
    sides = by_service(every)
    owners = sorted(side for side in sides if side not in {HERE, NOBODY})
    data = {"symptom": rule, "tables": sorted(declared), "owners": owners, "bookkeeping": tools}
    if nowhere:
        text = f"no model declares {listed(nowhere)} ({plural(len(seen.files), 'file')} searched)"
        return Fact("tables_declared_nowhere", text, seen.ref, {**data, "tables": nowhere})
    if HERE in sides or NOBODY in sides:
        near = [one for one in every if one.side in {HERE, NOBODY}]
        text = "; ".join(map(declaring, near[:8]))
        first = near[0]
        return seen.code.fact("tables_declared_here", text, first.path, first.declared.line, data)
    first = every[0]
    text = "; ".join(f"{side} declares {_places(sides[side])}" for side in owners)
    text += f"; {', '.join(tools)} is the migration tool's own" if tools else ""
    data["trees"] = [f"{seen.code.trees[side]}/" for side in owners]
    data["places"] = [one.ref for one in every]
    return seen.code.fact("tables_declared_elsewhere", text, first.path, first.declared.line, data)


def _owner(seen: Survey, rule: str, one: Placed) -> Fact:
    data = {
        "symptom": rule,
        "table": one.declared.table,
        "service": one.side,
        "name": one.declared.name,
    }
    text = f"{declaring(one)}, in the tree of {one.side}"
    return seen.code.fact("owner_declares", text, one.path, one.declared.line, data)


def _owners_models(seen: Survey, service: str) -> Fact:
    """State all that a service declares."""
    found = [one for one in seen.declared if one.side == service]
    names = sorted({one.declared.table for one in found})
    text = f"{service} declares {len(names)} tables: {_places(found)}"
    data = {"service": service, "tables": names}
    return seen.code.fact("owner_models", text, found[0].path, 0, data)


def _places(found: Sequence[Placed]) -> str:
    return listed([f"{one.declared.table} ({one.ref})" for one in found])


def _against_catalog(seen: Survey, table: str, found: Sequence[Placed]) -> Iterator[Fact]:
    """Yield where the catalog gives a table to other services than those that declare it."""
    given = seen.code.catalog.owners_of(table)
    by_code = {one.side for one in found}
    by_catalog = {HERE if one.service in seen.own else one.service for one in given}
    if not given or not found or NOBODY in by_code or by_code & by_catalog:
        return
    owners = ", ".join(sorted(one.service for one in given))
    text = f"the catalog gives {table} to {owners} ({given[0].ref}), but {declaring(found[0])}"
    data = {"table": table, "catalog": owners, "catalog_ref": given[0].ref}
    one = found[0]
    yield seen.code.fact("catalog_disagrees", text, one.path, one.declared.line, data)


def _is_bookkeeping(seen: Survey, table: str) -> bool:
    is_known = seen.code.catalog.is_bookkeeping(table)
    return is_known or any(name == table for name, _, _ in seen.version_tables)
