"""Where an issue goes, what it is called, and whom it is for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import Catalog, load_catalog
from pipeline.errors import ConfigurationError, TemplateError
from pipeline.facts import Fact
from pipeline.incident import State
from pipeline.tracker.people import login_of, team_of
from pipeline.tracker.routing import Offers, Route, RoutingSettings, repository_of, route
from pipeline.verdicts import Kind, Verdict
from tests.support import BASE, correlate, detection, rule_text, ruleset
from tests.test_markdown import assert_defused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.incident import Incident

RULES = ruleset(rule_text("missing_table", level="critical", audit="{signature: missing-table}"))
CATALOG = load_catalog(
    """\
services:
  backend:
    match: {service: [netra-backend]}
    repository: Example/Platform
    owners: ["@ana", "@example/backend", "ops@example.com", "@Ana"]
  auth:
    repository: example/auth
""",
    "catalog.yml",
)
SETTINGS = RoutingSettings(repository="example/issues")


def incident(service: str = "netra-backend", tables: str = "user_sessions") -> Incident:
    """Make an incident of one symptom."""
    (made,) = correlate(RULES, detection("missing_table", service=service)).incidents()
    title = f"Missing critical tables: {tables}"
    root = replace(made.root, title=title)
    return replace(made, root=root, symptoms=(root,), priority="P1")


def routed(
    made: Incident | None = None,
    facts: Iterable[Fact] = (),
    *,
    catalog: Catalog = CATALOG,
    offers: Offers | None = None,
    **settings: Any,
) -> Route:
    """Route an incident; `settings` override."""
    told = replace(SETTINGS, **settings)
    return route(made or incident(), catalog, facts, told, offers or Offers())


def assigned(who: str) -> Incident:
    """Return an incident that people assigned."""
    made = incident()
    verdict = Verdict(Kind.ASSIGN, made.id, (made.fingerprint, BASE), BASE, "bo", assignee=who)
    return replace(made, verdicts=(verdict,))


def code_owned(*owners: str, **values: Any) -> Fact:
    """Return what CODEOWNERS says of a file."""
    data = {"file": "app/db.py", "owners": [*owners], "pattern": "*"}
    return Fact("code_owners", "they own it", "CODEOWNERS:1", **{"data": data, **values})


# --- repository -----------------------------------------------------------------------------------


def test_issues_go_to_one_repository() -> None:
    """Unless the settings allow the one that the catalog names."""
    assert routed().repository == "example/issues"
    assert routed(repositories=frozenset({"example/auth"})).repository == "example/issues"
    both = replace(SETTINGS, repositories=frozenset({"example/platform", "example/auth"}))
    assert repository_of(incident(), CATALOG, both) == "Example/Platform"
    assert repository_of(incident("auth"), CATALOG, both) == "example/auth"
    assert repository_of(incident("other"), CATALOG, both) == "example/issues"


def test_without_a_catalog_there_is_the_default() -> None:
    """And nobody to assign."""
    found = routed(catalog=Catalog())
    assert (found.repository, found.assignees, found.lines) == ("example/issues", (), ())


# --- title ----------------------------------------------------------------------------------------


def test_the_title_says_how_urgent_where_and_what() -> None:
    """By default."""
    assert routed().title == "[P1] netra-backend: Missing critical tables: user_sessions"


def test_the_title_has_a_template() -> None:
    """With what is known of the incident."""
    template = "{{ service }}/{{ rule }}/{{ signature }}/{{ state }}/{{ level }}/{{ services[0] }}"
    told = "netra-backend/missing_table/missing-table/new/critical/netra-backend"
    assert routed(title=template).title == told


def test_a_title_is_cut_and_harmless() -> None:
    """At GitHub's limit, with a notice."""
    title = routed(incident(tables="@ana #1 " * 100)).title
    assert len(title) == 256
    assert title.endswith("…")
    assert_defused(title)
    assert routed(title="{{ ' ' }}").title == "(no title)"


def test_a_template_that_raises_is_a_mistake() -> None:
    """And named by its attribute."""
    with pytest.raises(TemplateError, match="title"):
        routed(title="{{ 1 / 0 }}")


# --- labels ---------------------------------------------------------------------------------------


def test_labels_are_few() -> None:
    """Ours, by which issues are found, then those of the templates."""
    assert routed().labels == ("fivewhys", "P1", "missing-table")


def test_labels_have_templates() -> None:
    """One that renders to nothing is left out, and each is there once."""
    templates = (
        "service: {{ service }}",
        "{{ 'again' if state == 'regressed' }}",
        "Fivewhys",
        "p1",
        "P1",
    )
    expected = ("fivewhys", "service: netra-backend", "p1")
    assert routed(labels=templates).labels == expected
    again = replace(incident(), state=State.REGRESSED)
    assert "again" in routed(again, labels=templates).labels


def test_labels_are_what_github_takes() -> None:
    """50 characters, no commas (they part names in a listing), nothing that hides."""
    labels = routed(labels=("a,b\u202e\n c\u200b", "x" * 51)).labels
    assert labels == ("fivewhys", "a b⟨U+202E⟩ c", "x" * 49 + "…")


def test_labels_are_allowed() -> None:
    """What is not among them is left out, and said."""
    found = routed(labels=("P1", "team:x", "other"), allowed=("p?", "TEAM:*"))
    assert found.labels == ("fivewhys", "P1", "team:x")
    assert found.notes == ("no label 'other': it is not among those allowed",)


def test_labels_are_limited() -> None:
    """Ours among them."""
    found = routed(most_labels=2)
    assert found.labels == ("fivewhys", "P1")
    assert found.notes == ("no label 'missing-table': there are 2 already",)


def test_no_label_of_ours_is_a_command() -> None:
    """A service could be called like one."""
    found = routed(incident("fivewhys:resolve"), labels=("{{ service | upper }}",))
    assert found.labels == ("fivewhys",)
    assert "is a command" in found.notes[0]


# --- people ---------------------------------------------------------------------------------------


def test_owners_are_assigned_and_teams_named() -> None:
    """GitHub cannot assign teams, and an e-mail address is no account."""
    found = routed()
    assert found.assignees == ("ana",)
    assert found.teams == ("example/backend",)
    assert found.lines == ("Looked after by `@\u200bexample/backend`.",)
    assert routed(mentions=True).lines == ("Looked after by @example/backend.",)


def test_owners_of_code_come_after_those_of_the_service() -> None:
    """What is only suggested does not count, nor what is no list, nor other facts."""
    facts = [
        code_owned("@bo", "@example/data", "@ANA", "cy@example.com"),
        code_owned("@eve", suggested=True),
        code_owned(data={"owners": "@eve"}),
        code_owned(data={}),
        replace(code_owned("@eve"), kind="service_owners"),
    ]
    found = routed(facts=facts)
    assert found.assignees == ("ana", "bo")
    assert found.teams == ("example/backend", "example/data")
    assert routed(facts=facts, most_assignees=1).assignees == ("ana",)
    assert routed(facts=facts, assigns=False).assignees == ()
    many = [code_owned(*(f"@p{number}" for number in range(20)))]
    assert len(routed(facts=many, most_assignees=99).assignees) == 10


def test_whom_people_named_is_assigned_alone() -> None:
    """Also where owners are not; a team is named first, and words name nobody."""
    assert routed(assigned("@bo"), assigns=False).assignees == ("bo",)
    found = routed(assigned("@example/data"))
    assert (found.assignees, found.teams) == ((), ("example/data", "example/backend"))
    assert routed(assigned("whoever is on call")).assignees == ()
    assert routed(assigned("bo")).assignees == ()


def test_who_cannot_be_assigned_is_left_out() -> None:
    """GitHub would refuse the whole issue."""
    found = routed(facts=[code_owned("@bo")], offers=Offers(assignees=("Ana",)))
    assert found.assignees == ("ana",)
    assert found.notes == ("bo cannot be assigned to issues of the repository",)


@pytest.mark.parametrize(
    ("name", "login", "team"),
    [
        ("@ana", "ana", ""),
        ("ana-b_corp", "ana-b_corp", ""),
        ("dependabot[bot]", "dependabot[bot]", ""),
        ("@example/back.end", "", "example/back.end"),
        ("example/backend", "", "example/backend"),
        ("@a/b/c", "", ""),
        ("-ana", "", ""),
        ("ana\n", "", ""),
        ("", "", ""),
    ],
)
def test_names_of_people_and_teams(name: str, login: str, team: str) -> None:
    """With or without `@`; what is neither is nobody."""
    assert (login_of(name), team_of(name)) == (login, team)


# --- milestone, type, priority --------------------------------------------------------------------


def test_milestone_type_and_priority_have_templates() -> None:
    """None is set by default."""
    assert (routed().milestone, routed().type, routed().priority) == ("", "", "")
    found = routed(
        milestone="Sprint 1",
        type="{{ 'bug' if level == 'critical' }}",
        priority="{{ {'P1': 'Urgent'}.get(priority, '') }}",
        offers=Offers(types=("Task", "Bug")),
    )
    assert (found.milestone, found.type, found.priority) == ("Sprint 1", "Bug", "Urgent")


def test_what_the_repository_lacks_is_left_out() -> None:
    """GitHub would refuse the whole issue."""
    offers = Offers(milestones=(), types=("Task",), priorities=("High",))
    found = routed(milestone="Sprint 1", type="Bug", priority="{{ '' }}", offers=offers)
    assert (found.milestone, found.type, found.priority) == ("", "", "")
    assert found.notes == (
        "the repository has no milestone 'Sprint 1'",
        "the repository has no type 'Bug'",
    )


# --- settings -------------------------------------------------------------------------------------


def test_settings_are_checked_at_once() -> None:
    """All that is wrong in them."""
    SETTINGS.check()
    RoutingSettings().check()
    wrong = RoutingSettings(
        repository="platform",
        repositories=frozenset({"a/b/c"}),
        title="{{ owner }}",
        labels=("{{", "plain"),
    )
    with pytest.raises(ConfigurationError) as caught:
        wrong.check()
    assert [one.file for one in caught.value.mistakes] == [
        "repository",
        "repositories",
        "title",
        "labels",
    ]
    assert "uses owner; there is level, priority" in str(caught.value)


@given(service=st.text(max_size=80), title=st.text(max_size=400))
def test_no_log_text_acts_in_a_route(service: str, title: str) -> None:
    """Whatever a service is called, and whatever failed."""
    made = incident()
    root = replace(made.root, title=title, services=(service,))
    found = routed(replace(made, root=root), labels=("{{ service }}",))
    assert_defused(found.title)
    assert 0 < len(found.title) <= 256
    assert all(0 < len(label) <= 50 and "," not in label for label in found.labels)
