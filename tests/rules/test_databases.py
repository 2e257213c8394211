"""Edges between a service and the log of a database: with several of them the wrong one is safe."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.audit import DATABASE
from tests.rules.showing import CALLER, Pair, Showing, fitting, ruleset, showings

if TYPE_CHECKING:
    from pipeline.audit import Edge

SAID = "cloud_sql_connection_failed"
"""Its words name the instance each time."""
EDGES = [
    pytest.param(name, edge, cause, id=f"{name}-{cause}")
    for name, maker in ruleset().makers.items()
    for edge in maker.audit.caused_by
    if edge.database and name != SAID
    for cause in edge.rule
]
CONNECTION_NAME = 2
"""Colons in `project:region:instance`."""
ANOTHER = "-too"
"""What makes of a database's name that of another."""


def database(one: Showing) -> str:
    """Return the database that a showing names, "" if none."""
    return str(one.fields.get(DATABASE) or "")


def sides(both: Pair) -> tuple[Showing, Showing]:
    """Return the showing in the log of a database, and the other one."""
    here = both.edge.database == "cause"
    return (both.cause, both.effect) if here else (both.effect, both.cause)


@cache
def shown(effect: str, edge: Edge, cause: str) -> Pair:
    """Return showings of which one is of a Cloud SQL instance and the other names none."""
    tried = product(map(_placed, showings(effect)), map(_placed, showings(cause)))
    found = (one for one in fitting(edge, tried) if _suits(*sides(one)) and one.links())
    return next(found)


def _placed(one: Showing) -> Showing:
    """Return a showing whose entries say of which project they are."""
    return replace(one, steps=tuple((at, _in_a_project(entry)) for at, entry in one.steps))


def _in_a_project(entry: dict[str, Any]) -> dict[str, Any]:
    resource = entry.get("resource") or {"type": "cloud_run_revision"}
    labels = {"project_id": "orchard", **resource.get("labels", {})}
    return {**entry, "resource": {**resource, "labels": labels}}


def _suits(log: Showing, client: Showing) -> bool:
    return bool(database(log)) and database(client).count(":") < CONNECTION_NAME


def with_catalog(both: Pair, database: str) -> Pair:
    """Return the pair with a catalog that says which database the service uses."""
    catalog = {
        "services": {CALLER: {"depends_on": ["store"]}},
        "resources": {"store": {"match": {DATABASE: [database]}}},
    }
    return replace(both, catalog=json.dumps(catalog))


@pytest.mark.parametrize(("effect", "edge", "cause"), EDGES)
def test_the_database_that_a_service_uses_by_the_catalog_is_meant(
    effect: str, edge: Edge, cause: str
) -> None:
    """And no other one; a replica, which is no service, has no line in the catalog."""
    both = shown(effect, edge, cause)
    log, client = sides(both)
    used = str(log.fields[DATABASE])
    assert with_catalog(both, used).links()
    if client.fields["service"]:
        assert not with_catalog(both, used + ANOTHER).joins()


@pytest.mark.parametrize(("effect", "edge", "cause"), EDGES)
def test_of_two_databases_in_trouble_none_is_named_by_guessing(
    effect: str, edge: Edge, cause: str
) -> None:
    """The second one is as near; where the catalog knows which is meant, that one is."""
    if edge.database == "effect":  # what each of them logs may be of what the service says
        return
    both = shown(effect, edge, cause)
    used = str(both.cause.fields[DATABASE])
    second = both.cause.saying(used, used + ANOTHER)
    two = replace(both, cause=replace(both.cause, steps=(*second.steps, *both.cause.steps)))
    assert not two.links()
    if both.effect.fields["service"]:
        assert with_catalog(two, used).links()
        assert not with_catalog(two, "elsewhere:main").links()


NAMED = [
    pytest.param(name, edge, cause, id=f"{name}-{cause}")
    for name in ("connection_refused", SAID, "too_many_clients")
    for edge in ruleset().rules[name].audit.caused_by
    if edge.database
    for cause in edge.rule
]


@pytest.mark.parametrize(("effect", "edge", "cause"), NAMED)
def test_the_database_whose_connection_name_a_service_says_is_meant(
    effect: str, edge: Edge, cause: str
) -> None:
    """Whatever other one is in trouble just then, and whatever the catalog says."""
    (told, *_) = [one for one in showings(effect) if database(one).count(":") == CONNECTION_NAME]
    (log, *_) = [one for one in showings(cause) if database(one)]
    project, _, instance = database(told).split(":")
    used = f"{project}:{instance}"
    (both,) = fitting(edge, [(told, log.saying(database(log), used))])
    assert both.links()
    second = both.cause.saying(used, f"{used}{ANOTHER}")
    two = replace(second, steps=(*second.steps, *both.cause.steps))
    assert replace(both, cause=two).links()
    assert not replace(both, cause=second).joins()
    assert not replace(with_catalog(both, f"{used}{ANOTHER}"), cause=second).joins()
