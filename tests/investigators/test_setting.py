"""A variable that is set under another name than it is read.

Each test after the first ones takes one piece of evidence away: then nothing is claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.investigators.deployed import explained, twice
from tests.investigators.support import Project

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.document import IncidentDocument

SETTINGS = "back/settings.py"
WORKFLOW = ".github/workflows/deploy.yml"
BEFORE = 'import os\n\nURL = os.environ["CART_URL"]\n'
AFTER = 'import os\n\nURL = os.environ["SHOP_CART_URL"]\n'
DEPLOY = """\
on: push
jobs:
  deploy:
    steps:
      - run: gcloud run deploy shop-backend --set-env-vars MODE=live,CART_URL=https://cart.invalid
"""
SUBJECT = "Prefix what is ours"
TRACEBACK = """\
Traceback (most recent call last):
  File "/app/back/main.py", line 1, in <module>
    from back.settings import URL
  File "/app/back/settings.py", line 3, in <module>
    URL = os.environ["SHOP_CART_URL"]
  File "<frozen os>", line 685, in __getitem__
KeyError: 'SHOP_CART_URL'"""
MODEL = """\
from pydantic_settings import BaseSettings


class ShopSettings(BaseSettings):
    cart_url: str
"""
REFUSED = (
    "pydantic_core._pydantic_core.ValidationError: 1 validation error for ShopSettings\n"
    "cart_url\n  Field required [type=missing, input_value={}, input_type=dict]"
)


def shop(root: Path, **files: str) -> Project:
    """Make the repository; its second commit renames what the code reads.

    `deploy`, `settings` and `other` change the files of the second commit.
    """
    project = Project(root / "repo")
    start = {SETTINGS: BEFORE, WORKFLOW: DEPLOY, "back/main.py": "from back.settings import URL\n"}
    project.commit("Start", start)
    after = {
        SETTINGS: files.get("settings", AFTER),
        WORKFLOW: files.get("deploy", DEPLOY),
        "back/other.py": files.get("other", ""),
    }
    project.commit(SUBJECT, after)
    return project


def outcome(project: Project, out: Path, text: str = TRACEBACK) -> IncidentDocument:
    """Explain what the second of two deployed commits logs."""
    good, bad = project.commits
    return explained(twice(good, bad, text), project.root, out)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make the repository once."""
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def incident(project: Project, tmp_path_factory: pytest.TempPathFactory) -> IncidentDocument:
    """Explain it once."""
    return outcome(project, tmp_path_factory.mktemp("out"))


def claimed(incident: IncidentDocument) -> str:
    """Return all that the answers of established whys claim."""
    return " ".join(why.answer for why in incident.five_whys if why.status == "established")


def test_both_names_are_told(incident: IncidentDocument) -> None:
    """The line that reads the one, and the line that sets the other."""
    answer = incident.five_whys[1].answer
    assert f"the code reads SHOP_CART_URL at {SETTINGS}:3, which nothing" in answer
    assert f"CART_URL is set at {WORKFLOW}:5, which nothing reads" in answer
    cited = {item.ref for item in incident.five_whys[1].evidence}
    assert {f"{SETTINGS}:3", f"{WORKFLOW}:5", WORKFLOW} < cited


def test_the_chain_ends_at_the_commit(incident: IncidentDocument, project: Project) -> None:
    """That it renamed what is read is established; nothing is left open."""
    assert [why.status for why in incident.five_whys] == ["established"] * 3
    assert incident.root_cause == (
        f"Since the deployment that it began with: {SETTINGS}:3 asks for SHOP_CART_URL since "
        f"commit {project.commits[1][:12]} of 2025-09-02, “{SUBJECT}”, which shop-backend runs "
        f"since shop-backend-00002-abc; what is set, at {WORKFLOW}:5, is CART_URL."
    )
    assert incident.open_questions == []


def test_what_is_to_be_done_names_both_lines(incident: IncidentDocument) -> None:
    """So that one of them is changed; no value is told anywhere."""
    step = f"Let both use one name: {WORKFLOW}:5 sets CART_URL, {SETTINGS}:3 reads SHOP_CART_URL."
    assert step in incident.next_steps
    assert "cart.invalid" not in incident.model_dump_json()


def test_a_field_of_a_model_is_a_variable(tmp_path: Path) -> None:
    """Here one without the prefix that is set."""
    deploy = DEPLOY.replace("CART_URL", "SHOP_CART_URL")
    project = shop(tmp_path, settings=MODEL, deploy=deploy)
    incident = outcome(project, tmp_path / "out", REFUSED)
    assert f"reads CART_URL at {SETTINGS}:5" in claimed(incident)
    assert f"SHOP_CART_URL is set at {WORKFLOW}:5" in claimed(incident)


MISNAMED = "under another name than it is read:"


def test_if_the_code_reads_the_other_too_it_is_no_mistake(tmp_path: Path) -> None:
    """Then all that is proven is that nothing sets the one."""
    project = shop(tmp_path, other='import os\n\nX = os.environ["CART_URL"]\n')
    incident = outcome(project, tmp_path / "out")
    assert MISNAMED not in claimed(incident)
    assert "none of the files of the repository that could set it does (searched: 1)" in claimed(
        incident
    )


def test_if_nothing_alike_is_set_nothing_sets_it(tmp_path: Path) -> None:
    """And how many files were searched is said."""
    project = shop(tmp_path, deploy=DEPLOY.replace("CART_URL", "PAY_URL"))
    incident = outcome(project, tmp_path / "out")
    assert MISNAMED not in claimed(incident)
    assert f"The code needs SHOP_CART_URL (read at {SETTINGS}:3 without a default)" in claimed(
        incident
    )


@pytest.mark.parametrize(
    "deploy",
    [
        DEPLOY.replace("CART_URL", "SHOP_CART_URL"),
        DEPLOY.replace("MODE=live", "SHOP_CART_URL=a"),
        DEPLOY + "      - run: ./set SHOP_CART_URL\n",
    ],
)
def test_if_it_is_set_or_may_be_the_cause_is_unknown(tmp_path: Path, deploy: str) -> None:
    """What the revision was given is to be looked at."""
    incident = outcome(shop(tmp_path, deploy=deploy), tmp_path / "out")
    assert [why.status for why in incident.five_whys] == ["established", "unknown"]
    assert "SHOP_CART_URL" not in claimed(incident)
    assert "gcloud run revisions describe" in incident.five_whys[1].settle


def test_if_nothing_reads_it_any_more_the_cause_is_unknown(tmp_path: Path) -> None:
    """What ran is not what was looked at."""
    incident = outcome(shop(tmp_path, settings="URL = ''\n"), tmp_path / "out")
    assert incident.five_whys[-1].status == "unknown"
    assert "SHOP_CART_URL" not in claimed(incident)


def test_a_setting_that_is_wrong_is_not_missing(tmp_path: Path) -> None:
    """Names say nothing about a value of another form."""
    deploy = DEPLOY.replace("CART_URL", "SHOP_CART_URL")
    project = shop(tmp_path, settings=MODEL, deploy=deploy)
    text = REFUSED.replace("Field required [type=missing", "Input should be a URL [type=url")
    incident = outcome(project, tmp_path / "out", text)
    assert incident.five_whys[1].status == "unknown"
    assert "SHOP_CART_URL" not in claimed(incident)


def test_white_space_around_a_refused_value_is_the_cause(tmp_path: Path) -> None:
    """Its line is told."""
    deploy = "env:\n  CART_URL: 'https://cart.invalid '\n"
    project = shop(tmp_path, settings=MODEL, deploy=deploy)
    text = REFUSED.replace("Field required [type=missing", "Input should be a URL [type=url")
    incident = outcome(project, tmp_path / "out", text)
    assert f"The value that {WORKFLOW}:2 gives CART_URL begins or ends" in claimed(incident)


STARTS = """\
Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/uvicorn/config.py", line 4, in load
    self.loaded_app = import_from_string(self.app)
  File "/app/back/settings.py", line 5, in <module>
    raise RuntimeError("{0} must be set")
RuntimeError: {0} must be set"""
GUARDED = """\
import os

URL = os.environ.get("SHOP_CART_URL")
if not URL:
    raise RuntimeError("SHOP_CART_URL must be set")
"""


def test_a_start_that_asks_for_a_variable_is_explained_by_it(tmp_path: Path) -> None:
    """Also where it says so in its own words."""
    project = shop(tmp_path, settings=GUARDED)
    incident = outcome(project, tmp_path / "out", STARTS.format("SHOP_CART_URL"))
    assert incident.root_symptom == "startup_exception"
    assert f"CART_URL is set at {WORKFLOW}:5, which nothing reads" in claimed(incident)


def test_a_start_that_names_what_nothing_reads_is_not_explained_by_it(tmp_path: Path) -> None:
    """It may be anything."""
    project = shop(tmp_path, settings="\n" * 4 + "check()\n", deploy=DEPLOY.replace("CART", "PAY"))
    incident = outcome(project, tmp_path / "out", STARTS.format("SHOP_CART_URL"))
    assert incident.five_whys[-1].status == "unknown"
    assert "SHOP_CART_URL" not in claimed(incident)
