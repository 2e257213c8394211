"""Where an issue goes, what it is called, and whom it is for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigurationError
from pipeline.tracker.model import Issue
from pipeline.tracker.people import login_of, team_of
from pipeline.tracker.routing import Route, RoutingSettings, fitted, repository_of, root_of, route
from tests.test_markdown import assert_defused
from tests.tracker.recorded import document
from tests.tracker.support import wanted

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.document import IncidentDocument
    from pipeline.tracker.model import Wanted

SETTINGS = RoutingSettings(repository="example/issues")
OWNERS = ["@ana", "@example/backend", "ops@example.com", "@Ana"]


def incident(
    service: str = "netra-backend", tables: str = "user_sessions", **values: Any
) -> IncidentDocument:
    """Return an incident of one symptom as it was recorded."""
    made = document(rules=["missing_table"])
    root = made.symptoms[0].model_copy(
        update={"signature": "missing-table", "level": "critical", "services": [service]}
    )
    told = {
        "symptoms": [root],
        "services": [service],
        "title": f"{service}: Missing critical tables: {tables}",
        "owners": OWNERS,
        "repositories": ["Example/Platform"],
    }
    return made.model_copy(update={**told, **values})


def routed(made: IncidentDocument | None = None, **settings: Any) -> Route:
    """Route an incident; `settings` override."""
    return route(made or incident(), replace(SETTINGS, **settings))


@dataclass
class Shop:
    """What a repository has, and what was asked of it."""

    people: Collection[str] = ()
    titles: Collection[str] = ()
    kinds: Collection[str] = ()
    asked: list[str] = field(default_factory=list)

    def is_assignable(self, login: str) -> bool:
        """Say whether somebody is there."""
        self.asked.append(login)
        return login in self.people

    @property
    def milestones(self) -> Collection[str]:
        """Return what there is."""
        self.asked.append("milestones")
        return self.titles

    @property
    def types(self) -> Collection[str]:
        """Return what there is."""
        self.asked.append("types")
        return self.kinds


# --- repository -----------------------------------------------------------------------------------


def test_issues_go_to_one_repository() -> None:
    """Unless the settings allow one that the catalog names; the first of these."""
    both = replace(SETTINGS, repositories=frozenset({"example/platform", "example/auth"}))
    assert repository_of(incident(), SETTINGS) == "example/issues"
    assert repository_of(incident(), replace(SETTINGS, repositories=frozenset({"a/b"}))) == (
        "example/issues"
    )
    assert repository_of(incident(), both) == "Example/Platform"
    named = ["example/other", "example/auth", "example/platform"]
    assert repository_of(incident(repositories=named), both) == "example/auth"
    assert repository_of(incident(repositories=[]), both) == "example/issues"


def test_the_root_is_the_symptom_with_the_fingerprint_of_the_incident() -> None:
    """The first, if a store has an incident in which none has it."""
    made = document()
    last = made.symptoms[-1]
    assert root_of(made.model_copy(update={"fingerprint": last.fingerprint})) is last
    assert root_of(made.model_copy(update={"fingerprint": "v1-other"})) is made.symptoms[0]


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


def test_a_template_that_raises_stops_no_report() -> None:
    """It is left out and named; the title is then as by default."""
    wrong = "{{ services[7].upper() }}"
    found = routed(title=wrong, labels=(wrong, "P1"), milestone=wrong, type="Bug")
    assert found.title == "[P1] netra-backend: Missing critical tables: user_sessions"
    assert (found.labels, found.milestone, found.type) == (("fivewhys", "P1"), "", "Bug")
    assert [note.partition(": the template raised: ")[0] for note in found.notes] == [
        "labels",
        "title",
        "milestone",
    ]


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
    assert "again" in routed(incident(state="regressed"), labels=templates).labels


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


def test_owners_are_assigned_in_their_order() -> None:
    """The nearest first, no more than the settings say, and than GitHub lets."""
    many = incident(owners=[f"@p{number}" for number in range(20)])
    assert routed(many).assignees == ("p0", "p1", "p2")
    assert len(routed(many, most_assignees=99).assignees) == 10
    assert routed(many, assigns=False).assignees == ()
    assert routed(incident(owners=[])).lines == ()


def test_whom_people_named_is_assigned_alone() -> None:
    """Also where owners are not; a team is named first, and words name nobody."""
    assert routed(incident(assigned_to="@bo"), assigns=False).assignees == ("bo",)
    found = routed(incident(assigned_to="@example/data"))
    assert (found.assignees, found.teams) == ((), ("example/data", "example/backend"))
    assert routed(incident(assigned_to="whoever is on call")).assignees == ()
    assert routed(incident(assigned_to="bo")).assignees == ()


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


# --- milestone and type ---------------------------------------------------------------------------


def test_milestone_and_type_have_templates() -> None:
    """None is set by default."""
    assert (routed().milestone, routed().type) == ("", "")
    found = routed(milestone="Sprint 1", type="{{ 'bug' if level == 'critical' }}")
    assert (found.milestone, found.type) == ("Sprint 1", "bug")


# --- what the repository has ----------------------------------------------------------------------


def wants() -> Wanted:
    """Return what an incident wants of it."""
    return wanted(assignees=("ana", "bo"), milestone="sprint 1", type="bug", notes=("before",))


def test_what_the_repository_lacks_is_left_out() -> None:
    """GitHub would refuse the whole issue; it is said."""
    shop = Shop(people=["ana"], titles=["Sprint 2"])
    found = fitted(wants(), None, shop)
    assert (found.assignees, found.milestone, found.type) == (("ana",), "", "")
    assert found.notes == (
        "before",
        "bo cannot be assigned to issues of the repository",
        "the repository has no milestone 'sprint 1'",
        "the repository has no type 'bug'",
    )
    assert fitted(found, None, shop) == found


def test_what_it_has_is_called_as_it_is_there() -> None:
    """Whatever its case in the settings."""
    found = fitted(wants(), None, Shop(["ana", "bo"], ["Sprint 1"], ["Task", "Bug"]))
    assert (found.assignees, found.milestone, found.type) == (("ana", "bo"), "Sprint 1", "Bug")
    assert found.notes == ("before",)


def test_what_stands_there_is_not_asked_for() -> None:
    """Nor what nobody wants."""
    shop = Shop()
    issue = Issue(1, assignees=("Ana", "bo"), milestone="Sprint 1", type="Bug")
    found = fitted(wants(), issue, shop)
    assert (found.assignees, found.milestone, found.type) == (("ana", "bo"), "Sprint 1", "Bug")
    fitted(wanted(), None, shop)
    assert (found.notes, shop.asked) == (("before",), [])
    assert fitted(wanted(), issue, shop).milestone == ""


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


@given(service=st.text(max_size=80), tables=st.text(max_size=400))
def test_no_log_text_acts_in_a_route(service: str, tables: str) -> None:
    """Whatever a service is called, and whatever failed."""
    found = routed(incident(service, tables), labels=("{{ service }}",))
    assert_defused(found.title)
    assert 0 < len(found.title) <= 256
    assert all(0 < len(label) <= 50 and "," not in label for label in found.labels)
