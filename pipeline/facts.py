"""Facts: what is established about an incident, each with its provenance.

Two kinds of provenance need no look at the world and are gathered here: the incident's own entries,
and the catalog. Investigators add theirs. A suggestion is a fact that nobody may rely on: it is
shown, and it never lets an answer stand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.entry import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.catalog import Catalog, Ownership
    from pipeline.detection import Sample
    from pipeline.incident import Incident, Symptom


@dataclass(frozen=True, slots=True)
class Fact:
    """Something established, or only suggested.

    `kind` is the word whys templates ask for; `ref` is its provenance (insertId, file:line, URL);
    `text` one sentence in plain text; `data` what a template may put into an answer; `url` where
    the place can be looked at, "" if nobody knows. Data with `happened_at` (RFC 3339) put a fact
    into the timeline of the report, with `setting` (its name) and `value` into the system state.
    """

    kind: str
    text: str
    ref: str
    data: Mapping[str, Any] = field(default_factory=dict)
    suggested: bool = False
    url: str = ""


def known_facts(incident: Incident, catalog: Catalog) -> tuple[Fact, ...]:
    """Return what the incident's entries and the catalog establish, in a stable order."""
    return (*_entry_facts(incident), *_catalog_facts(incident, catalog))


def sample_ref(sample: Sample) -> str:
    """Return how an entry is cited: its insertId (with the log it stands in, where known)."""
    return entry_ref(sample.log_name, sample.insert_id)


def entry_ref(log_name: str, insert_id: str) -> str:
    """Return how an entry is cited that only its log and insertId are known of."""
    log = log_name.rpartition("/logs/")[2]
    return f"insertId {insert_id}" + (f" in {log}" if log else "")


def _entry_facts(incident: Incident) -> Iterator[Fact]:
    """Yield one fact `seen_<rule>` for each symptom and each context of the incident.

    Its data are the symptom's fields, `title`, `at`, and `here`: whether a service of the root
    logged it.
    """
    own = set(incident.root.services)
    for symptom in (*incident.symptoms, *incident.context):
        first = symptom.samples[0]
        text = f"{format_timestamp(first.timestamp)} {', '.join(symptom.services)}: {symptom.title}"
        data = {
            **symptom.fields,
            "title": symptom.title,
            "at": format_timestamp(first.timestamp),
            "here": not own.isdisjoint(symptom.services),
        }
        yield Fact(f"seen_{symptom.rule}", text, sample_ref(first), data)


def _catalog_facts(incident: Incident, catalog: Catalog) -> Iterator[Fact]:
    if not catalog:
        return
    for key in sorted({catalog.service_of(name) for name in incident.services} - {""}):
        yield _declared_tables(catalog, key)
    yield from _looking_after(incident.root, catalog)
    for symptom in incident.symptoms:
        yield from _foreign_tables(symptom, catalog)
    for table in tables_of(incident.root):
        yield from _ownership(table, incident.root, catalog)


def _declared_tables(catalog: Catalog, key: str) -> Fact:
    tables = catalog.service(key).tables
    names = ", ".join(tables.own) or "no tables"
    where = f" in database {tables.database}" if tables.database else ""
    return Fact(
        "service_declares",
        f"{key} owns {names}{where}",
        catalog.place("services", key, "tables"),
        {"service": key, "tables": list(tables.own), "database": tables.database},
    )


def _looking_after(root: Symptom, catalog: Catalog) -> Iterator[Fact]:
    """Yield whom the catalog names for each of the root's services."""
    for key in sorted(_own_services(root, catalog)):
        names = catalog.service(key).owners
        if names:
            text = f"{', '.join(names)} {'looks' if len(names) == 1 else 'look'} after {key}"
            data = {"service": key, "owners": list(names)}
            yield Fact("looks_after", text, catalog.place("services", key, "owners"), data)


def plural(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def tables_of(symptom: Symptom) -> list[str]:
    """Return the table names a symptom carries, each once: `tables` (a list) or `table`."""
    value = symptom.fields.get("tables") or symptom.fields.get("table") or []
    names = value if isinstance(value, list) else [value]  # an entry may hold anything there
    return list(dict.fromkeys(str(name) for name in names))


def _foreign_tables(symptom: Symptom, catalog: Catalog) -> Iterator[Fact]:
    """Yield one fact when every table that a symptom names is another service's or a tool's."""
    tables = tables_of(symptom)
    own = _own_services(symptom, catalog)
    owners = {table: catalog.owners_of(table) for table in tables}
    foreign = [name for name in tables if owners[name] and not own & _services(owners[name])]
    tools = [name for name in tables if catalog.is_bookkeeping(name)]
    if foreign and len(foreign) + len(tools) == len(tables):
        yield _foreign_fact(symptom, {name: owners[name] for name in foreign}, tools, catalog)


def _ownership(table: str, root: Symptom, catalog: Catalog) -> Iterator[Fact]:
    """Yield whose a table of the root symptom is: its service's, another's or nobody's."""
    own = _own_services(root, catalog)
    owners = catalog.owners_of(table)
    for owner in owners:
        where = f" in database {owner.database}" if owner.database else ""
        kind = "table_owned_here" if owner.service in own else "table_owned_elsewhere"
        data = {"table": table, "service": owner.service, "database": owner.database}
        yield Fact(kind, f"{table} belongs to {owner.service}{where}", owner.ref, data)
    if not owners and not catalog.is_bookkeeping(table):
        text = f"no service of the catalog owns a table {table}"
        told = {"table": table, "listed": catalog.lists_tables}
        yield Fact("table_of_nobody", text, catalog.place("services"), told)
        yield from _likeness(table, catalog)


def _own_services(symptom: Symptom, catalog: Catalog) -> set[str]:
    return {catalog.service_of(name) for name in symptom.services} - {""}


def _shares_database(symptom: Symptom, databases: list[str], catalog: Catalog) -> bool:
    """Return whether the symptom's services and the owners are known to use one database."""
    own = {catalog.service(key).tables.database for key in _own_services(symptom, catalog)}
    return len(databases) == 1 and own == set(databases)


def _services(owners: Iterable[Ownership]) -> set[str]:
    return {item.service for item in owners}


def _foreign_fact(
    symptom: Symptom,
    owners: Mapping[str, tuple[Ownership, ...]],
    tools: list[str],
    catalog: Catalog,
) -> Fact:
    """State that every table a symptom names belongs to another service or to a tool."""
    services = sorted({item.service for items in owners.values() for item in items})
    databases = sorted({item.database for items in owners.values() for item in items} - {""})
    names = ", ".join(sorted(owners))
    text = f"{names} {'belongs' if len(owners) == 1 else 'belong'} to {', '.join(services)}"
    text += f" in database {', '.join(databases)}" if databases else ""
    text += f"; {', '.join(sorted(tools))} is a migration tool's own" if tools else ""
    data = {
        "symptom": symptom.rule,
        "tables": sorted(owners),
        "owners": services,
        "databases": databases,
        "shared": _shares_database(symptom, databases, catalog),
        "bookkeeping": sorted(tools),
    }
    ref = ", ".join(sorted({item.ref for items in owners.values() for item in items}))
    if tools:
        ref += f", {catalog.place('bookkeeping_tables')}"
    return Fact("tables_of_others", text, ref, data)


def _likeness(table: str, catalog: Catalog) -> Iterator[Fact]:
    like = catalog.resembling(table)
    if like is not None:
        yield Fact(
            "table_resembles",
            f"{table} may be what {like.owner.service} calls {like.table} "
            f"(names alike to {like.score:.0f} of 100)",
            like.owner.ref,
            {"table": table, "like": like.table, "owner": like.owner.service},
            suggested=True,
        )
