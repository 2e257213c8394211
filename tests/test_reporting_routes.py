"""Where issues go, what they are given, and what they say of others: as a user has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.stores.sql.store import SqlStore
from tests.fakes.github import TOKEN, FakeGithub, running
from tests.fakes.github.state import Milestone, beginning
from tests.support import rule_text
from tests.test_cli import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.fakes.github.state import Issue

    Run = Callable[..., Result]

HERE, AUTH = "example/platform", "example/auth"
RULES = "---\n".join(
    (
        rule_text(
            "missing_table",
            "Missing critical",
            level="critical",
            audit="{signature: missing-table, entity: [service], "
            "title: 'Missing critical tables: user_sessions'}",
        ),
        rule_text("failed", "Traceback", audit="{entity: [service]}"),
    )
)
TITLE = "[P1] backend: Missing critical tables: user_sessions"
CATALOG = """\
services:
  backend:
    repository: example/platform
    path: backend/
    owners: ["@maintainer", "@example/backend", "@nobody"]
  auth: {repository: Example/Auth, owners: ["@triager"]}
"""
TRACEBACK = """\
Traceback (most recent call last):
  File "/app/shop/basket.py", line 2, in total
    return prices[item]
KeyError: 'price of the item'
"""


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Lend a fake GitHub with two repositories."""
    with running(FakeGithub(beginning(HERE, AUTH))) as fake:
        yield fake


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return the URL of a store that is not there yet."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def run(github: FakeGithub, store: str) -> Run:
    """Return what runs a command on the store, with the settings of the fake, by short names."""
    settings = {
        "REPOSITORY": HERE,
        "TOKEN": TOKEN,
        "URL": github.base,
    }

    def invoke(*words: object, **more: str) -> Result:
        env = {f"FIVEWHYS_GITHUB_{name}": text for name, text in {**settings, **more}.items()}
        env["FIVEWHYS_MARKER_KEY"] = "a key of sixteen bytes or more"
        result = CliRunner().invoke(app, [*map(str, words), "--store", store], env=env)
        assert result.exit_code == 0, result.output
        return result

    return invoke


@pytest.fixture
def replay(run: Run, tmp_path: Path) -> Run:
    """Return what reports entries, given by their texts and services."""

    def invoke(*entries: dict[str, Any], words: tuple[object, ...] = (), **more: str) -> Result:
        export, catalog = tmp_path / "export.jsonl", tmp_path / "catalog.yml"
        export.write_text("".join(f"{json.dumps(one)}\n" for one in entries), encoding="utf-8")
        catalog.write_text(CATALOG, encoding="utf-8")
        (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
        rules = ("--rules", tmp_path / "rules.yml")
        options = (*rules, "--catalog", catalog, "--sink", "github", *words)
        return run("replay", export, *options, **more)

    return invoke


def entry(service: str = "backend", **values: Any) -> dict[str, Any]:
    """Return an entry that makes an incident of a service."""
    labels = {"service_name": service, "revision_name": f"{service}-00001-abc"}
    resource = {"type": "cloud_run_revision", "labels": labels}
    return {**MISSING, "insertId": f"id-{service}", "resource": resource, **values}


def issues(github: FakeGithub, repository: str = HERE) -> dict[int, Issue]:
    """Return all issues by number."""
    return github.state.repositories[repository].issues


def calls(github: FakeGithub, operation: str) -> int:
    """Return how often something was asked for."""
    return len(github.calls(operation))


# --- to whom, and with what -----------------------------------------------------------------------

GIVEN = {
    "TITLE": "{{ service }}: {{ rule }}",
    "LABELS": "{{ priority }}, service:{{ service }}, other",
    "ALLOWED_LABELS": "P?,service:*",
    "MILESTONE": "sprint 1",
    "TYPE": "bug",
}


def add_milestone(github: FakeGithub) -> None:
    """Make one."""
    state, at = github.state, "2025-09-10T00:00:00Z"
    made = Milestone(state.new_id(), 1, "Sprint 1", "maintainer", at)
    state.repositories[HERE].milestones.append(made)


def test_an_issue_is_given_what_settings_and_catalog_say(
    replay: Run, run: Run, github: FakeGithub
) -> None:
    """Title, labels, people, milestone and type; once, and what it does not get is said."""
    add_milestone(github)
    result = replay(entry(), **GIVEN)
    (issue,) = issues(github).values()
    assert issue.title == "backend: missing_table"
    assert issue.labels == ["fivewhys", "P1", "service:backend"]
    assert (issue.assignees, issue.type, issue.milestone) == (["maintainer"], "Bug", 1)
    assert "Looked after by `@\u200bexample/backend`." in (issue.body or "")
    assert "no label 'other': it is not among those allowed" in result.stderr
    assert "nobody cannot be assigned to issues of the repository" in result.stderr
    assert "nothing to do; 1 left alone" in run("plan", **GIVEN).stdout


def test_a_plan_says_what_an_issue_does_not_get(replay: Run, github: FakeGithub) -> None:
    """As apply does, and nothing of it is sent."""
    result = replay(entry(), words=["--dry-run"], **GIVEN)
    assert "  + type: Bug\n" in result.stdout
    assert ": the repository has no milestone 'sprint 1'\n" in result.stdout
    assert "milestone: " not in result.stdout
    replay(entry(), **GIVEN)
    (issue,) = issues(github).values()
    assert (issue.type, issue.milestone) == ("Bug", None)


def test_what_settings_take_back_is_taken_back(replay: Run, run: Run, github: FakeGithub) -> None:
    """Where it is still as we set it: what people set instead stays."""
    add_milestone(github)
    replay(entry(), **GIVEN)
    github.people.classify(HERE, 1, "Task")
    less = {"ASSIGN": "false", "LABELS": ""}
    changed = run("plan", **less).stdout
    assert "  - milestone: Sprint 1\n" in changed
    github.clock.advance(3600)
    (issue,) = issues(github).values()
    for _ in range(2):
        run("apply", **less)
        assert (issue.type, issue.milestone, issue.assignees) == ("Task", None, [])
        assert (issue.title, issue.labels) == (TITLE, ["fivewhys"])


def test_teams_are_mentioned_where_the_settings_say_so(replay: Run, github: FakeGithub) -> None:
    """That notifies them."""
    replay(entry(), MENTION_TEAMS="true")
    assert "Looked after by @example/backend." in (issues(github)[1].body or "")


def test_who_owns_the_code_is_assigned_and_named(
    replay: Run, github: FakeGithub, tmp_path: Path
) -> None:
    """By CODEOWNERS, with the rules of GitHub: the last pattern that matches counts."""
    shop = tmp_path / "checkout" / "shop"
    shop.mkdir(parents=True)
    (shop / "basket.py").write_text("def total(prices, item):\n    return prices[item]\n")
    owners = "* @reader\nshop/ @triager @example/shop shop@example.com\n/docs/ @admin\n"
    (tmp_path / "checkout" / "CODEOWNERS").write_text("* @admin\n")  # .github/ comes before it
    (tmp_path / "checkout" / ".github").mkdir()
    (tmp_path / "checkout" / ".github" / "CODEOWNERS").write_text(owners)
    words = ["--repo", tmp_path / "checkout"]
    replay(entry("other", textPayload=TRACEBACK), words=words)
    (issue,) = issues(github).values()
    assert issue.assignees == ["triager"]
    assert "Looked after by `@\u200bexample/shop`." in (issue.body or "")


def test_who_owns_the_folder_of_the_service_is_where_no_file_is_known(
    replay: Run, github: FakeGithub, tmp_path: Path
) -> None:
    """After those whom the catalog names."""
    (tmp_path / "checkout" / "backend").mkdir(parents=True)
    (tmp_path / "checkout" / "backend" / "app.py").write_text("pass\n")
    (tmp_path / "checkout" / "CODEOWNERS").write_text("/backend/ @triager @example/shop\n")
    replay(entry(), words=["--repo", tmp_path / "checkout"])
    (issue,) = issues(github).values()
    assert issue.assignees == ["maintainer", "triager"]
    named = "`@\u200bexample/backend`, `@\u200bexample/shop`"
    assert f"Looked after by {named}." in (issue.body or "")


# --- several repositories -------------------------------------------------------------------------

BOTH = (entry(), entry("auth"))


def test_issues_go_where_the_catalog_says_if_settings_allow_it(
    replay: Run, run: Run, github: FakeGithub, store: str
) -> None:
    """Each repository is planned and applied by itself, with a ledger of its own."""
    replay(*BOTH, words=["--dry-run"])
    assert "example/auth" not in replay(*BOTH, words=["--dry-run"]).stdout
    planned = replay(*BOTH, words=["--dry-run"], REPOSITORIES=AUTH).stdout
    assert planned.count("1 to create; 0 left alone") == 2
    assert f"{HERE}:\n" in planned
    assert f"{AUTH}:\n" in planned
    replay(*BOTH, REPOSITORIES=AUTH)
    assert [one.assignees for one in issues(github).values()] == [["maintainer"]]
    assert [one.assignees for one in issues(github, AUTH).values()] == [["triager"]]
    assert run("plan", REPOSITORIES=AUTH).stdout.count("nothing to do; 1 left alone") == 2
    with SqlStore(store) as opened:
        names = [name.partition("/")[2] for name in opened.trackers()]
    assert sorted(names) == [AUTH, HERE]


def test_an_incident_stays_where_its_issue_is(replay: Run, run: Run, github: FakeGithub) -> None:
    """Whatever the catalog says later, as long as the settings allow the repository."""
    replay(*BOTH)
    assert len(issues(github)) == 2
    assert "2 left alone" in run("plan", REPOSITORIES=AUTH).stdout
    replay(*BOTH, REPOSITORIES=AUTH)
    assert (len(issues(github)), len(issues(github, AUTH))) == (2, 0)


@pytest.mark.parametrize("word", ["plan", "apply"])
def test_an_incident_whose_repository_is_no_more_in_the_settings_is_left_alone(
    replay: Run, run: Run, github: FakeGithub, word: str
) -> None:
    """It has one issue: no other is created, what brings it back is said, and no other waits."""
    replay(*BOTH, REPOSITORIES=AUTH)
    again = entry("auth", insertId="later", timestamp="2025-09-10T03:33:54Z")
    result = run(word)
    assert "left alone, as its issue is example/auth#1; add example/auth to" in result.output
    assert "FIVEWHYS_GITHUB_REPOSITORIES to go on in it" in result.output
    assert (len(issues(github)), len(issues(github, AUTH))) == (1, 1)
    replay(entry("shop"), again)
    assert (len(issues(github)), len(issues(github, AUTH))) == (2, 1)
    planned = run("plan").stdout
    assert ": its issue is example/auth#1, in a repository that the settings do not name" in planned
    assert "nothing to do; 3 left alone" in planned
    github.fail("GET /repos/example/auth = 404")
    assert "left alone, as its issue is example/auth#1;" in run(word).output
    github.faults.rules.clear()
    assert "add example/auth" not in run(word, REPOSITORIES=AUTH).output
    assert (len(issues(github)), len(issues(github, AUTH))) == (2, 1)


def test_what_a_repository_is_called_now_is_asked_once(
    replay: Run, run: Run, github: FakeGithub
) -> None:
    """However many repositories are looked after; one with which no incident has to do is not."""
    replay(*BOTH, REPOSITORIES=AUTH)
    asked = len(github.seen)
    run("apply", REPOSITORIES="example/third")
    paths = [one.path for one in github.seen[asked:]]
    assert paths.count("/repos/example/auth") == 1
    assert [path for path in paths if "third" in path] == []


def test_another_default_repository_brings_no_second_issue(
    replay: Run, run: Run, github: FakeGithub
) -> None:
    """New incidents go there, old ones are where they were."""
    replay(entry())
    replay(*BOTH, REPOSITORY=AUTH)
    assert (len(issues(github)), len(issues(github, AUTH))) == (1, 1)
    other = {"REPOSITORY": AUTH, "REPOSITORIES": HERE}
    assert run("plan", **other).stdout.count("nothing to do; 1 left alone") == 2


def test_a_repository_that_was_renamed_is_known_by_its_new_name(
    replay: Run, run: Run, github: FakeGithub
) -> None:
    """Once the settings have that: it is the same issue, which is gone on in."""
    replay(entry())
    github.people.rename_repository(HERE, "example/new")
    later = entry(insertId="later", timestamp="2025-09-10T03:33:54Z")
    assert "left alone, as" not in replay(entry(), later, REPOSITORY="example/new").output
    assert len(issues(github, "example/new")) == 1
    asked = len(github.seen)
    assert "nothing to do; 1 left alone" in run("plan", REPOSITORY="example/new").stdout
    assert [one for one in github.seen[asked:] if HERE in one.path] == []


def test_what_was_merged_into_an_incident_left_alone_is_closed(
    replay: Run, run: Run, github: FakeGithub, store: str
) -> None:
    """Its issue says where the other one is told, though the settings do not name that place."""
    replay(*BOTH, REPOSITORIES=AUTH)
    with SqlStore(store) as opened:
        by_service = {one.services[0]: one.id for one in opened.incidents()}
    older, younger = sorted(by_service, key=lambda service: by_service[service])
    run("incidents", "merge", by_service[older], by_service[younger], "--by", "ana")
    default = {"backend": AUTH, "auth": HERE}[older]
    replay(*BOTH, REPOSITORY=default)
    found = {HERE: issues(github)[1], AUTH: issues(github, AUTH)[1]}
    (other,) = found.keys() - {default}
    assert (found[default].state, found[other].state) == ("closed", "open")
    assert f"whose issue is {other}#1." in found[default].comments[0].body


def test_one_repository_that_fails_keeps_no_other_waiting(
    replay: Run, run: Run, github: FakeGithub
) -> None:
    """What waits says where."""
    github.fail("POST /repos/example/auth/issues = 403-forbidden")
    with pytest.raises(AssertionError, match=" waits: "):
        replay(*BOTH, REPOSITORIES=AUTH)
    assert (len(issues(github)), len(issues(github, AUTH))) == (1, 0)
    (row,) = run("outbox").stdout.splitlines()
    assert row.endswith("/example/auth")
    github.faults.rules.clear()
    run("apply", REPOSITORIES=AUTH)
    assert (len(issues(github)), len(issues(github, AUTH))) == (1, 1)


def test_what_became_part_of_an_incident_elsewhere_is_closed(
    replay: Run, run: Run, github: FakeGithub, store: str
) -> None:
    """And says where that is told; what people open again stays open."""
    replay(*BOTH, REPOSITORIES=AUTH)
    with SqlStore(store) as opened:
        by_service = {one.services[0]: one.id for one in opened.incidents()}
    older, younger = sorted(by_service, key=lambda service: by_service[service])
    words = ("incidents", "merge", by_service[older], by_service[younger])
    run(*words, "--by", "ana")
    planned = replay(*BOTH, words=["--dry-run"], REPOSITORIES=AUTH).stdout
    assert "became part of inc-" in planned
    replay(*BOTH, REPOSITORIES=AUTH)
    found = {HERE: issues(github)[1], AUTH: issues(github, AUTH)[1]}
    (closed,) = [name for name, one in found.items() if one.state == "closed"]
    (other,) = found.keys() - {closed}
    assert found[closed].state_reason == "duplicate"
    (comment,) = found[closed].comments
    assert f"whose issue is {other}#1." in comment.body
    assert "create" not in run("plan", REPOSITORIES=AUTH).stdout
    github.people.reopen(closed, 1)
    run("apply", REPOSITORIES=AUTH)
    assert (found[closed].state, len(found[closed].comments)) == ("open", 1)
    assert "to close" not in run("plan", REPOSITORIES=AUTH).stdout


# --- what others filed ----------------------------------------------------------------------------

QUOTE = "It broke.\n\n```\nMissing critical user tables: ['user_sessions']\n```\n"
SAID = "Possibly the same as #1 (100 %: error line)."


def test_a_first_report_names_issues_that_are_alike(
    replay: Run, run: Run, github: FakeGithub
) -> None:
    """With score and why; it says so ever after, and nobody compares again."""
    github.people.open_issue(HERE, "Login is broken", QUOTE)
    github.people.open_issue(HERE, "Something else", "Nothing like it.")
    assert SAID in replay(entry(), words=["--dry-run"]).stdout
    replay(entry())
    assert SAID in (issues(github)[3].body or "")
    seen = calls(github, "issues/list-for-repo")
    assert "nothing to do; 1 left alone" in run("plan").stdout
    assert calls(github, "issues/list-for-repo") == seen + 1
    github.clock.advance(3600)
    github.people.edit(HERE, 1, "Never mind.")
    later = entry(insertId="later", timestamp="2025-09-10T01:33:54Z")
    replay(entry(), later)
    assert SAID in (issues(github)[3].body or "")


def test_what_was_closed_lately_counts(replay: Run, github: FakeGithub) -> None:
    """As long as the setting says; with `false` nothing is compared."""
    github.clock.advance(-20 * 86_400)
    github.people.open_issue(HERE, "Login is broken", QUOTE)
    github.people.close(HERE, 1)
    words = ("--dry-run",)
    assert "Possibly" not in replay(entry(), words=words).stdout
    planned = replay(entry(), words=words, SIMILAR_CLOSED="30d").stdout
    assert "Possibly the same as #1, which is closed (100 %: error line)." in planned
    github.people.reopen(HERE, 1)
    assert SAID in replay(entry(), words=words).stdout
    seen = calls(github, "issues/list-for-repo")
    off = {"SIMILAR": "false", "ADOPT": "false"}
    assert "Possibly" not in replay(entry(), words=words, **off).stdout
    assert calls(github, "issues/list-for-repo") == seen + 1


def fingerprint(replay: Run) -> str:
    """Return the fingerprint of the incident that the entry makes."""
    found = replay(entry(), words=["--dry-run", "--format", "json"]).stdout
    (incident,) = json.loads(found)["incidents"]
    return str(incident["fingerprint"])


def test_an_issue_that_names_the_incident_is_gone_on_in(
    replay: Run, run: Run, github: FakeGithub
) -> None:
    """If it is by somebody with write access; their text stays."""
    body = f"What is {fingerprint(replay)}?"
    github.people.open_issue(HERE, "A question", body, by="maintainer")
    replay(entry())
    (issue,) = issues(github).values()
    assert body in (issue.body or "")
    assert "## Problem" in (issue.body or "")
    assert issue.title == "A question"
    assert "fivewhys" in issue.labels
    assert "nothing to do; 1 left alone" in run("plan").stdout


@pytest.mark.parametrize(("by", "adopt"), [("reader", "true"), ("maintainer", "false")])
def test_an_issue_that_names_it_is_linked_else(
    replay: Run, github: FakeGithub, by: str, adopt: str
) -> None:
    """Who could not close ours cannot open it either."""
    name = fingerprint(replay)
    github.people.open_issue(HERE, "A question", f"What is {name}?", by=by)
    replay(entry(), ADOPT=adopt)
    assert len(issues(github)) == 2
    assert f"Possibly the same as #1 (100 %: it names {name})." in (issues(github)[2].body or "")


def test_an_issue_that_is_alike_is_gone_on_in_where_the_setting_says_so(
    replay: Run, github: FakeGithub
) -> None:
    """From that score on."""
    github.people.open_issue(HERE, "Login is broken", QUOTE, by="maintainer")
    replay(entry(), ADOPT="95")
    (issue,) = issues(github).values()
    assert "## Problem" in (issue.body or "")


def test_an_issue_of_ours_is_found_without_its_label_and_without_a_ledger(
    replay: Run, github: FakeGithub, tmp_path: Path
) -> None:
    """By its marker: no second one is opened, and it says of others what it said."""
    github.people.open_issue(HERE, "Login is broken", QUOTE)
    replay(entry())
    github.people.unlabel(HERE, 2, ["fivewhys"])
    github.people.edit(HERE, 1, "Never mind.")
    (tmp_path / "store.db").unlink()
    replay(entry())
    assert len(issues(github)) == 2
    assert SAID in (issues(github)[2].body or "")


# --- storms ---------------------------------------------------------------------------------------


def test_a_storm_has_an_issue_with_others_below_it(
    replay: Run, run: Run, github: FakeGithub
) -> None:
    """Once; an incident that joins it later is put there, too."""
    storm = {"STORM": "3", "STORM_WITHIN": "2m"}
    names = ["backend", "auth", "shop"]
    replay(*map(entry, names), **storm)
    parent = issues(github)[1]
    assert parent.title == "[P1] Storm: many incidents since 2025-09-10 00:33 UTC"
    assert parent.labels == ["fivewhys", "P1", "storm"]
    assert "3 incidents were first seen" in (parent.body or "")
    below = [number for number, one in issues(github).items() if one.parent == parent.id]
    assert below == [2, 3, 4]
    assert "nothing to do; 4 left alone" in run("plan", **storm).stdout
    github.clock.advance(3600)
    replay(*map(entry, [*names, "search"]), **storm)
    assert len(issues(github)) == 5
    assert issues(github)[5].parent == parent.id
    planned = run("plan", **storm).stdout
    assert "leave #1 for storm-" in planned
    assert "an edit waits for group_interval" in planned
    assert "nothing to do; 5 left alone" in planned
