"""What the source code shows about alembic's revisions when migrations fail."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.replaying import ReplayOptions, replay
from pipeline.investigators.source_code import tables
from tests.investigators.support import Project, case, of_kind
from tests.support import correlate, detection, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.document import IncidentDocument
    from pipeline.facts import Fact

ROOT = Path(__file__).parents[3]
CATALOG = "services: {backend: {path: back/}, auth: {path: auth/}}\n"
HEADS = "Multiple head revisions are present"
VERSIONS = "back/alembic/versions"


def revision(name: str, parents: str, *more: str) -> str:
    """Return the text of a migration."""
    return "\n".join([f'revision: str = "{name}"', f"down_revision = {parents}", *more, ""])


def two_heads() -> dict[str, str]:
    """Return two revisions on one parent."""
    return {
        f"{VERSIONS}/a1.py": revision("a1", "None"),
        f"{VERSIONS}/b2.py": revision("b2", '"a1"'),
        f"{VERSIONS}/c3.py": revision("c3", '"a1"'),
    }


def found(root: Path, *commits: Mapping[str, str], problem: str = HEADS) -> list[Fact]:
    """Return the facts about migrations that failed, after some commits."""
    project = Project(root / "repo")
    for number, files in enumerate(commits):
        project.commit(f"Change {number}", files)
    rules = ruleset(rule_text("failed", audit="{signature: migration-failed}"))
    (one,) = correlate(rules, detection("failed", problem=problem)).incidents()
    return list(tables.facts(case(one), project.code(CATALOG)))


def test_several_heads_are_told_with_their_lines(tmp_path: Path) -> None:
    """And with the commits that brought them."""
    start = two_heads()
    last = {f"{VERSIONS}/c3.py": start.pop(f"{VERSIONS}/c3.py")}
    facts = found(tmp_path, start, last)
    (fact,) = of_kind("migration_heads", facts)
    assert fact.data["places"] == [f"{VERSIONS}/b2.py:1", f"{VERSIONS}/c3.py:1"]
    assert (fact.data["asked"], fact.data["side_by_side"], fact.data["parents"]) == (
        True,
        True,
        ["a1"],
    )
    since = [(item.data["revision"], item.data["subject"]) for item in of_kind(
        "migration_head_since", facts
    )]  # fmt: skip
    assert since == [("b2", "Change 0"), ("c3", "Change 1")]


@pytest.mark.parametrize(
    "merge",
    [
        revision("d4", '("b2", "c3")'),
        revision("d4", '["b2", "c3"]'),
        revision("d4", '("b2", "side")'),
    ],
)
def test_a_merge_leaves_one_head(tmp_path: Path, merge: str) -> None:
    """Parents may be a tuple, or be named by the label of their branch."""
    files = {**two_heads(), f"{VERSIONS}/d4.py": merge}
    files[f"{VERSIONS}/c3.py"] = revision("c3", '"a1"', 'branch_labels = ("side",)')
    facts = found(tmp_path, files)
    assert of_kind("migration_heads", facts) == []
    (fact,) = of_kind("one_migration_head", facts)
    assert (fact.data["heads"], fact.ref) == (["d4"], f"{VERSIONS}/d4.py:1")


def test_a_parent_may_be_named_by_its_beginning(tmp_path: Path) -> None:
    """As the tool allows where one alone begins so."""
    files = {
        f"{VERSIONS}/a.py": revision("1975ea83b712", "None"),
        f"{VERSIONS}/b.py": revision("b2", '"1975"'),
    }
    assert of_kind("one_migration_head", found(tmp_path, files))[0].data["heads"] == ["b2"]


def test_heads_without_parents_did_not_come_side_by_side(tmp_path: Path) -> None:
    """Two beginnings are something else."""
    files = {
        f"{VERSIONS}/a.py": revision("a", "None"),
        f"{VERSIONS}/b.py": revision("b", "None"),
        "auth/versions/c.py": revision("c", "None"),
    }
    facts = found(tmp_path, files)
    (fact,) = of_kind("migration_heads", facts)
    assert (fact.data["heads"], fact.data["side_by_side"]) == (["a", "b"], False)
    assert (
        "b (back/alembic/versions/b.py:1) has no parent" in of_kind("migration_head", facts)[1].text
    )


@pytest.mark.parametrize(
    "text",
    [
        "revision = 'x'\ndown_revision = (",
        "revision = name()\ndown_revision = None\n",
        "revision = 'x'\ndown_revision = previous()\n",
        "revision = 'x'\ndown_revision = 5\n",
        "revision = None\ndown_revision = None\n",
        "down_revision = None\n",
    ],
)
def test_a_graph_with_an_unclear_revision_is_not_judged(tmp_path: Path, text: str) -> None:
    """The one that cannot be told may join the heads."""
    facts = found(tmp_path, {**two_heads(), f"{VERSIONS}/x.py": text})
    assert of_kind("migration_heads", facts) + of_kind("one_migration_head", facts) == []
    (fact,) = of_kind("migration_graph_unclear", facts)
    assert fact.ref == f"{VERSIONS}/x.py"


def test_missing_parents_and_names_that_stand_twice_are_told(tmp_path: Path) -> None:
    """With file and line; a parent in another folder is not missing."""
    files = {
        f"{VERSIONS}/a.py": revision("a", "None"),
        f"{VERSIONS}/b.py": revision("b", '"gone"'),
        f"{VERSIONS}/c.py": revision("b", '"a"'),
        "back/more/d.py": revision("d", '"a"'),
    }
    facts = found(tmp_path, files, problem="Can't locate revision identified by 'gone'")
    (missing,) = of_kind("migration_parent_missing", facts)
    assert (missing.ref, missing.data["parent"], missing.data["asked"]) == (
        f"{VERSIONS}/b.py:2",
        "gone",
        True,
    )
    (twice,) = of_kind("migration_revision_twice", facts)
    assert twice.data["paths"] == [f"{VERSIONS}/b.py", f"{VERSIONS}/c.py"]


def test_the_table_of_versions_is_told(tmp_path: Path) -> None:
    """As `env.py` configures it; a file of that name that is not alembic's, or broken, is not."""
    files = {
        **two_heads(),
        "back/alembic/env.py": "from alembic import context\n\ncontext.configure(\n"
        "    version_table='back_version')\n",
        "back/other/env.py": "version_table = 'x'\n",
        "back/broken/env.py": "import alembic (",
    }
    (fact,) = of_kind("version_table", found(tmp_path, files))
    assert (fact.data["name"], fact.ref) == ("back_version", "back/alembic/env.py:4")


LOST = "Can't locate revision identified by 'ffff'"


def test_a_revision_that_was_deleted_is_found_in_history(tmp_path: Path) -> None:
    """With the commit that did it."""
    lost = {f"{VERSIONS}/ffff.py": revision("ffff", '"a1"'), "back/note.txt": "ffff"}
    project = Project(tmp_path / "repo")
    project.commit("Start", {**two_heads(), **lost})
    project.write({"back/note.txt": ""})
    project.commit("Say less")
    project.delete(*lost)
    facts = found(tmp_path, {}, problem=LOST)
    (unknown,) = of_kind("revision_unknown", facts)
    assert unknown.text == "3 revisions of back/ searched, none is ffff"
    (deleted,) = of_kind("revision_deleted", facts)
    assert deleted.data["deleted"] == f"{VERSIONS}/ffff.py"


def test_a_revision_that_is_there_is_told(tmp_path: Path) -> None:
    """Then the image is older than the files."""
    facts = found(tmp_path, two_heads(), problem=LOST.replace("ffff", "b2"))
    assert [item.ref for item in of_kind("revision_known", facts)] == [f"{VERSIONS}/b2.py:1"]
    assert of_kind("revision_unknown", facts) == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({f"{VERSIONS}/x.py": "down_revision = ("}, LOST),
        ({}, "Target database is not up to date"),
    ],
)
def test_what_was_not_asked_or_cannot_be_told_is_not_said(
    tmp_path: Path, more: Mapping[str, str], problem: str
) -> None:
    """A revision may be in the file that does not parse."""
    facts = found(tmp_path, {**two_heads(), **more}, problem=problem)
    assert of_kind("revision_known", facts) + of_kind("revision_unknown", facts) == []


def test_without_revisions_nothing_is_said(tmp_path: Path) -> None:
    """A folder of other files has no graph."""
    assert found(tmp_path, {"back/a.py": ""}, problem=LOST) == []


# --- through the real parts -----------------------------------------------------------------------


def explained(tmp_path: Path, message: str, *commits: Mapping[str, str]) -> IncidentDocument:
    """Replay one entry with a repository; return its incident."""
    project = Project(tmp_path / "repo")
    for number, files in enumerate(commits):
        project.commit(f"Change {number}", files)
    labels = {"service_name": "backend", "revision_name": "backend-00001-one"}
    entry = {
        "insertId": "one",
        "timestamp": "2025-09-10T12:00:00Z",
        "severity": "ERROR",
        "textPayload": message,
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "logName": "projects/p/logs/run.googleapis.com%2Fstderr",
    }
    export, catalog = tmp_path / "export.jsonl", tmp_path / "catalog.yml"
    export.write_text(json.dumps(entry), "utf-8")
    catalog.write_text(CATALOG, "utf-8")
    options = ReplayOptions(
        sources=[str(export)],
        catalog=str(catalog),
        out=str(tmp_path / "out"),
        repo=str(project.root),
    )
    with chdir(ROOT), replay(options) as (run, source):
        (incident,) = run.run(source).document().incidents
    return incident


FAILED = (
    "alembic.util.exc.CommandError: Multiple head revisions are present for given argument 'head'"
)


def test_two_heads_are_explained(tmp_path: Path) -> None:
    """Both with their lines and the commits that brought them."""
    start = two_heads()
    last = {f"{VERSIONS}/c3.py": start.pop(f"{VERSIONS}/c3.py")}
    incident = explained(tmp_path, FAILED, start, last)
    first, second = incident.five_whys
    assert (first.status, second.status) == ("established", "established")
    assert {f"{VERSIONS}/b2.py:1", f"{VERSIONS}/c3.py:1"} <= {item.ref for item in first.evidence}
    assert "have 2 heads, b2, c3" in first.answer
    assert incident.root_cause.startswith("They were written side by side: each comes after a1")
    assert "c3 came with commit" in incident.root_cause


@pytest.mark.parametrize(
    ("more", "last"),
    [
        ({f"{VERSIONS}/d4.py": revision("d4", '("b2", "c3")')}, 0),
        ({f"{VERSIONS}/d4.py": "down_revision = ("}, 0),
        ({f"{VERSIONS}/a1.py": "", f"{VERSIONS}/c3.py": revision("c3", "None")}, 1),
    ],
)
def test_without_the_heads_the_chain_ends_in_unknown(
    tmp_path: Path, more: Mapping[str, str], last: int
) -> None:
    """A merge joins them, a file hides one, or they did not come from one parent."""
    incident = explained(tmp_path, FAILED, {**two_heads(), **more})
    assert [why.status for why in incident.five_whys] == ["established"] * last + ["unknown"]
    assert incident.five_whys[-1].settle
    assert "side by side" not in incident.root_cause


def test_a_lost_revision_is_explained(tmp_path: Path) -> None:
    """As far as history has it."""
    lost = {f"{VERSIONS}/ffff.py": revision("ffff", '"a1"')}
    incident = explained(tmp_path, LOST, {**two_heads(), **lost})
    assert [why.status for why in incident.five_whys] == ["unknown"]
    incident = explained(tmp_path / "more", LOST, two_heads())
    assert [why.status for why in incident.five_whys] == ["established", "unknown"]
    assert incident.open_questions


NO_COLUMN = 'column "email" of relation "users" does not exist'
WITH_EMAIL = 'class User(Base):\n    __tablename__ = "users"\n    email = Column(String)\n'


def test_a_column_without_a_migration_is_explained(tmp_path: Path) -> None:
    """By the model that declares it and the migrations that were searched."""
    incident = explained(tmp_path, NO_COLUMN, {**two_heads(), "back/m.py": WITH_EMAIL})
    assert incident.five_whys[-1].status == "established"
    assert incident.root_cause.startswith("A migration is missing: back/m.py:3 declares email")


@pytest.mark.parametrize(
    "more",
    [
        {f"{VERSIONS}/b2.py": revision("b2", '"a1"', "# email")},
        {f"{VERSIONS}/b2.py": "down_revision = ("},
        {"back/m.py": ""},
    ],
)
def test_without_that_evidence_the_column_stays_unknown(
    tmp_path: Path, more: Mapping[str, str]
) -> None:
    """A migration names it, one does not parse, or no model declares it."""
    files = {**two_heads(), "back/m.py": WITH_EMAIL, **more}
    incident = explained(tmp_path, NO_COLUMN, files)
    assert incident.five_whys[-1].status == "unknown"
    assert incident.five_whys[-1].settle
