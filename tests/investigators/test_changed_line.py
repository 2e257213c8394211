"""An exception that no rule knows, at a line that the deployed commit changed.

Each test after the first ones takes one piece of evidence away: then nothing is claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.investigators.deployed import explained, twice
from tests.investigators.support import AUTHOR, Project

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.document import IncidentDocument

BEFORE = """\
RATES = {"basic": 1}


def price(name):
    rate = RATES.get(name, 0)
    return rate * 2
"""
AFTER = BEFORE.replace("RATES.get(name, 0)", "RATES[name]")
SUBJECT = "Look rates up"
TRACEBACK = """\
Traceback (most recent call last):
  File "/usr/local/lib/python3.12/site-packages/starlette/routing.py", line 78, in app
    response = await func(request)
  File "/app/back/api.py", line 3, in quote
    return price(name)
  File "/app/back/plan.py", line 5, in price
    rate = RATES[name]
           ~~~~~^^^^^^
KeyError: 'gold'"""
API = "from back.plan import price\n\ndef quote(name): return price(name)\n"
CLAIM = "the line that fails was changed by what was deployed"
PLACE = "back/plan.py:5"


def shop(root: Path, after: str = AFTER) -> Project:
    """Make the repository; its second commit changes how a rate is looked up."""
    project = Project(root / "repo")
    files = {"back/plan.py": BEFORE, "back/api.py": API, "CODEOWNERS": "/back/ @example/prices\n"}
    project.commit("Start", files)
    project.commit(SUBJECT, {"back/plan.py": after})
    project.commit("Say more", {"back/log.py": "LEVEL = 'INFO'\n"})
    return project


def outcome(project: Project, out: Path, good: int = 0, bad: int = 2) -> IncidentDocument:
    """Explain what the second of two deployed commits logs."""
    names = [*project.commits, ""]
    return explained(twice(names[good], names[bad], TRACEBACK), project.root, out)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make the repository once."""
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def incident(project: Project, tmp_path_factory: pytest.TempPathFactory) -> IncidentDocument:
    """Explain it once."""
    return outcome(project, tmp_path_factory.mktemp("out"))


def test_the_chain_ends_at_the_commit(incident: IncidentDocument, project: Project) -> None:
    """What came with the deployment and what it changed are established; what it means is open."""
    assert [why.status for why in incident.five_whys] == ["established"] * 2 + ["unknown"]
    short = project.commits[1][:12]
    assert incident.root_cause == (
        f"The line that fails: {PLACE} was last changed by commit {short} of 2025-09-02, "
        f"“{SUBJECT}”, which shop-backend runs since shop-backend-00002-abc and did not run before."
    )


def test_each_piece_is_cited(incident: IncidentDocument, project: Project) -> None:
    """The line, the commit, how many suspects there are, and who owns the file."""
    first, changed, last = project.commits
    cited = {item.ref: item for item in incident.five_whys[1].evidence}
    assert set(cited) == {
        PLACE,
        f"commit {changed[:12]}",
        f"{first[:12]}..{last[:12]}",
        "CODEOWNERS:1",
        f"{cited_catalog(incident)}",
    }
    assert "as the traceback quotes it" in cited[PLACE].text
    assert cited[PLACE].url == f"https://github.com/example/shop/blob/{last}/back/plan.py#L5"
    assert AUTHOR in cited[f"commit {changed[:12]}"].text


def cited_catalog(incident: IncidentDocument) -> str:
    """Return the reference into the catalog."""
    return next(item.ref for item in incident.five_whys[1].evidence if "catalog.yml" in item.ref)


def test_what_is_to_be_done_names_commit_and_owner(incident: IncidentDocument) -> None:
    """And the question that is left goes to them."""
    assert any(f"mend {PLACE}, or revert it" in step for step in incident.next_steps)
    assert "ask @example/prices whether" in incident.five_whys[2].settle


def claimed(incident: IncidentDocument) -> str:
    """Return all that the answers of established whys claim."""
    return " ".join(why.answer for why in incident.five_whys if why.status == "established")


def test_a_commit_that_ran_before_did_not_bring_it(project: Project, tmp_path: Path) -> None:
    """The line was changed, but what was well had that change."""
    incident = outcome(project, tmp_path, good=1)
    assert [why.status for why in incident.five_whys] == ["established", "unknown"]
    assert PLACE not in claimed(incident)
    assert incident.five_whys[1].settle.startswith(f"Look at {project.commits[2][:12]}")


def test_a_line_that_differs_from_what_ran_proves_nothing(tmp_path: Path) -> None:
    """The commit that entries name is not what raised it, whoever changed the line."""
    project = shop(tmp_path, AFTER.replace("RATES[name]", "RATES[name.lower()]"))
    incident = outcome(project, tmp_path / "out")
    assert incident.five_whys[-1].status == "unknown"
    assert SUBJECT not in claimed(incident)
    considered = {item.claim: item for item in incident.five_whys[1].considered}
    assert considered[CLAIM].standing == "ruled out"
    assert [item.ref for item in considered[CLAIM].evidence] == [PLACE]


def test_a_line_that_only_moved_proves_nothing(tmp_path: Path) -> None:
    """It stood in the file before."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {"back/plan.py": AFTER.replace("def price", "X = 1\ndef price")})
    project.commit(SUBJECT, {"back/plan.py": AFTER.replace("    rate", "    rate ")})
    project.commit("Say more", {"back/log.py": "LEVEL = 'INFO'\n"})
    incident = outcome(project, tmp_path / "out")
    assert incident.five_whys[-1].status == "unknown"
    assert PLACE not in claimed(incident)


def test_without_the_line_in_the_repository_nothing_is_claimed(tmp_path: Path) -> None:
    """The suspects are only named."""
    project = shop(tmp_path)
    project.delete("back/plan.py", "back/api.py")
    project.commit("Clean up")
    incident = outcome(project, tmp_path / "out", bad=3)
    assert [why.status for why in incident.five_whys] == ["established", "unknown"]
    assert any(SUBJECT in step for step in incident.next_steps)
    assert SUBJECT not in claimed(incident)


@pytest.mark.parametrize(("good", "bad"), [(3, 2), (3, 3)])
def test_without_both_commits_nothing_is_claimed(
    project: Project, tmp_path: Path, good: int, bad: int
) -> None:
    """That the revision is new says nothing of the line."""
    incident = outcome(project, tmp_path, good=good, bad=bad)
    assert [why.status for why in incident.five_whys] == ["established", "unknown"]
    assert SUBJECT not in claimed(incident)


def test_the_same_commit_speaks_for_settings(project: Project, tmp_path: Path) -> None:
    """No code changed, however young the line is."""
    incident = outcome(project, tmp_path, good=2)
    assert "What is left are settings, secrets, the image" in incident.root_cause
    assert SUBJECT not in claimed(incident)


def test_an_older_commit_went_back(project: Project, tmp_path: Path) -> None:
    """The line is as old as that."""
    incident = outcome(project, tmp_path, good=2, bad=1)
    assert incident.root_cause.startswith("It went back: shop-backend runs commit")
