"""The service catalog and its questions."""

import pytest

from pipeline.catalog import Catalog, load_catalog
from pipeline.errors import CatalogError

TEXT = """\
services:
  backend:
    match: {service: [backend-staging]}
    tables: {database: main, own: [users, secrets]}
    depends_on: [auth, postgres]
  auth:
    tables: {database: main, own: [auth_users, auth_sessions]}
resources:
  postgres: {kind: cloud_sql}
bookkeeping_tables: [alembic_version]
"""

CATALOG = load_catalog(TEXT, "catalog.yml")


def test_a_service_is_known_by_its_key_and_by_its_match() -> None:
    """Entries name the Cloud Run service; the catalog has a name of its own for it."""
    assert CATALOG.service_of("backend-staging") == "backend"
    assert CATALOG.service_of("auth") == "auth"
    assert CATALOG.service_of("frontend") == ""
    assert CATALOG.service("backend").depends_on == ("auth", "postgres")


@pytest.mark.parametrize(
    ("given", "minutes"), [("15m", 15), ("2h", 120), ("90s", None), ("never", 0), ("15", None)]
)
def test_a_service_may_be_silent_for_so_long(given: str, minutes: int | None) -> None:
    """From ten minutes on; of what is not said nothing is known."""
    text = f"services: {{pay: {{quiet_after: '{given}'}}, auth: {{}}}}"
    if minutes is None:
        with pytest.raises(CatalogError, match=r"catalog.yml:1: .*quiet_after"):
            load_catalog(text, "catalog.yml")
    else:
        made = load_catalog(text, "catalog.yml")
        assert [made.quiet_after(name) for name in ("pay", "auth", "till")] == [minutes, None, None]


HOSTS = load_catalog(
    """\
services:
  pay: {match: {service: [pay-prod]}, health: "https://Pay.example.com:8443/healthz"}
  pay-history: {health: nowhere}
""",
    "catalog.yml",
)


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("pay", "pay"),
        ("pay-prod", "pay"),
        ("PAY.example.com", "pay"),
        ("pay-prod-a1b2c3-ew.a.run.app", "pay"),
        ("pay-history-421337.europe-west4.run.app", "pay-history"),
        ("pay-a1b2c3-ew.a.run.app", "pay"),
        ("pay-a1b2c3.example.com", ""),
        ("payments-a1b2c3-ew.a.run.app", ""),
        ("history.example.com", ""),
        ("", ""),
    ],
)
def test_a_host_names_a_service(text: str, service: str) -> None:
    """By its health check, or as Cloud Run makes hosts; of several names the longest."""
    assert HOSTS.named(text) == service


def test_repositories_are_those_of_services() -> None:
    """Each once, in the order of the services; some say none, or are unknown."""
    text = "services: {a: {repository: x/y}, b: {repository: x/z}, c: {}, d: {repository: x/y}}"
    made = load_catalog(text, "catalog.yml")
    assert made.repositories(["b", "c", "other", "a", "d"]) == ("x/z", "x/y")
    assert made.repositories([]) == ()


def test_resources_are_what_a_service_depends_on_that_is_no_service() -> None:
    """By its Cloud Run name; of who is not known there are none."""
    assert CATALOG.resources("backend-staging") == ("postgres",)
    assert CATALOG.resources("auth") == ()
    assert CATALOG.resources("frontend") == ()


def test_a_resource_may_say_which_instances_of_cloud_sql_it_is() -> None:
    """All of those that a service depends on; none where nobody says so."""
    text = """\
services: {till: {depends_on: [orders, cache, users]}, shelf: {depends_on: [cache]}}
resources:
  orders: {match: {database: ["orchard:orders", "orchard:orders-2"]}}
  users: {match: {database: ["orchard:users"]}}
  cache: {match: {text: ["6379"]}}
"""
    catalog = load_catalog(text, "catalog.yml")
    assert catalog.databases("till") == {"orchard:orders", "orchard:orders-2", "orchard:users"}
    assert catalog.databases("shelf") == catalog.databases("nobody") == frozenset()


def test_owners_are_cited_with_their_line() -> None:
    """Whose a table is stands somewhere in the file."""
    (owner,) = CATALOG.owners_of("auth_users")
    assert (owner.service, owner.database, owner.ref) == ("auth", "main", "catalog.yml:7")
    assert CATALOG.owners_of("user_sessions") == ()
    assert CATALOG.is_bookkeeping("alembic_version")
    assert not CATALOG.is_bookkeeping("users")


def test_a_name_that_resembles_is_found_and_others_are_not() -> None:
    """A likeness is close, never the name itself, and absent when nothing comes near."""
    like = CATALOG.resembling("user_sessions")
    assert like is not None
    assert (like.table, like.owner.service) == ("auth_sessions", "auth")
    assert 65 <= like.score < 100
    assert CATALOG.resembling("zebra") is None


def test_no_catalog_answers_nothing() -> None:
    """Without a catalog every question has the empty answer."""
    nothing = Catalog()
    assert not nothing
    assert bool(CATALOG)
    assert nothing.owners_of("users") == ()
    assert nothing.place("services") == ""
    assert not load_catalog("# only a comment", "empty.yml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("service: {}", "c.yml:1: unknown key 'service'"),
        ("services:\n  a:\n    tables: 3", "c.yml:3: services.a.tables: "),
        ("services:\n  a:\n    depends_on: [b]", "c.yml:3: a depends on 'b', which is neither"),
        ("services:\n  a:\n    depends_on: [a]", "c.yml:3: a depends on itself; "),
        ("services: [", "c.yml:1: not valid YAML"),
        ("- a", "c.yml:1: wanted is a mapping with keys of services, resources, bookkeeping_t"),
    ],
)
def test_a_wrong_catalog_is_located(text: str, message: str) -> None:
    """Each mistake has its file and line."""
    with pytest.raises(CatalogError) as caught:
        load_catalog(text, "c.yml")
    assert str(caught.value).startswith(message)


CONTRADICTIONS = """\
services:
  backend:
    match: {service: [api, auth]}
    tables:
      database: main
      own:
        - users
        - users
        - alembic_version
    depends_on: [backend, gone]
  auth:
    match:
      service:
        - api
    tables:
      database: main
      own: [users]
bookkeeping_tables: [alembic_version]
"""


def test_contradictions_are_told_all_at_once() -> None:
    """Each where it stands, with the place it contradicts, in order of lines."""
    with pytest.raises(CatalogError) as caught:
        load_catalog(CONTRADICTIONS, "c.yml")
    assert str(caught.value).splitlines() == [
        "c.yml:8: backend owns the table 'users' twice (c.yml:7); keep one of them",
        (
            "c.yml:9: backend owns the table 'alembic_version', which is in bookkeeping_tables, "
            "too (c.yml:18); keep one of them"
        ),
        "c.yml:10: backend depends on 'gone', which is neither a service nor a resource here",
        "c.yml:10: backend depends on itself; remove it from the list",
        (
            "c.yml:11: auth matches the service 'auth', and so does backend (c.yml:3); "
            "let one of them match it"
        ),
        (
            "c.yml:14: auth matches the service 'api', and so does backend (c.yml:3); "
            "let one of them match it"
        ),
        (
            "c.yml:17: auth owns the table 'users' of database 'main', as backend does (c.yml:7); "
            "keep one of them"
        ),
    ]


def test_what_only_looks_alike_is_no_contradiction() -> None:
    """A service may match its own key; two databases, or unnamed ones, may share a table name."""
    catalog = load_catalog(
        """\
services:
  a: {match: {service: [a]}, tables: {database: main, own: [users]}}
  b: {tables: {database: other, own: [users]}}
  c: {tables: {own: [users]}}
  d: {tables: {own: [users]}}
""",
        "c.yml",
    )
    assert [owner.service for owner in catalog.owners_of("users")] == ["a", "b", "c", "d"]


def test_a_table_listed_twice_is_a_mistake_without_a_database_too() -> None:
    """A service has one database, named or not."""
    with pytest.raises(CatalogError, match=r"c\.yml:1: a owns the table 'x' twice"):
        load_catalog("services: {a: {tables: {own: [x, x]}}}", "c.yml")
