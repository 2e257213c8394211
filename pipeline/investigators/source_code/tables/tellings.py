"""What migrations, models and checks have to do with one table."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import re2

from pipeline.facts import plural
from pipeline.investigators.source_code.tables.survey import HERE, NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.facts import Fact
    from pipeline.incident import Symptom
    from pipeline.investigators.source_code.tables.expectations import Expected
    from pipeline.investigators.source_code.tables.migrations import Step
    from pipeline.investigators.source_code.tables.survey import Fate, Placed, Survey

MOST = 5
"""Places of a kind that become facts of their own."""

LISTED = 8
"""Names that a sentence lists."""

_CUT = 200
_SAID = re2.compile(r"[A-Za-z][A-Za-z ]{11,}")
"""The words of a message that are its program's own."""


def facts(seen: Survey, table: str, root: Symptom) -> Iterator[Fact]:
    """Yield what is known of a table that the root names."""
    yield from _made(seen, table)
    yield from _declared(seen, table)
    yield from _expected(seen, table, root)


def listed(names: Sequence[str]) -> str:
    """Return some names for a sentence, not too many."""
    shown = ", ".join(names[:LISTED])
    return f"{shown} and {len(names) - LISTED} more" if len(names) > LISTED else shown


# --- migrations -----------------------------------------------------------------------------------


def _made(seen: Survey, table: str) -> Iterator[Fact]:
    fate = seen.fate(table)
    yield from _MADE[fate.what](seen, table, fate)
    for one in _makes(seen.elsewhere.steps, table):
        service = seen.side(one.migration)
        text = f"{one.path}:{one.line} of {service} creates {table}"
        data = {"table": table, "service": service}
        yield seen.code.fact("table_created_elsewhere", text, one.path, one.line, data)


def _stepped(kind: str, verb: str) -> Callable[[Survey, str, Fate], Iterator[Fact]]:
    def tell(seen: Survey, table: str, fate: Fate) -> Iterator[Fact]:
        last = fate.steps[0]
        data = {"table": table, "to": last.other, "migration": last.migration, **_searched(seen)}
        to = f" to {last.other}" if kind == "table_renamed" else ""
        by = f", which {last.migration} calls," if last.path != last.migration else ""
        text = f"{last.path}:{last.line}{by} {verb} {table}{to}"
        if len(fate.steps) > 1:
            before = listed([f"{one.what} at {one.path}:{one.line}" for one in fate.steps[1:]])
            text += f"; before that: {before}"
        yield seen.code.fact(kind, text, last.path, last.line, data)

    return tell


def _never_created(seen: Survey, table: str, _: Fate) -> Iterator[Fact]:
    count = len(seen.migrations.files)
    made = [one for one in seen.migrations.steps if one.what == "create" and one.table]
    first = {one.table: one for one in reversed(made)}
    places = [f"{name} ({one.path}:{one.line})" for name, one in sorted(first.items())]
    outside = sum(seen.side(path) == NOBODY for path in seen.migrations.files)
    where = f" ({outside} of them in no service's tree)" if outside and seen.tree else ""
    text = f"{plural(count, 'migration')} of {seen.tree_name} searched{where}, none creates {table}"
    text += f"; they create {listed(places)}" if places else "; they create no table"
    data = {"table": table, "creates": sorted(first), "places": places, **_searched(seen)}
    yield seen.code.fact("table_never_created", text, seen.migrations.folders[0], 0, data)
    for one in sorted(first.values())[:LISTED]:
        text = f"{one.path}:{one.line} creates {one.table}"
        yield seen.code.fact("migration_creates", text, one.path, one.line, {"table": one.table})


def _no_migrations(seen: Survey, table: str, _: Fate) -> Iterator[Fact]:
    text = f"there is no migration in {seen.tree_name} ({plural(seen.searched, 'file')} searched)"
    yield seen.code.fact("no_migrations", text, seen.tree or seen.ref, 0, {"table": table})


def _creation_unclear(seen: Survey, table: str, fate: Fate) -> Iterator[Fact]:
    text = f"whether a migration creates {table} cannot be told from {listed(fate.doubts)}"
    path, _, line = fate.doubts[0].rpartition(":")
    place = (path, int(line)) if line.isdigit() else (fate.doubts[0], 0)
    data = {"table": table, "doubts": list(fate.doubts[:LISTED]), **_searched(seen)}
    yield seen.code.fact("table_creation_unclear", text, *place, data)


_MADE: dict[str, Callable[[Survey, str, Fate], Iterator[Fact]]] = {
    "created": _stepped("table_created", "creates"),
    "dropped": _stepped("table_dropped", "drops"),
    "renamed": _stepped("table_renamed", "renames"),
    "never": _never_created,
    "none": _no_migrations,
    "unclear": _creation_unclear,
}


def _makes(steps: Sequence[Step], table: str) -> Iterator[Step]:
    return (
        one for one in steps if (one.what, one.table) == ("create", table) or one.other == table
    )


def _searched(seen: Survey) -> dict[str, object]:
    return {
        "tree": seen.tree_name,
        "searched": len(seen.migrations.files),
        "folders": seen.migrations.folders,
    }


# --- models ---------------------------------------------------------------------------------------


def declaring(one: Placed) -> str:
    """Return who declares a table at a line."""
    what = f"the model {one.declared.name}" if one.declared.name else _HOW[one.declared.how]
    return f"{what} at {one.ref} declares {one.declared.table}"


_HOW = {"model": "a model", "table": "a table object", "ddl": "a statement"}


def _declared(seen: Survey, table: str) -> Iterator[Fact]:
    found = seen.of_table(table)
    near = [one for one in found if one.side in {HERE, NOBODY}]
    far = [one for one in found if one.side not in {HERE, NOBODY}]
    for one in far[:MOST]:
        data = {"table": table, "name": one.declared.name, "service": one.side}
        text = f"{declaring(one)}, in the tree of {one.side}"
        yield seen.code.fact("table_declared_elsewhere", text, one.path, one.declared.line, data)
    for one in near[:MOST]:
        data = {"table": table, "name": one.declared.name, "service": one.side}
        yield seen.code.fact("table_declared", declaring(one), one.path, one.declared.line, data)
    if not near:
        yield _not_declared(seen, table)


def _not_declared(seen: Survey, table: str) -> Fact:
    doubts = seen.declaration_doubts(table)
    data: dict[str, object] = {"table": table, "tree": seen.tree_name, "searched": seen.searched}
    if doubts:
        text = f"whether a model declares {table} cannot be told from {listed(doubts)}"
        return seen.code.fact("table_declaration_unclear", text, doubts[0], 0, data)
    declared = sorted({one.declared.table for one in seen.declared if one.side in {HERE, NOBODY}})
    text = f"{plural(seen.searched, 'file')} of {seen.tree_name} searched, none declares {table}"
    text += f"; they declare {listed(declared)}" if declared else "; they declare no table"
    data["declares"] = declared
    return seen.code.fact("table_never_declared", text, seen.tree or seen.ref, 0, data)


# --- who expects it -------------------------------------------------------------------------------


def _expected(seen: Survey, table: str, root: Symptom) -> Iterator[Fact]:
    found = seen.expected(table)
    said = _said(root)
    reporting = {one.path for one in found if said and said in seen.code.checkout.text(one.path)}
    shown = sorted(
        found,
        key=lambda one: (
            one.path not in reporting,
            seen.side(one.path) != HERE,
            one.how,
            one.path,
            one.line,
        ),
    )
    near = [one for one in shown if seen.is_near(one.path) and not one.is_mention]
    far = [one for one in shown if not seen.is_near(one.path) and not one.is_mention]
    tests = seen.tests(table)
    for one in near[:MOST]:
        data = {"reports": one.path in reporting, "tests": tests, "places": len(near)}
        yield _expectation(seen, "table_expected", table, one, data)
    if not near:
        text = f"no check and no query of {seen.tree_name} names {table}"
        text += (
            f"; {plural(tests, 'file')} of tests {'does' if tests == 1 else 'do'}" if tests else ""
        )
        told = {"table": table, "tests": tests}
        yield seen.code.fact("table_not_expected", text, seen.tree or seen.ref, 0, told)
    for one in far[:MOST]:
        service = {"service": seen.side(one.path)}
        yield _expectation(seen, "table_expected_elsewhere", table, one, service)
    for one in [one for one in shown if one.is_mention][:MOST]:
        text = f"{one.path}:{one.line} mentions {table}; it is not said that a table is meant"
        where = {"table": table, "where": one.where}
        yield seen.code.fact("table_mentioned", text, one.path, one.line, where, suggested=True)


def _expectation(
    seen: Survey, kind: str, table: str, one: Expected, more: Mapping[str, object]
) -> Fact:
    beside = f" beside {listed(one.beside)}" if one.beside else ""
    where = f" in {one.where}" if one.where else ""
    source = seen.code.checkout.text(one.path).split("\n")[one.line - 1].strip()[:_CUT]
    text = f"{one.path}:{one.line} {_EXPECTS[one.how]} {table}{beside}{where}: {source}"
    data = {"table": table, "how": one.how, "where": one.where, "beside": list(one.beside), **more}
    return seen.code.fact(kind, text, one.path, one.line, data)


_EXPECTS = {"check": "expects", "query": "queries", "key": "refers to"}


def _said(root: Symptom) -> str:
    """Return the longest run of words before what the message puts in; "" if none is long."""
    texts = (sample.text for sample in root.samples[:1])
    runs = chain.from_iterable(_SAID.findall(text.partition(":")[0]) for text in texts)
    return max(runs, key=len, default="").strip()
