"""Imports that fail, explained with their source code through a whole replay.

Each scenario ends where the code has the cause; each mutation takes the evidence for it away, and
the chain then ends in `unknown`, or in what the rest still proves.
"""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.replaying import ReplayOptions, replay
from tests.investigators.support import Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.document import IncidentDocument

ROOT = Path(__file__).parents[2]
CATALOG = "services:\n  backend: {path: backend/}\n  auth: {path: auth_service/}\n"


def explained(project: Project, text: str, root: str) -> IncidentDocument:
    """Replay one entry of the backend with a repository; return the incident."""
    record = {
        "insertId": "one",
        "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
        "timestamp": "2025-09-10T00:33:54Z",
        "severity": "ERROR",
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"service_name": "backend", "revision_name": "backend-00001-one"},
        },
        "textPayload": text,
    }
    out = project.root.parent
    (out / "export.jsonl").write_text(json.dumps(record) + "\n", "utf-8")
    (out / "catalog.yml").write_text(CATALOG, "utf-8")
    options = ReplayOptions(
        sources=[str(out / "export.jsonl")],
        catalog=str(out / "catalog.yml"),
        out=str(out / "issues"),
        repo=str(project.root),
    )
    with chdir(ROOT), replay(options) as (run, source):
        document = run.run(source).document()
    return next(item for item in document.incidents if item.root_symptom == root)


def said(incident: IncidentDocument) -> str:
    """Return all that the answers claim."""
    return " ".join([incident.root_cause, *(why.answer for why in incident.five_whys)])


def statuses(incident: IncidentDocument) -> list[str]:
    """Return what the whys past the observed ones stand on."""
    return [why.status for why in incident.five_whys if why.status != "observed"]


def cited(incident: IncidentDocument) -> set[str]:
    """Return all that is cited."""
    return {item.ref for why in incident.five_whys for item in why.evidence}


# --- a name that was removed from a module --------------------------------------------------------

SESSION = "backend/app/db/session.py"
SOCKET = "backend/app/websocket/factory.py"
MANAGER = "class DatabaseManager:\n    def connect(self):\n        return None\n"
FACTORY = "def get_db_session_factory():\n    return DatabaseManager().connect\n"
MANAGED = "from backend.app.db.database_manager import DatabaseManager\n"
KEPT = f"{MANAGED}\n\ndef get_session():\n    pass\n"
MISSING = (
    "Traceback (most recent call last):\n"
    '  File "/app/backend/app/websocket/factory.py", line 1, in <module>\n'
    "    from backend.app.db.session import get_db_session_factory\n"
    "ImportError: cannot import name 'get_db_session_factory' from 'backend.app.db.session' "
    "(/app/backend/app/db/session.py)"
)
START = {
    "backend/__init__.py": "",
    "backend/app/__init__.py": "",
    "backend/app/db/__init__.py": "",
    "backend/app/db/database_manager.py": MANAGER,
    SESSION: f"{KEPT}\n\n{FACTORY}",
    SOCKET: "from backend.app.db.session import get_db_session_factory\n",
    "backend/app/chat.py": "def open():\n    from .db.session import get_db_session_factory\n",
    "backend/tests/test_session.py": "from backend.app.db.session import get_db_session_factory\n",
    "auth_service/core/database_manager.py": f"\n{MANAGER}",
}


def sessions(root: Path, after: Mapping[str, str] | None = None) -> Project:
    """Make a repository in which a name is removed while two files ask for it."""
    project = Project(root / "repo")
    project.commit("Start", START)
    project.commit("Make one manager the only one", {SESSION: KEPT})
    project.commit("Go on", {"backend/app/more.py": "", **(after or {})})
    return project


def test_a_removed_name(tmp_path: Path) -> None:
    """The commit is the cause, with the imports that it left as they were."""
    incident = explained(sessions(tmp_path), MISSING, "import_missing_name")
    assert statuses(incident) == ["established"] * 2
    assert "of 2025-09-02, “Make one manager the only one”" in incident.root_cause
    assert f"left 2 imports as they were: {SOCKET}:1, backend/app/chat.py:2" in incident.root_cause
    assert "2 import statements outside of tests ask for it, 1 of them when" in said(incident)
    assert {SESSION, f"{SOCKET}:1", "backend/app/chat.py:2"} <= cited(incident)


def test_a_name_that_moved(tmp_path: Path) -> None:
    """Where it is now is the next step, too."""
    project = Project(tmp_path / "repo")
    project.commit("Start", START)
    moved = "backend/app/db/factories.py"
    project.commit("Split sessions", {SESSION: KEPT, moved: FACTORY})
    incident = explained(project, MISSING, "import_missing_name")
    assert f"brought it to {moved}" in incident.root_cause
    assert any(f"from {moved}" in step for step in incident.next_steps)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param({SESSION: START[SESSION]}, id="the name is there"),
        pytest.param({SESSION: "from .database_manager import *\n"}, id="a star may bring it"),
        pytest.param({SESSION: "def __getattr__(name):\n    return 1\n"}, id="made on demand"),
        pytest.param({SESSION: "def broken(:\n"}, id="the module does not parse"),
        pytest.param({"app/db/session.py": "", SESSION: "globals()\n"}, id="it is dynamic"),
    ],
)
def test_nothing_is_claimed_of_a_module_that_may_have_the_name(
    tmp_path: Path, after: Mapping[str, str]
) -> None:
    """The chain ends in unknown."""
    if "from .database" in after.get(SESSION, ""):
        after = {**after, "backend/app/db/database_manager.py": "from unknown import *\n"}
    incident = explained(sessions(tmp_path, after), MISSING, "import_missing_name")
    assert statuses(incident) == ["unknown"]
    assert "commit" not in said(incident).lower()


def test_a_removed_name_without_history(tmp_path: Path) -> None:
    """That it is not there is seen in the files, not why."""
    project = sessions(tmp_path)
    shutil.rmtree(project.root / ".git")
    incident = explained(project, MISSING, "import_missing_name")
    assert statuses(incident) == ["established", "unknown"]
    assert "git log -p -S 'get_db_session_factory'" in incident.five_whys[-1].settle


def test_a_removed_name_that_nobody_asks_for(tmp_path: Path) -> None:
    """Then what is deployed is not this code: nothing is said of imports that stayed."""
    after = {SOCKET: "", "backend/app/chat.py": ""}
    incident = explained(sessions(tmp_path, after), MISSING, "import_missing_name")
    assert statuses(incident) == ["established", "unknown"]
    assert "as they were" not in said(incident)


# --- a circle -------------------------------------------------------------------------------------

CIRCULAR = (
    "ImportError: cannot import name 'engine' from partially initialized module "
    "'backend.app.db.engine' (most likely due to a circular import) (/app/backend/app/db/engine.py)"
)
ENGINE = "backend/app/db/engine.py"
HELPERS = "backend/app/db/helpers.py"
CIRCLE = {
    "backend/__init__.py": "",
    "backend/app/__init__.py": "",
    "backend/app/db/__init__.py": "",
    ENGINE: "from backend.app.db import helpers\n\nengine = helpers.make()\n",
    HELPERS: "from backend.app.db.engine import engine\n\n\ndef make():\n    return 1\n",
}


def circle(root: Path, after: Mapping[str, str] | None = None) -> Project:
    """Make a repository whose second commit closes a circle."""
    project = Project(root / "repo")
    project.commit("Start", {**CIRCLE, HELPERS: "def make():\n    return 1\n"})
    project.commit("Let helpers use the engine", {HELPERS: CIRCLE[HELPERS], **(after or {})})
    return project


def test_a_circle(tmp_path: Path) -> None:
    """Both lines, the name that is bound too late, and the commit that closed it."""
    incident = explained(circle(tmp_path), CIRCULAR, "circular_import")
    assert statuses(incident) == ["established"] * 3
    assert f"{ENGINE}:1 → {HELPERS}:1 → {ENGINE}" in said(incident)
    assert f"binds engine at line 3: {HELPERS}:1 asks for it in between" in said(incident)
    assert "“Let helpers use the engine”, closed the circle" in incident.root_cause


@pytest.mark.parametrize(
    "helpers",
    [
        pytest.param("def make():\n    from backend.app.db.engine import engine\n", id="late"),
        pytest.param("def make():\n    return 1\n", id="not at all"),
        pytest.param("from backend.app.db.engine import (\n", id="it does not parse"),
    ],
)
def test_without_the_import_that_leads_back_there_is_no_circle(
    tmp_path: Path, helpers: str
) -> None:
    """The chain ends in unknown."""
    incident = explained(circle(tmp_path, {HELPERS: helpers}), CIRCULAR, "circular_import")
    assert statuses(incident) == ["unknown"]


# --- classes of one name --------------------------------------------------------------------------


def test_classes_of_one_name(tmp_path: Path) -> None:
    """Each is cited with its line, and to decide between them is a next step."""
    project = Project(tmp_path / "repo")
    bare = "def get_session():\n    pass\n"
    project.commit("Start", {**START, "backend/app/database/__init__.py": f"\n\n{MANAGER}"})
    project.commit("Drop the manager", {SESSION: bare})
    text = MISSING.replace("get_db_session_factory", "DatabaseManager")
    project.commit("Ask", {SOCKET: "from backend.app.db.session import DatabaseManager\n"})
    incident = explained(project, text, "import_missing_name")
    places = {
        "auth_service/core/database_manager.py:2",
        "backend/app/database/__init__.py:3",
        "backend/app/db/database_manager.py:1",
    }
    assert places <= cited(incident)
    assert any("Decide which DatabaseManager" in step for step in incident.next_steps)


# --- what somebody else wrote ---------------------------------------------------------------------

YAML = "ModuleNotFoundError: No module named 'yaml'"
APP = {"backend/__init__.py": "", "backend/main.py": "import yaml\n"}


def installed(root: Path, before: str, after: str, **more: str) -> Project:
    """Make a repository whose second commit changes what is to be installed."""
    project = Project(root / "repo")
    project.commit("Start", {**APP, "backend/requirements.txt": before, **more})
    project.commit("Slim the image down", {"backend/requirements.txt": after})
    return project


def test_a_distribution_that_nothing_lists(tmp_path: Path) -> None:
    """The commit that took it off the list is the cause."""
    project = installed(tmp_path, "flask\nPyYAML==6.0\n", "flask\n")
    incident = explained(project, YAML, "module_not_found")
    assert statuses(incident) == ["established"] * 2
    assert "took pyyaml out of backend/requirements.txt" in incident.root_cause
    assert "“Slim the image down”" in incident.root_cause
    assert any("Add pyyaml to backend/requirements.txt" in step for step in incident.next_steps)


@pytest.mark.parametrize(
    ("after", "text"),
    [
        pytest.param("flask\npyyaml\n", YAML, id="it is listed"),
        pytest.param("flask\n-e ./lib\n", YAML, id="what a folder asks for is not known"),
        pytest.param("flask\n", YAML.replace("yaml", "frobnicate"), id="nobody knows its name"),
    ],
)
def test_what_may_be_listed_is_not_missing(tmp_path: Path, after: str, text: str) -> None:
    """The chain ends in unknown."""
    incident = explained(installed(tmp_path, "flask\n", after), text, "module_not_found")
    assert statuses(incident) == ["unknown"]
    assert "Nobody asks" not in said(incident)


def test_a_version_that_does_not_have_the_name(tmp_path: Path) -> None:
    """What is asked for is told; which version has the name, the files do not show."""
    project = installed(tmp_path, "flask==3.0\n", "flask==3.1\n")
    text = "ImportError: cannot import name 'escape' from 'flask' (/usr/lib/site-packages/flask.py)"
    incident = explained(project, text, "import_missing_name")
    assert statuses(incident) == ["established", "unknown"]
    assert "has no escape. What is asked for is “flask==3.1”" in said(incident)


def test_a_file_that_hides_a_package(tmp_path: Path) -> None:
    """Python says that it is no package; if it does not, that is only likely."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**APP, "backend/redis.py": "PORT = 6379\n"})
    text = "ModuleNotFoundError: No module named 'redis.asyncio'"
    incident = explained(project, f"{text}; 'redis' is not a package", "module_not_found")
    assert "backend/redis.py has the name of the package redis" in said(incident)
    incident = explained(project, text, "module_not_found")
    assert "has the name of the package" not in said(incident)


def test_a_distribution_for_development_only(tmp_path: Path) -> None:
    """It is not installed where the service runs."""
    project = installed(
        tmp_path, "flask\n", "flask\n", **{"backend/requirements-dev.txt": "pyyaml\n"}
    )
    incident = explained(project, YAML, "module_not_found")
    assert statuses(incident) == ["established"]
    assert "listed for dev only, at backend/requirements-dev.txt:1" in incident.root_cause


# --- what does not get into the image -------------------------------------------------------------

LOGS = "backend/app/logs/__init__.py"
NO_LOGS = "ModuleNotFoundError: No module named 'backend.app.logs'"
IMAGE = {
    "backend/__init__.py": "",
    "backend/app/__init__.py": "",
    "backend/app/main.py": "from backend.app.logs import LEVEL\n",
    "Dockerfile": "FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\n",
    ".dockerignore": "# made by running it\n*.log\n**/logs/\n",
}


def image(root: Path, after: Mapping[str, str] | None = None) -> Project:
    """Make a repository to which a package comes whose name is ignored already."""
    project = Project(root / "repo")
    project.commit("Keep logs out of the image", IMAGE)
    project.commit("Bring the package of logs", {LOGS: "LEVEL = 1\n"})
    if after:
        project.commit("Go on", after)
    return project


def test_a_package_that_is_kept_out_of_the_image(tmp_path: Path) -> None:
    """The line of the pattern is cited, and which came first."""
    incident = explained(image(tmp_path), NO_LOGS, "module_not_found")
    assert statuses(incident) == ["established"] * 2
    assert "line 3 of .dockerignore (`**/logs/`) keeps it out of the image" in said(incident)
    assert "“Bring the package of logs”, brought" in incident.root_cause
    assert "since commit" in incident.root_cause
    assert {".dockerignore:3", "backend/app/main.py:1"} <= cited(incident)
    assert any("write line 3 so that" in step for step in incident.next_steps)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param({".dockerignore": "*.log\n"}, id="no pattern is true of it"),
        pytest.param({".dockerignore": "**/logs/\n!backend/app/logs\n"}, id="an exception"),
        pytest.param({".dockerignore": "backend/app/logs\n!backend\n"}, id="two readings"),
        pytest.param({".dockerignore": "**/logs/\n[\n"}, id="a pattern that is none"),
        pytest.param({".dockerignore": ""}, id="an empty file"),
        pytest.param({"Dockerfile.dockerignore": "docs\n"}, id="the image has its own file"),
        pytest.param({"Dockerfile": "ARG x\n"}, id="no image is built"),
    ],
)
def test_without_the_pattern_nothing_keeps_it_out(tmp_path: Path, after: Mapping[str, str]) -> None:
    """The chain ends in unknown."""
    incident = explained(image(tmp_path, after), NO_LOGS, "module_not_found")
    assert statuses(incident) == ["unknown"]
    assert "keeps it out" not in said(incident)


def test_a_package_that_nothing_copies(tmp_path: Path) -> None:
    """The lines that copy are cited."""
    copies = {"Dockerfile": "FROM python:3.12-slim\nCOPY backend/app/main.py /app/\n"}
    incident = explained(image(tmp_path, copies), NO_LOGS, "module_not_found")
    assert statuses(incident) == ["established"]
    assert "holds it: Dockerfile:2" in incident.root_cause
    copies = {"Dockerfile": "FROM python:3.12-slim\nCOPY x .\nRUN git clone https://e.com/x\n"}
    incident = explained(image(tmp_path / "b", copies), NO_LOGS, "module_not_found")
    assert statuses(incident) == ["unknown"]


def test_a_package_that_gcloud_does_not_upload(tmp_path: Path) -> None:
    """If the repository shows that gcloud does; what lies in .gitignore alone is no cause."""
    after = {".dockerignore": "", ".gitignore": "logs/\n"}
    incident = explained(image(tmp_path / "a", after), NO_LOGS, "module_not_found")
    assert statuses(incident) == ["unknown"]
    used = {**after, "deploy.sh": "gcloud run deploy backend --source .\n"}
    incident = explained(image(tmp_path / "b", used), NO_LOGS, "module_not_found")
    assert statuses(incident) == ["established"] * 2
    assert "keeps it out of what gcloud uploads to be built (deploy.sh:1)" in said(incident)


def test_a_package_that_was_never_committed(tmp_path: Path) -> None:
    """The line by which git ignores it is the cause."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**IMAGE, ".gitignore": "logs/\n", ".dockerignore": ""})
    incident = explained(project, NO_LOGS, "module_not_found")
    assert "No commit ever had it, and .gitignore:1 (`logs/`) has git ignore" in said(incident)
    project.write({LOGS: ""})
    incident = explained(project, NO_LOGS, "module_not_found")
    assert "in no commit" in said(incident)


# --- a module that was deleted, or moved ----------------------------------------------------------


def test_a_module_that_moved(tmp_path: Path) -> None:
    """The commit is the cause; where it is now is the next step."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**IMAGE, ".dockerignore": "", LOGS: "LEVEL = 1\nNAME = 'logs'\n"})
    project.delete(LOGS)
    moved = {"backend/core/logs/__init__.py": "LEVEL = 1\nNAME = 'logs'\n"}
    project.commit("Move logs to the core", moved)
    incident = explained(project, NO_LOGS, "module_not_found")
    assert statuses(incident) == ["established"] * 2
    assert "“Move logs to the core”, deleted" in incident.root_cause
    assert "left 1 import as it was: backend/app/main.py:1" in incident.root_cause
    assert any("Import backend/core/logs/__init__.py" in step for step in incident.next_steps)


def test_a_module_in_other_letters(tmp_path: Path) -> None:
    """The case of its letters is not that of the import."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**IMAGE, "backend/app/Logs/__init__.py": ""})
    incident = explained(project, NO_LOGS, "module_not_found")
    assert "the case of its letters is not that of backend.app.logs" in said(incident)


# --- a name that is not defined -------------------------------------------------------------------

CHATS = "backend/app/chats.py"
UNDEFINED = (
    "Traceback (most recent call last):\n"
    '  File "/app/backend/app/chats.py", line 4, in find\n'
    "    return Optional[int]\n"
    "NameError: name 'Optional' is not defined"
)
USED = "\n\ndef find():\n    return Optional[int]\n"


def chats(root: Path, before: str, after: str) -> Project:
    """Make a repository whose second commit changes the file that uses the name."""
    project = Project(root / "repo")
    project.commit("Start", {CHATS: before})
    project.commit("Tidy up imports", {CHATS: after})
    return project


def test_a_name_whose_import_was_removed(tmp_path: Path) -> None:
    """The commit that did it is the cause."""
    project = chats(tmp_path, f"from typing import Optional\n{USED}", USED)
    incident = explained(project, UNDEFINED, "name_undefined")
    assert statuses(incident) == ["established"] * 2
    assert "“Tidy up imports”, took away what bound Optional in" in incident.root_cause
    assert any("Python has it, in typing" in step for step in incident.next_steps)


def test_a_name_for_type_checkers_only(tmp_path: Path) -> None:
    """It is bound, but not when the service runs."""
    for_types = "if TYPE_CHECKING:\n    from typing import Optional\nx: Optional[int] = 1\n"
    project = chats(tmp_path, "", f"from typing import TYPE_CHECKING\n{for_types}")
    incident = explained(project, UNDEFINED, "name_undefined")
    assert "binds it for type checkers only, at line 3" in incident.root_cause


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"from typing import *{USED}", id="a star may bring it"),
        pytest.param(f"Optional = 1{USED}", id="it is bound"),
        pytest.param(f"\n{USED}", id="another line uses it"),
        pytest.param(f"{USED}def broken(:\n", id="the file does not parse"),
    ],
)
def test_what_may_bind_the_name_leaves_it_unknown(tmp_path: Path, text: str) -> None:
    """Nothing is claimed."""
    project = chats(tmp_path, "", text)
    incident = explained(project, UNDEFINED, "name_undefined")
    assert statuses(incident) == ["unknown"]
