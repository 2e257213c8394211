"""The example explained with its source code: five whys that end where the code has the cause.

Each test after the first ones takes one piece of evidence away: the chain then ends in `unknown`,
or in what the rest still proves, and claims nothing that is not so.
"""

from __future__ import annotations

import re
import shutil
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.replaying import ReplayOptions, replay
from tests.investigators.sessions import (
    AUTH_MODELS,
    BACKEND_MODELS,
    CHECK,
    FIRST,
    HELPER,
    MOVE,
    MOVED,
    VALIDATOR,
    VERSIONS,
    platform,
)
from tests.investigators.support import Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.document import IncidentDocument

ROOT = Path(__file__).parents[2]
EXPORT = ROOT / "examples/staging-2025-09-10.jsonl"
CATALOG = ROOT / "examples/catalog.yml"

THIRD = """\
from alembic import op

revision = "c3"
down_revision = "b2"


def upgrade():
    {what}
"""


def explained(
    repo: Path, out: Path, *, export: Path = EXPORT, catalog: Path = CATALOG
) -> IncidentDocument:
    """Replay an export with a repository; return the incident of the missing table."""
    options = ReplayOptions(
        sources=[str(export)], catalog=str(catalog), out=str(out / "issues"), repo=str(repo)
    )
    with chdir(ROOT), replay(options) as (run, source):
        document = run.run(source).document()
    return next(item for item in document.incidents if item.root_symptom == "missing_table")


def line_of(text: str, word: str) -> int:
    """Return the number of the first line with a word."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if word in line)


def evidence(incident: IncidentDocument, number: int) -> set[str]:
    """Return what a why cites; 1 is the first."""
    return {item.ref for item in incident.five_whys[number - 1].evidence}


def said(incident: IncidentDocument) -> str:
    """Return all that the answers claim."""
    return " ".join([incident.root_cause, *(why.answer for why in incident.five_whys)])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make the repository once."""
    return platform(tmp_path_factory.mktemp("platform"))


@pytest.fixture(scope="module")
def incident(project: Project, tmp_path_factory: pytest.TempPathFactory) -> IncidentDocument:
    """Explain the example once."""
    return explained(project.root, tmp_path_factory.mktemp("out"))


def test_five_whys_lead_to_the_move(incident: IncidentDocument) -> None:
    """Two are observed, three established; the last one is the root cause, with the commit."""
    assert [why.status for why in incident.five_whys] == ["observed"] * 2 + ["established"] * 3
    assert incident.root_cause == incident.five_whys[-1].answer
    assert incident.open_questions == []
    assert "The validation assumes one database" in incident.root_cause
    assert "user_sessions moved to auth, as auth_sessions" in incident.root_cause
    assert f"of 2025-09-03, “{MOVE}”" in incident.root_cause


def test_the_third_cites_the_migrations_and_the_expectation(incident: IncidentDocument) -> None:
    """How many were searched, which tables they create at which line, and who expects the other."""
    answer = incident.five_whys[2].answer
    assert "of the 2 that were searched in netra_backend/ none creates user_sessions" in answer
    assert "they create secrets, users" in answer
    users = line_of(FIRST[HELPER], "users")
    assert evidence(incident, 3) >= {
        f"{VERSIONS}/",
        f"{HELPER}:{users}",
        f"{HELPER}:{users + 1}",
        f"{VALIDATOR}:{line_of(CHECK, 'user_sessions')}",
    }


def test_the_fourth_cites_the_owners_models(incident: IncidentDocument) -> None:
    """Each extra table is proven legitimate by the line of its model in the auth service."""
    models = MOVED[AUTH_MODELS]
    tables = ("auth_users", "auth_sessions", "auth_audit_logs", "password_reset_tokens")
    places = {f"{AUTH_MODELS}:{line_of(models, table)}" for table in tables}
    assert evidence(incident, 4) >= {*places, f"{VALIDATOR}:{line_of(CHECK, 'user_sessions')}"}
    answer = incident.five_whys[3].answer
    assert "are the legitimate tables of auth, as its models in auth_service/ declare" in answer


def test_the_fifth_cites_the_commits(incident: IncidentDocument, project: Project) -> None:
    """The one that moved the table, and the one that brought the check."""
    _, checked, moved, _ = (f"commit {name[:12]}" for name in project.commits)
    expectation = f"{VALIDATOR}:{line_of(CHECK, 'user_sessions')}"
    assert evidence(incident, 5) >= {checked, moved, expectation}


def test_answers_not_taken_say_what_speaks_against_them(incident: IncidentDocument) -> None:
    """That a migration creates the table is ruled out by the search for it."""
    considered = {
        item.claim: (item.standing, [one.ref for one in item.evidence])
        for item in incident.five_whys[2].considered
    }
    claim = "a migration of netra-backend-staging is to create user_sessions, and did not here"
    assert considered[claim] == ("ruled out", [f"{VERSIONS}/"])


def test_what_is_to_be_done_names_the_line(incident: IncidentDocument) -> None:
    """The check is to ask the owner."""
    place = f"{VALIDATOR}:{line_of(CHECK, 'user_sessions')}"
    assert any(step.startswith(f"Let {place} ask auth") for step in incident.next_steps)


def test_a_check_that_is_younger_than_the_move_was_written_for_what_was_before(
    tmp_path: Path,
) -> None:
    """Then nobody can say that the move forgot it."""
    project = platform(tmp_path / "repo", checked_first=False)
    incident = explained(project.root, tmp_path)
    assert [why.status for why in incident.five_whys[2:]] == ["established"] * 3
    assert "had moved to auth before it was written" in incident.root_cause
    assert "as it was" not in said(incident)


def test_a_table_that_came_earlier_elsewhere_did_not_move(tmp_path: Path) -> None:
    """All that is proven is that the backend gave its model up."""
    project = platform(tmp_path / "repo", together=False)
    incident = explained(project.root, tmp_path)
    assert "moved" not in said(incident)
    assert incident.root_cause.startswith("The service gave the table up: commit")


AUTH_GONE = {AUTH_MODELS: ""}
AUTH_HERE = {AUTH_MODELS: "", "netra_backend/app/db/auth.py": MOVED[AUTH_MODELS]}
UNCHECKED = {VALIDATOR: CHECK.replace('["users", "user_sessions"]', "load_expected()")}
CREATED = {f"{VERSIONS}/c3.py": THIRD.format(what='op.create_table("user_sessions")')}
MADE_UP = {f"{VERSIONS}/c3.py": THIRD.format(what="op.create_table(next_name())")}
BROKEN = {f"{VERSIONS}/c3.py": THIRD.format(what="op.create_table('user_sessions'")}
DECLARED = {BACKEND_MODELS: FIRST[BACKEND_MODELS]}
GENERATED = {
    BACKEND_MODELS: MOVED[BACKEND_MODELS]
    + "\n\nclass Named:\n    @declared_attr\n    def __tablename__(cls):\n"
    + "        return plural(cls.__name__)\n\n\nclass UserSession(Named, Base):\n    pass\n"
}
OTHERS = {
    "netra_backend/app/db/more.sql": "create table if not exists public.user_sessions (id int);\n"
}


@pytest.mark.parametrize(
    ("after", "wrong"),
    [
        pytest.param(UNCHECKED, "expects user_sessions", id="nothing expects the table"),
        pytest.param(CREATED, "none creates", id="a migration creates it"),
        pytest.param(MADE_UP, "none creates", id="a migration makes a name up"),
        pytest.param(BROKEN, "none creates", id="a migration that names it does not parse"),
        pytest.param(DECLARED, "no model", id="a model declares it"),
        pytest.param(GENERATED, "no model", id="names of tables are made from those of classes"),
        pytest.param(OTHERS, "no model", id="a statement creates it"),
        pytest.param(AUTH_GONE, "legitimate", id="no model declares the extra tables"),
        pytest.param(AUTH_HERE, "legitimate", id="the backend's own models declare them"),
    ],
)
def test_without_its_evidence_the_chain_ends_in_unknown(
    tmp_path: Path, after: Mapping[str, str], wrong: str
) -> None:
    """Whatever file the cause rests on: if it says otherwise, the cause is not claimed."""
    incident = explained(platform(tmp_path / "repo", after).root, tmp_path)
    assert incident.five_whys[-1].status == "unknown"
    assert incident.five_whys[-1].settle
    assert "moved to" not in said(incident)
    assert wrong not in said(incident)


def test_without_history_the_chain_ends_in_unknown(tmp_path: Path) -> None:
    """The files alone show what the check assumes, not why."""
    project = platform(tmp_path / "repo")
    shutil.rmtree(project.root / ".git")
    incident = explained(project.root, tmp_path)
    assert [why.status for why in incident.five_whys[2:]] == ["established"] * 2 + ["unknown"]
    assert "git log -p -S 'user_sessions'" in incident.five_whys[-1].settle
    assert "commit" not in said(incident)


def test_without_a_model_in_history_the_chain_ends_in_unknown(tmp_path: Path) -> None:
    """A table that was never the backend's did not move from there."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**FIRST, **MOVED, VALIDATOR: CHECK})
    incident = explained(project.root, tmp_path)
    assert incident.five_whys[-1].status == "unknown"
    assert "moved to" not in said(incident)


def test_without_migrations_nothing_is_said_of_them(tmp_path: Path) -> None:
    """Where there are none to search, that none creates the table means nothing."""
    project = platform(tmp_path / "repo")
    shutil.rmtree(project.root / VERSIONS)
    project.commit("Delete the migrations")
    incident = explained(project.root, tmp_path)
    assert incident.five_whys[-1].status == "unknown"
    assert "none creates" not in said(incident)


def test_without_the_entry_of_extra_tables_the_chain_ends_in_unknown(tmp_path: Path) -> None:
    """That the services share the database was to be seen in it alone."""
    export = tmp_path / "export.jsonl"
    lines = EXPORT.read_text(encoding="utf-8").splitlines(keepends=True)
    export.write_text("".join(line for line in lines if "Extra tables" not in line), "utf-8")
    incident = explained(platform(tmp_path / "repo").root, tmp_path, export=export)
    assert incident.five_whys[-1].status == "unknown"
    assert "legitimate" not in said(incident)
    assert "moved to" not in said(incident)


def test_a_catalog_without_tables_is_enough(tmp_path: Path) -> None:
    """Whose the extra tables are is shown by models; the catalog has only to name the trees."""
    catalog = tmp_path / "catalog.yml"
    text = CATALOG.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^    tables:.*\n(?:      .*\n)*", "", text)
    catalog.write_text(text.replace("bookkeeping_tables: [alembic_version]\n", ""), "utf-8")
    incident = explained(platform(tmp_path / "repo").root, tmp_path, catalog=catalog)
    assert [why.status for why in incident.five_whys[2:]] == ["established"] * 3
    assert "user_sessions moved to auth, as auth_sessions" in incident.root_cause


def test_a_catalog_that_differs_from_the_code_is_a_contradiction(tmp_path: Path) -> None:
    """Both are shown, and neither is believed."""
    catalog = tmp_path / "catalog.yml"
    text = CATALOG.read_text(encoding="utf-8")
    catalog.write_text(text.replace("own: [users, ", "own: [user_sessions, users, "), "utf-8")
    incident = explained(platform(tmp_path / "repo").root, tmp_path, catalog=catalog)
    why = incident.five_whys[2]
    assert why.status == "unknown"
    assert why.answer.startswith("The facts contradict each other")
    assert f"{VERSIONS}/" in {item.ref for item in why.evidence}
    assert any("catalog.yml:8" in item.ref for item in why.evidence)
