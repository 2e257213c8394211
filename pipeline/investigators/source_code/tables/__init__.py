"""Tables that an incident names: who declares them, creates them, expects them, and since when.

Facts are about the tree of the services that the root is of ("here"), and what lies in no service's
tree; what other services declare is told as theirs. Of each group of kinds exactly one is yielded
for a table:

* `table_created`, `table_dropped`, `table_renamed`, `table_never_created`, `no_migrations`,
  `table_creation_unclear`: what migrations come to;
* `table_declared`, `table_never_declared`, `table_declaration_unclear`: models, table objects, DDL;
* `table_expected`, `table_not_expected`: checks and queries of the code that runs.

Of a column that the root names: `column_added`, `column_never_added`, `column_declared`.

Their data say by `every` whether there is one of the kind for each table of the root.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.facts import tables_of
from pipeline.investigators.source_code.tables import columns, graph, history, owners, tellings
from pipeline.investigators.source_code.tables.sql import bare, is_name
from pipeline.investigators.source_code.tables.survey import survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.facts import Fact
    from pipeline.incident import Symptom
    from pipeline.investigators.source_code.code import Code
    from pipeline.ports import Case

MOST = 12
"""Tables of a symptom that are looked for."""


def facts(case: Case, code: Code) -> Iterator[Fact]:
    """Yield what the repository shows of the tables that symptoms name, and of migrations."""
    root = case.incident.root
    named = {one.rule: _names(one) for one in case.incident.symptoms}
    column = columns.named(root)
    if not any(named.values()) and not column and not graph.is_asked(root):
        return
    seen = survey(code, root.services)
    if not any(map(seen.is_near, seen.files)):
        return  # another repository's service, or a folder that the catalog has wrong
    yield from _with_every(
        chain.from_iterable(
            (*tellings.facts(seen, table, root), *history.facts(seen, table))
            for table in named[root.rule]
        ),
        frozenset(named[root.rule]) if len(named[root.rule]) == len(tables_of(root)) else None,
    )
    for rule, tables in named.items():
        yield from owners.facts(seen, rule, tables, case)
    if column:
        yield from columns.facts(seen, column)
    yield from graph.facts(seen, root)


def _with_every(found: Iterable[Fact], tables: frozenset[str] | None) -> Iterator[Fact]:
    """Say of each fact whether there is one of its kind for every table that the root names."""
    told: dict[str, list[Fact]] = {}
    for fact in found:
        told.setdefault(fact.kind, []).append(fact)
    for same in told.values():
        every = tables is not None and tables == {fact.data["table"] for fact in same}
        yield from (replace(fact, data={**fact.data, "every": every}) for fact in same)


def _names(symptom: Symptom) -> list[str]:
    """Return the tables of a symptom as code spells them out, schema and quotes left off."""
    names = dict.fromkeys(map(bare, tables_of(symptom)))
    return [name for name in names if is_name(name)][:MOST]
