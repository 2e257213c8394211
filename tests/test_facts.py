"""What an incident's entries and the catalog establish, and where each fact comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.catalog import Catalog, load_catalog
from pipeline.detection import Sample
from pipeline.facts import known_facts, sample_ref, tables_of
from tests.support import correlate, detection, rule_text, ruleset

if TYPE_CHECKING:
    from pipeline.facts import Fact

RULES = ruleset(
    rule_text("missing"),
    rule_text("deployed", audit="{context: {same: [service]}}"),
)
CATALOG = load_catalog(
    """\
services:
  backend:
    match: {service: [backend-staging]}
    tables: {database: main, own: [users]}
  auth:
    tables: {database: main, own: [auth_users, auth_sessions]}
  reports:
    tables: {own: [auth_users, weekly]}
  frontend: {}
bookkeeping_tables: [alembic_version]
""",
    "catalog.yml",
)


def facts(
    *,
    service: str = "backend-staging",
    catalog: Catalog = CATALOG,
    **fields: Any,
) -> list[Fact]:
    """Return what is known of an incident whose one symptom carries these fields."""
    found = correlate(RULES, detection("missing", service=service, **fields))
    (incident,) = found.incidents()
    return list(known_facts(incident, catalog))


def of_kind(kind: str, found: list[Fact]) -> list[Fact]:
    """Return the facts of a kind."""
    return [fact for fact in found if fact.kind == kind]


def test_what_was_seen_is_a_fact_with_its_entry() -> None:
    """Each symptom and each context of the incident, by rule, with what was captured."""
    found = correlate(RULES, detection("missing", n=7), detection("deployed", at=-1))
    (incident,) = found.incidents()
    seen, deployed = known_facts(incident, Catalog())
    assert (seen.kind, deployed.kind) == ("seen_missing", "seen_deployed")
    assert seen.text == "2025-09-10T00:00:00Z backend: About missing"
    assert seen.ref == "insertId missing-0-backend in log"
    assert (seen.data["n"], seen.data["title"]) == (7, "About missing")
    assert seen.data["at"] == "2025-09-10T00:00:00Z"
    assert not seen.suggested


def test_a_fact_says_whether_a_service_of_the_root_logged_it() -> None:
    """What another service logged is about that one."""
    rules = ruleset(rule_text("down"), rule_text("slow", audit="{caused_by: [{rule: down}]}"))
    found = correlate(rules, detection("down"), detection("slow", at=1, service="auth"))
    (incident,) = found.incidents()
    assert [fact.data["here"] for fact in known_facts(incident, Catalog())] == [True, False]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("['@ex/a']", ["@ex/a looks after backend"]),
        ("['@ex/a', '@ex/b']", ["@ex/a, @ex/b look after backend"]),
        ("[]", []),
    ],
)
def test_the_catalog_says_who_looks_after_a_service(names: str, text: list[str]) -> None:
    """Of the root's services; a service without owners has none."""
    catalog = load_catalog(f"services: {{backend: {{owners: {names}}}}}", "catalog.yml")
    found = of_kind("looks_after", facts(service="backend", catalog=catalog))
    assert [fact.text for fact in found] == text


@pytest.mark.parametrize(
    ("log", "ref"),
    [
        (
            "projects/demo/logs/run.googleapis.com/stderr",
            "insertId a1 in run.googleapis.com/stderr",
        ),
        ("stderr", "insertId a1 in stderr"),
        ("", "insertId a1"),
    ],
)
def test_an_entry_is_cited_by_insert_id_and_log(log: str, ref: str) -> None:
    """That is what finds it in the Logs Explorer; the project is known anyway."""
    assert sample_ref(Sample(0, log, "a1", "ERROR", "")) == ref


def test_without_a_catalog_only_entries_speak() -> None:
    """A catalog is optional."""
    found = facts(tables=["user_sessions"], catalog=Catalog())
    assert [fact.kind for fact in found] == ["seen_missing"]


@pytest.mark.parametrize(
    ("service", "text", "ref"),
    [
        ("backend-staging", "backend owns users in database main", "catalog.yml:4"),
        ("reports", "reports owns auth_users, weekly", "catalog.yml:8"),
        ("frontend", "frontend owns no tables", "catalog.yml:9"),
    ],
)
def test_a_service_declares_its_tables(service: str, text: str, ref: str) -> None:
    """The catalog says what each service of the incident owns, and where it says so."""
    (fact,) = of_kind("service_declares", facts(service=service))
    assert (fact.text, fact.ref) == (text, ref)


def test_a_service_that_the_catalog_does_not_know_declares_nothing() -> None:
    """Nothing is said about what nobody wrote down."""
    assert of_kind("service_declares", facts(service="stranger")) == []


def test_tables_of_others_are_theirs() -> None:
    """When every table belongs to another service or to a tool, the fact names whose each is."""
    (fact,) = of_kind("tables_of_others", facts(tables=["auth_sessions", "alembic_version"]))
    assert fact.text == (
        "auth_sessions belongs to auth in database main; alembic_version is a migration tool's own"
    )
    assert fact.ref == "catalog.yml:6, catalog.yml:10"
    assert fact.data == {
        "symptom": "missing",
        "tables": ["auth_sessions"],
        "owners": ["auth"],
        "databases": ["main"],
        "shared": True,
        "bookkeeping": ["alembic_version"],
    }


def test_a_table_may_have_several_owners() -> None:
    """Each of them is named; a catalog need not name a database."""
    (fact,) = of_kind("tables_of_others", facts(tables=["auth_users"]))
    assert fact.text == "auth_users belongs to auth, reports in database main"
    (fact,) = of_kind("tables_of_others", facts(table="weekly"))
    assert fact.text == "weekly belongs to reports"


@pytest.mark.parametrize(
    "tables",
    [
        ["users"],  # its own
        ["users", "auth_users"],
        ["auth_users", "user_sessions"],  # one of nobody
        ["alembic_version"],  # only a tool's
        [],
    ],
)
def test_unless_all_tables_are_of_others_nothing_is_said_of_them(tables: list[str]) -> None:
    """A fact about some of the tables would be read as one about all."""
    assert of_kind("tables_of_others", facts(tables=tables)) == []


def test_a_database_is_shared_only_when_the_catalog_says_so() -> None:
    """The owner's database and the service's own are held against each other."""
    for service, shared in (("backend-staging", True), ("frontend", False), ("unknown", False)):
        (fact,) = of_kind("tables_of_others", facts(service=service, tables=["auth_sessions"]))
        assert fact.data["shared"] is shared
    (fact,) = of_kind("tables_of_others", facts(table="weekly"))
    assert fact.data["shared"] is False


def test_whose_the_tables_of_the_root_are() -> None:
    """A table of the root is its own service's, another's, nobody's or a tool's."""
    found = facts(tables=["users", "auth_sessions", "weekly", "alembic_version"])
    (here,) = of_kind("table_owned_here", found)
    assert (here.text, here.ref) == ("users belongs to backend in database main", "catalog.yml:4")
    assert [fact.text for fact in of_kind("table_owned_elsewhere", found)] == [
        "auth_sessions belongs to auth in database main",
        "weekly belongs to reports",
    ]
    assert of_kind("table_of_nobody", found) == []


def test_a_table_of_nobody_is_a_fact_and_its_likeness_a_suggestion() -> None:
    """That no service owns it is established; what it may be is not."""
    found = facts(tables=["user_sessions", "user_sessions", "zzz"])
    sessions, other = of_kind("table_of_nobody", found)
    assert sessions.text == "no service of the catalog owns a table user_sessions"
    assert (sessions.ref, sessions.suggested) == ("catalog.yml:1", False)
    assert other.data == {"table": "zzz", "listed": True}
    (like,) = of_kind("table_resembles", found)
    assert like.suggested
    assert like.text.startswith("user_sessions may be what auth calls auth_sessions (names alike")
    assert (like.data["like"], like.data["owner"]) == ("auth_sessions", "auth")


def test_a_catalog_without_tables_says_nothing_of_whose_one_is() -> None:
    """That it names none is no sign that nobody owns it."""
    bare = load_catalog("services: {backend: {}}", "catalog.yml")
    for catalog, listed in ((CATALOG, True), (bare, False)):
        (fact,) = of_kind("table_of_nobody", facts(tables=["orders"], catalog=catalog))
        assert fact.data == {"table": "orders", "listed": listed}


@pytest.mark.parametrize(
    ("fields", "tables"),
    [
        ({"tables": ["b", "a", "b"]}, ["b", "a"]),
        ({"table": "a"}, ["a"]),
        ({"tables": [], "table": "a"}, ["a"]),
        ({"tables": [1, {"name": "a"}]}, ["1", "{'name': 'a'}"]),
        ({"tables": 5}, ["5"]),
        ({}, []),
    ],
)
def test_tables_are_read_from_what_an_entry_holds(
    fields: dict[str, Any], tables: list[str]
) -> None:
    """A list or a name; anything else an entry holds there is text, and no error."""
    (incident,) = correlate(RULES, detection("missing", **fields)).incidents()
    assert tables_of(incident.root) == tables
