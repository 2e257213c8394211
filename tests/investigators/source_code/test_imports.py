"""What the source code shows about imports that fail: their target, its history, who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from pipeline.investigators.source_code import imports
from tests.investigators.support import Project, case, incident, of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.facts import Fact
    from pipeline.incident import Incident

CATALOG = """\
services:
  backend: {path: back/}
  auth: {path: auth/}
"""
GROUPS = [
    {"module_here", "module_missing", "module_unclear", "module_of_python", "module_foreign"},
    {"name_defined", "name_not_defined", "name_unclear"},
    {"name_removed", "name_never_removed"},
    {"module_removed", "module_never_removed"},
    {
        "requirement_listed",
        "requirement_missing",
        "requirement_for_development",
        "requirement_unclear",
    },
    {"import_cycle", "no_import_cycle", "import_cycle_unclear"},
    {"imported_by", "nobody_imports"},
    {"importers_stayed", "importers_came_later"},
]


def saying(found: Incident, text: str) -> Incident:
    """Return an incident whose root's first entry says this."""
    first = structs.replace(found.root.samples[0], text=text)
    root = replace(found.root, samples=(first,))
    return replace(found, root=root, symptoms=(root,))


def asked(text: str = "", rule: str = "broken", **fields: Any) -> Incident:
    """Return an incident of the backend."""
    return saying(incident(rule, **fields), text)


def facts(project: Project, wanted: Incident, *, catalog: str = CATALOG) -> list[Fact]:
    """Return what is found; of each group there is one kind at most."""
    found = list(imports.facts(case(wanted), project.code(catalog)))
    kinds = {fact.kind for fact in found}
    assert all(len(group & kinds) <= 1 for group in GROUPS)
    assert all(fact.text and fact.ref for fact in found)
    return found


def found(root: Path, files: Mapping[str, str | bytes], **fields: Any) -> list[Fact]:
    """Return what is found in a repository of one commit."""
    project = Project(root / "repo")
    project.commit("Start", files)
    return facts(project, asked(**fields))


def only(kind: str, seen: list[Fact]) -> Fact:
    """Return the one fact of a kind."""
    (fact,) = of_kind(kind, seen)
    return fact


SESSION = "back/app/db/session.py"
SOCKET = "back/app/socket.py"
BASE = {
    SESSION: "def get_session():\n    return None\n\n\ndef get_factory():\n    return 1\n",
    "back/app/db/__init__.py": "",
    "back/app/__init__.py": "",
    SOCKET: "from app.db.session import get_factory\n",
    "back/app/late.py": "def run():\n    from .db.session import get_factory\n",
    "back/tests/test_session.py": "from app.db.session import get_factory\n",
    "auth/app/other.py": "from app.db.session import get_factory\n",
}
NAME = {"module": "app.db.session", "name": "get_factory"}


def removal(root: Path, after: Mapping[str, str]) -> Project:
    """Make a repository in which a second commit takes the name out."""
    project = Project(root / "repo")
    project.commit("Start", BASE)
    project.commit("Tidy up sessions", {SESSION: "def get_session():\n    return None\n", **after})
    return project


def test_what_is_about_nothing_of_the_kind_is_not_looked_into(tmp_path: Path) -> None:
    """There is nothing to look for."""
    assert found(tmp_path, BASE, tables=["users"]) == []


@pytest.mark.parametrize("module", ["", "../etc", "a b", "x" * 400, ["app"], ".app", "app."])
def test_what_is_no_module_is_not_looked_for(tmp_path: Path, module: object) -> None:
    """An entry may say anything."""
    assert found(tmp_path, BASE, module=module) == []


def test_another_repository_s_service_is_not_judged_by_this_one(tmp_path: Path) -> None:
    """Its folder holds no Python here."""
    files = {key: value for key, value in BASE.items() if not key.startswith("back/")}
    assert found(tmp_path, files, **NAME) == []


def test_a_name_that_was_removed(tmp_path: Path) -> None:
    """The commit, and who was left asking: not tests, not the other service's own module."""
    seen = facts(removal(tmp_path, {}), asked(**NAME))
    assert only("module_here", seen).ref == SESSION
    assert only("name_not_defined", seen).data["count"] == 1
    told = only("imported_by", seen)
    assert told.data["places"] == [f"{SOCKET}:1", "back/app/late.py:2"]
    assert (told.data["count"], told.data["at_start"]) == (2, 1)
    assert [fact.data["at_start"] for fact in of_kind("importer", seen)] == [True, False]
    gone = only("name_removed", seen)
    assert gone.data["subject"] == "Tidy up sessions"
    assert gone.data["line"] == 5
    assert only("importers_stayed", seen).data["count"] == 2
    assert not of_kind("name_moved", seen) + of_kind("name_renamed", seen)


def test_a_name_that_is_there_was_not_removed(tmp_path: Path) -> None:
    """Also if it is only imported there, or a module of the package."""
    for files in (
        {},
        {SESSION: "from app.db.make import get_factory\n"},
        {SESSION: "from app.db.make import *\n", "back/app/db/make.py": "get_factory = 1\n"},
    ):
        seen = found(tmp_path / str(len(str(files))), {**BASE, **files}, **NAME)
        assert of_kind("name_defined", seen)
        assert not of_kind("name_removed", seen)


@pytest.mark.parametrize(
    "text",
    [
        "def __getattr__(name):\n    return 1\n",
        "from elsewhere import *\n",
        "globals().update(load())\n",
        "def broken(:\n",
        "from app.db.session import *\n",
        "\0",
    ],
)
def test_a_module_that_may_have_any_name_is_unclear(tmp_path: Path, text: str) -> None:
    """Nothing is said of what it does not spell out."""
    seen = found(tmp_path, {**BASE, SESSION: text}, **NAME)
    if "from app" in text:
        assert of_kind("name_unclear", seen)  # it imports itself, without an end
    else:
        assert only("name_unclear", seen).ref.startswith(SESSION)
    assert not of_kind("name_removed", seen)


def test_a_submodule_is_a_name_of_its_package(tmp_path: Path) -> None:
    """`from app.db import session`."""
    seen = found(tmp_path, BASE, module="app.db", name="session")
    assert only("name_defined", seen).ref == SESSION


def test_a_name_for_type_checkers_is_not_there(tmp_path: Path) -> None:
    """The line is told."""
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from x import get_factory\n"
    seen = found(tmp_path, {**BASE, SESSION: text}, **NAME)
    assert only("name_only_for_types", seen).ref == f"{SESSION}:3"
    assert of_kind("name_not_defined", seen)


def test_a_name_that_moved(tmp_path: Path) -> None:
    """In the same commit it came to another module."""
    project = removal(tmp_path, {"back/app/db/factory.py": "def get_factory():\n    return 1\n"})
    seen = facts(project, asked(**NAME))
    assert only("name_moved", seen).data["place"] == "back/app/db/factory.py:1"
    assert only("name_elsewhere", seen).ref == "back/app/db/factory.py:1"


def test_a_name_that_came_elsewhere_at_another_time_did_not_move(tmp_path: Path) -> None:
    """It is told where it is, no more."""
    project = removal(tmp_path, {})
    project.commit("Add one", {"back/app/db/factory.py": "def get_factory():\n    return 1\n"})
    seen = facts(project, asked(**NAME))
    assert of_kind("name_elsewhere", seen)
    assert not of_kind("name_moved", seen)


def test_a_name_that_was_changed(tmp_path: Path) -> None:
    """Everything but the name stayed, so that it is the same function."""
    text = "def get_session():\n    return None\n\n\ndef get_db_factory():\n    return 1\n"
    seen = facts(removal(tmp_path, {SESSION: text}), asked(**NAME))
    assert only("name_renamed", seen).data["to"] == "get_db_factory"
    like = only("name_resembles", seen)
    assert like.suggested
    assert like.data["like"] == "get_db_factory"


def test_a_function_that_does_something_else_is_no_new_name(tmp_path: Path) -> None:
    """Names alike are a suggestion alone."""
    text = "def get_session():\n    return None\n\n\ndef get_db_factory():\n    return 2\n"
    seen = facts(removal(tmp_path, {SESSION: text}), asked(**NAME))
    assert not of_kind("name_renamed", seen)
    assert only("name_resembles", seen).suggested


def test_an_import_that_is_younger_than_the_removal(tmp_path: Path) -> None:
    """It was not left behind by it."""
    project = Project(tmp_path / "repo")
    early = {key: value for key, value in BASE.items() if key not in {SOCKET, "back/app/late.py"}}
    project.commit("Start", early)
    project.commit("Tidy up", {SESSION: "def get_session():\n    return None\n"})
    project.commit("Ask again", {SOCKET: BASE[SOCKET]})
    seen = facts(project, asked(**NAME))
    assert only("importers_came_later", seen).data["places"] == [f"{SOCKET}:1"]


def test_a_name_that_was_never_there(tmp_path: Path) -> None:
    """The commit that brought the import is told."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**BASE, SESSION: "", SOCKET: "", "back/app/late.py": ""})
    project.commit("Ask", {SOCKET: BASE[SOCKET]})
    seen = facts(project, asked(**NAME))
    assert of_kind("name_never_removed", seen)
    assert only("import_came", seen).data["subject"] == "Ask"


def test_nobody_asks_for_it(tmp_path: Path) -> None:
    """Then the failing import is not in this code."""
    seen = found(tmp_path, BASE, module="app.db.session", name="nothing")
    assert only("nobody_imports", seen).data["searched"] == len(BASE)


def test_the_message_says_which_of_two_modules_it_is(tmp_path: Path) -> None:
    """Two roots may have one of the same name."""
    files = {**BASE, "app/db/session.py": "", "app/db/__init__.py": ""}
    assert only("module_unclear", found(tmp_path / "a", files, **NAME)).data["paths"] == [
        SESSION,
        "app/db/session.py",
    ]
    project = Project(tmp_path / "b")
    project.commit("Start", files)
    text = "cannot import name 'get_factory' from 'app.db.session' (/code/back/app/db/session.py)"
    seen = facts(project, asked(text, **NAME))
    assert only("module_here", seen).ref == SESSION


MODULE = {"module": "app.db.factory"}
FACTORY = "back/app/db/factory.py"
WITH_FACTORY = {
    **BASE,
    FACTORY: "def make():\n    return open_all()\n",
    SOCKET: "from app.db import factory\n",
    "back/app/late.py": "def run():\n    from .db.factory import make\n",
}


def test_a_module_that_was_deleted(tmp_path: Path) -> None:
    """The commit, and who was left asking, in whatever words."""
    project = Project(tmp_path / "repo")
    project.commit("Start", WITH_FACTORY)
    project.delete(FACTORY)
    project.commit("Delete the factory")
    seen = facts(project, asked(**MODULE))
    assert only("module_missing", seen).data["package"] == "app.db"
    assert only("module_removed", seen).data["subject"] == "Delete the factory"
    assert only("importers_stayed", seen).data["places"] == [f"{SOCKET}:1", "back/app/late.py:2"]
    assert not of_kind("module_moved", seen)


def test_a_module_that_moved(tmp_path: Path) -> None:
    """The same commit brought one like it."""
    project = Project(tmp_path / "repo")
    project.commit("Start", WITH_FACTORY)
    project.delete(FACTORY)
    moved = "back/app/core/factory.py"
    project.commit("Move the factory", {moved: WITH_FACTORY[FACTORY] + "\n\nMADE = 1\n"})
    seen = facts(project, asked(**MODULE))
    assert only("module_moved", seen).data["to"] == moved
    assert only("module_elsewhere", seen).suggested


def test_a_module_that_was_never_there(tmp_path: Path) -> None:
    """The commit that brought the import is told."""
    project = Project(tmp_path / "repo")
    project.commit("Start", BASE)
    project.commit("Ask", {SOCKET: WITH_FACTORY[SOCKET]})
    seen = facts(project, asked(**MODULE))
    assert of_kind("module_never_removed", seen)
    assert only("import_came", seen).data["place"] == f"{SOCKET}:1"


@pytest.mark.parametrize(
    ("module", "files"),
    [
        ("app.db.user_pb2", {}),
        ("app.db.user_pb2_grpc", {"back/app/db/user.proto": ""}),
        ("app.db.fast", {"back/app/db/fast.pyx": ""}),
        ("app.db.fast", {"back/app/db/fast.cpython-312-x86_64-linux-gnu.so": ""}),
        ("app._version", {}),
    ],
)
def test_a_module_that_is_made_when_the_image_is_built(
    tmp_path: Path, module: str, files: dict[str, str]
) -> None:
    """It has no place in the repository, so that it is not missing there."""
    seen = found(tmp_path, {**BASE, **files}, module=module)
    assert of_kind("module_unclear", seen)
    assert not of_kind("module_missing", seen)


def test_a_name_that_may_be_a_compiled_module_is_unclear(tmp_path: Path) -> None:
    """It is none of Python's source."""
    seen = found(tmp_path, {**BASE, "back/app/db/fast.pyx": ""}, module="app.db", name="fast")
    assert of_kind("name_unclear", seen)


def test_a_module_in_other_letters(tmp_path: Path) -> None:
    """Where the service runs they count."""
    seen = found(tmp_path, {**BASE, "back/app/db/Factory.py": ""}, **MODULE)
    assert only("module_in_other_case", seen).ref == "back/app/db/Factory.py"


def test_what_is_no_git_repository_has_no_history(tmp_path: Path) -> None:
    """The files alone are told about."""
    project = Project(tmp_path / "repo")
    project.write({**BASE, SESSION: ""})
    seen = facts(project, asked(**NAME))
    assert of_kind("name_not_defined", seen)
    assert not {"name_removed", "name_never_removed", "import_came"} & {one.kind for one in seen}


# --- circles --------------------------------------------------------------------------------------

CIRCLE = {
    "back/app/__init__.py": "",
    "back/app/a.py": "import os\n\nfrom app.b import helper\n\nengine = 1\n",
    "back/app/b.py": "from . import c\n\nhelper = 1\n",
    "back/app/c.py": "from app.a import engine\n",
}
CIRCULAR = (
    "ImportError: cannot import name 'engine' from partially initialized module 'app.a' "
    "(most likely due to a circular import) (/app/app/a.py)"
)


def circle(root: Path, **files: str) -> list[Fact]:
    """Return what is found about a circle of which some files differ."""
    project = Project(root / "repo")
    project.commit("Start", {**CIRCLE, "back/app/c.py": ""})
    project.commit("Reuse the engine", {**CIRCLE, **files})
    return facts(project, asked(CIRCULAR, "circular_import", module="app.a"))


def test_a_circle_is_told_with_its_lines(tmp_path: Path) -> None:
    """And which name is bound too late, and which commit closed it."""
    seen = circle(tmp_path)
    one = only("import_cycle", seen)
    assert (
        one.data["shown"] == "back/app/a.py:3 → back/app/b.py:1 → back/app/c.py:1 → back/app/a.py"
    )
    assert [fact.ref for fact in of_kind("import_cycle_edge", seen)] == [
        "back/app/b.py:1",
        "back/app/c.py:1",
    ]
    late = only("name_bound_later", seen)
    assert (late.data["line"], late.data["import_line"], late.data["asked_at"]) == (
        5,
        3,
        "back/app/c.py:1",
    )
    assert only("import_cycle_closed", seen).data["place"] == "back/app/c.py:1"


@pytest.mark.parametrize(
    "text",
    [
        "def run():\n    from app.a import engine\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.a import engine\n",
        "",
    ],
)
def test_what_does_not_happen_at_start_closes_no_circle(tmp_path: Path, text: str) -> None:
    """Not in functions, and not for type checkers."""
    seen = circle(tmp_path, **{"back/app/c.py": text})
    assert only("no_import_cycle", seen).data["searched"] == 4


def test_a_file_that_cannot_be_read_leaves_it_unclear(tmp_path: Path) -> None:
    """It may import anything."""
    seen = circle(tmp_path, **{"back/app/c.py": "from app.a import (\n"})
    assert "back/app/c.py cannot be read" in only("import_cycle_unclear", seen).text


def test_a_way_back_that_asks_for_something_else_is_no_cause(tmp_path: Path) -> None:
    """The message names what was asked for."""
    other = {"back/app/a.py": f"{CIRCLE['back/app/a.py']}other = 1\n"}
    seen = circle(tmp_path, **other, **{"back/app/c.py": "from app.a import other\n"})
    assert "but not engine" in only("import_cycle_unclear", seen).text


# --- what somebody else wrote ---------------------------------------------------------------------

APP = {"back/app/__init__.py": "", "back/app/main.py": "import yaml\n"}


@pytest.mark.parametrize(
    ("files", "kind", "ref"),
    [
        ({"back/requirements.txt": "flask==3\n"}, "requirement_missing", "back/requirements.txt"),
        (
            {"back/requirements.txt": "flask\nPyYAML>=6 # config\n"},
            "requirement_listed",
            "back/requirements.txt:2",
        ),
        ({"requirements.txt": "pyyaml\n"}, "requirement_listed", "requirements.txt:1"),
        (
            {"back/requirements-dev.txt": "pyyaml\n", "back/requirements.txt": "flask\n"},
            "requirement_for_development",
            "back/requirements-dev.txt:1",
        ),
        (
            {"back/requirements-docker.txt": "pyyaml\n"},
            "requirement_listed",
            "back/requirements-docker.txt:1",
        ),
        ({"back/requirements.txt": "-e ../lib\n"}, "requirement_unclear", ""),
        ({}, "requirement_unclear", ""),
        (
            {"back/pyproject.toml": '[project]\ndependencies = ["pyyaml"]\n'},
            "requirement_listed",
            "back/pyproject.toml:2",
        ),
        (
            {"back/pyproject.toml": '[project]\ndependencies = ["flask"]\n'},
            "requirement_missing",
            "back/pyproject.toml",
        ),
        (
            {"back/pyproject.toml": '[dependency-groups]\ndev = ["pyyaml"]\n'},
            "requirement_for_development",
            "back/pyproject.toml:2",
        ),
        ({"back/pyproject.toml": "[project\n"}, "requirement_unclear", ""),
        (
            {"back/pyproject.toml": '[project]\ndynamic = ["dependencies"]\n'},
            "requirement_unclear",
            "",
        ),
        (
            {"back/pyproject.toml": '[tool.poetry.dependencies]\npyyaml = "^6"\n'},
            "requirement_listed",
            "back/pyproject.toml:2",
        ),
        (
            {"back/pyproject.toml": '[tool.poetry.group.dev.dependencies]\npyyaml = "^6"\n'},
            "requirement_for_development",
            "back/pyproject.toml:2",
        ),
        ({"back/Pipfile": '[packages]\npyyaml = "*"\n'}, "requirement_listed", "back/Pipfile:2"),
        (
            {"back/setup.cfg": "[options]\ninstall_requires =\n    pyyaml>=6\n"},
            "requirement_listed",
            "back/setup.cfg:3",
        ),
        ({"back/setup.cfg": "install_requires"}, "requirement_unclear", ""),
        (
            {"back/setup.py": "from setuptools import setup\nsetup(install_requires=['pyyaml'])\n"},
            "requirement_listed",
            "back/setup.py:2",
        ),
        (
            {"back/setup.py": "from setuptools import setup\nsetup(install_requires=load())\n"},
            "requirement_unclear",
            "",
        ),
        ({"back/environment.yml": "dependencies: [pyyaml]\n"}, "requirement_unclear", ""),
        (
            {"back/poetry.lock": '[[package]]\nname = "pyyaml"\nversion = "6"\n'},
            "requirement_listed",
            "back/poetry.lock:2",
        ),
        ({"auth/requirements.txt": "flask\n"}, "requirement_unclear", ""),
        (
            {"back/requirements.txt": "-r ../deps/all.txt\n", "deps/all.txt": "pyyaml\n"},
            "requirement_listed",
            "deps/all.txt:1",
        ),
        (
            {"back/requirements.txt": "-r ../deps/all.txt\n", "deps/all.txt": "-r all.txt\n"},
            "requirement_missing",
            "back/requirements.txt",
        ),
        ({"back/requirements.txt": "-r gone.txt\n"}, "requirement_unclear", ""),
        (
            {"back/requirements.txt": "flask\n", "Dockerfile": "RUN pip install PyYAML\n"},
            "requirement_unclear",
            "Dockerfile",
        ),
        (
            {"back/requirements.txt": "flask\n", "auth/Dockerfile": "RUN pip install PyYAML\n"},
            "requirement_missing",
            "back/requirements.txt",
        ),
        (
            {"back/requirements.txt": "git+https://example.com/x#egg=PyYAML\n"},
            "requirement_listed",
            "",
        ),
        ({"back/requirements.txt": b"\0"}, "requirement_unclear", ""),
    ],
)
def test_what_is_to_be_installed(
    tmp_path: Path, files: dict[str, str | bytes], kind: str, ref: str
) -> None:
    """The name of a distribution is not that of its module."""
    seen = found(tmp_path, {**APP, **files}, module="yaml")
    assert of_kind("module_foreign", seen)
    assert only(kind, seen).ref.startswith(ref)


def test_what_nobody_knows_the_distribution_of_is_unclear(tmp_path: Path) -> None:
    """A module may come with any."""
    seen = found(tmp_path, {**APP, "back/requirements.txt": "flask\n"}, module="frobnicate")
    assert of_kind("requirement_unclear", seen)


def test_a_distribution_that_was_taken_off_the_list(tmp_path: Path) -> None:
    """The commit is told, with who still imports it."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**APP, "back/requirements.txt": "flask\npyyaml\n"})
    project.commit("Slim down", {"back/requirements.txt": "flask\n"})
    seen = facts(project, asked(module="yaml"))
    assert only("requirement_removed", seen).data["subject"] == "Slim down"
    assert only("importers_stayed", seen).data["places"] == ["back/app/main.py:1"]


def test_an_import_that_came_without_its_distribution(tmp_path: Path) -> None:
    """The commit is told."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {"back/app/main.py": "", "back/requirements.txt": "flask\n"})
    project.commit("Read YAML", APP)
    seen = facts(project, asked(module="yaml"))
    assert of_kind("requirement_never_removed", seen)
    assert only("import_came", seen).data["subject"] == "Read YAML"


def test_a_module_of_python(tmp_path: Path) -> None:
    """Nobody has to install it."""
    seen = found(tmp_path, {**APP, "back/requirements.txt": "flask\n"}, module="distutils.core")
    assert {fact.kind for fact in seen} <= {
        "module_of_python",
        "module_foreign",
        "nobody_imports",
        "requirement_unclear",
    }
    seen = found(tmp_path / "b", APP, module="tkinter")
    assert of_kind("module_of_python", seen)


def test_a_module_of_the_top_that_was_deleted(tmp_path: Path) -> None:
    """It was the repository's own."""
    project = Project(tmp_path / "repo")
    project.commit(
        "Start", {**APP, "back/settings.py": "", "back/app/main.py": "import settings\n"}
    )
    project.delete("back/settings.py")
    project.commit("Delete settings")
    seen = facts(project, asked(module="settings"))
    assert only("module_removed", seen).data["subject"] == "Delete settings"
    assert of_kind("module_foreign", seen)


# --- the same name more than once -----------------------------------------------------------------


def test_a_class_that_is_defined_more_than_once(tmp_path: Path) -> None:
    """If the incident names it; what only imports it, or tests it, does not count."""
    one = "class DatabaseManager:\n    pass\n"
    files = {
        **BASE,
        "back/app/db/database_manager.py": one,
        "back/app/database/__init__.py": f"\n{one}",
        "auth/core/database_manager.py": one,
        "back/app/use.py": "from app.database import DatabaseManager\n",
        "back/tests/test_manager.py": one,
    }
    project = Project(tmp_path / "repo")
    project.commit("Start", files)
    seen = facts(project, asked("AttributeError: DatabaseManager has no pool", table="x"))
    assert only("defined_more_than_once", seen).data["places"] == [
        "auth/core/database_manager.py:1",
        "back/app/database/__init__.py:2",
        "back/app/db/database_manager.py:1",
    ]
    assert facts(project, asked("nothing was named", table="x")) == []


# --- names that are not defined -------------------------------------------------------------------

CHATS = "back/app/chats.py"
TRACE = (
    'Traceback (most recent call last):\n  File "/code/app/chats.py", line {0}, in find\n'
    "    return Optional[chats]\nNameError: name 'Optional' is not defined"
)


def undefined(project: Project, line: int, name: str = "Optional") -> list[Fact]:
    """Return what is found about a name that a line of the file uses."""
    return facts(project, asked(TRACE.format(line), "name_undefined", name=name))


def test_a_name_whose_import_was_removed(tmp_path: Path) -> None:
    """The commit that did it is told, and where the name is to be had."""
    project = Project(tmp_path / "repo")
    used = "\n\ndef find():\n    return Optional[int]\n"
    project.commit("Start", {CHATS: f"from typing import Optional\n{used}"})
    project.commit("Tidy up imports", {CHATS: used})
    seen = undefined(project, 4)
    assert only("name_never_bound", seen).ref == f"{CHATS}:4"
    gone = only("name_binding_removed", seen)
    assert gone.data["subject"] == "Tidy up imports"
    assert gone.data["still"] is True
    assert only("name_of_python", seen).data["module"] == "typing"


def test_a_name_that_came_without_its_import(tmp_path: Path) -> None:
    """The commit that brought it is told; so is who defines one."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {CHATS: "", "back/app/kinds.py": "class Optional:\n    pass\n"})
    project.commit("Find chats", {CHATS: "def find():\n    return Optional[int]\n"})
    seen = undefined(project, 2)
    assert only("name_came_unbound", seen).data["subject"] == "Find chats"
    assert only("name_elsewhere", seen).ref == "back/app/kinds.py:1"
    project.commit("Touch it", {CHATS: "def find():\n    return Optional[str]\n"})
    assert only("name_came_unbound", undefined(project, 2)).data["subject"] == "Find chats"


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("import typing as Optional\n", "global"),
        ("def f(Optional):\n    pass\n", "local"),
        ("try:\n    pass\nexcept ValueError as Optional:\n    pass\n", "global"),
        ("def f():\n    global Optional\n", "local"),
        ("class Optional:\n    pass\n", "global"),
        ("match x:\n    case {**Optional}:\n        pass\n", "global"),
        ("def f():\n    Optional = 1\n", "local"),
        ("if TYPE_CHECKING:\n    from typing import Optional\n", "for_types"),
        (
            "if TYPE_CHECKING:\n    from typing import Optional\nelse:\n    Optional = 1\n",
            "mixed",
        ),
    ],
)
def test_a_name_that_is_bound_somewhere(tmp_path: Path, text: str, how: str) -> None:
    """Then nothing is claimed about why it is not bound there, but for type checkers."""
    project = Project(tmp_path / "repo")
    lines = len(text.splitlines())
    project.commit("Start", {CHATS: f"{text}\nprint(Optional)\n"})
    seen = undefined(project, lines + 2)
    assert only("name_bound", seen).data["how"] == how
    assert not of_kind("name_never_bound", seen)


@pytest.mark.parametrize("text", ["from typing import *\n", "globals()['x'] = 1\n", "exec(code)\n"])
def test_a_file_that_may_bind_anything_is_unclear(tmp_path: Path, text: str) -> None:
    """Nothing is claimed."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {CHATS: f"{text}print(Optional)\n"})
    seen = undefined(project, 2)
    assert of_kind("name_binding_unclear", seen)
    assert not of_kind("name_never_bound", seen)


@pytest.mark.parametrize("line", [0, 3, 99])
def test_a_line_that_does_not_have_the_name_shows_nothing(tmp_path: Path, line: int) -> None:
    """The code that runs is another one."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {CHATS: "x = 1\nprint(Optional)\n"})
    assert undefined(project, line) == []


def test_code_that_was_installed_is_not_the_repository_s(tmp_path: Path) -> None:
    """Even if a file of the repository has the same name."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {CHATS: "print(Optional)\n"})
    text = TRACE.format(1).replace("/code/", "/usr/lib/python3/dist-packages/")
    assert facts(project, asked(text, "name_undefined", name="Optional")) == []


def test_a_name_of_a_module_of_python(tmp_path: Path) -> None:
    """It is to be had by an import of its own name; the first commit brought it without."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {CHATS: "print(datetime.now())\nfetch_chats = 1\n"})
    seen = undefined(project, 1, "datetime")
    assert only("name_of_python", seen).data["module"] == "datetime"
    assert only("name_came_unbound", seen).data["subject"] == "Start"


def test_a_name_like_one_that_is_bound_is_a_suggestion(tmp_path: Path) -> None:
    """As likely as not it was misspelt."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {CHATS: "fetch_chats = 1\nprint(fetch_chat)\n"})
    like = only("name_resembles", undefined(project, 2, "fetch_chat"))
    assert (like.suggested, like.data["like"]) == (True, "fetch_chats")


def test_a_name_in_a_folder_without_history(tmp_path: Path) -> None:
    """The file alone says that nothing binds it."""
    project = Project(tmp_path / "repo")
    project.write({CHATS: "print(Optional)\n"})
    kinds = {fact.kind for fact in undefined(project, 1)}
    assert "name_never_bound" in kinds
    assert not {"name_came_unbound", "name_binding_removed"} & kinds


def test_history_that_does_not_parse_says_nothing(tmp_path: Path) -> None:
    """What the file bound then is not known."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {CHATS: "from typing import Optional\nprint(Optional)\n"})
    project.commit("Break", {CHATS: "from typing import (\nprint(Optional)\n"})
    project.commit("Mend", {CHATS: "\nprint(Optional)\n"})
    kinds = {fact.kind for fact in undefined(project, 2)}
    assert not {"name_came_unbound", "name_binding_removed"} & kinds


SPACE = {"back/space/one.py": "", "back/main.py": "from space import one, two\n"}


def test_a_package_without_init_is_here(tmp_path: Path) -> None:
    """It may have parts elsewhere, so that no name is missing from it."""
    seen = found(tmp_path / "a", SPACE, module="space")
    assert only("module_here", seen).ref == "back/space"
    assert of_kind("package_without_init", seen)
    seen = found(tmp_path / "b", SPACE, module="space", name="one")
    assert only("name_defined", seen).ref == "back/space/one.py"
    seen = found(tmp_path / "c", SPACE, module="space", name="two")
    assert of_kind("name_unclear", seen)


def test_a_file_that_names_a_package_without_a_list_of_its_imports(tmp_path: Path) -> None:
    """Optional dependencies may be installed for what runs, or not."""
    text = '[project]\noptional-dependencies = {config = ["pyyaml"]}\n'
    seen = found(tmp_path, {**APP, "back/pyproject.toml": text}, module="yaml")
    assert "for config only" in only("requirement_unclear", seen).text


def test_another_attribute_of_a_circular_module(tmp_path: Path) -> None:
    """The message tells it, as it tells a name."""
    project = Project(tmp_path / "repo")
    files = {**CIRCLE, "back/app/c.py": "import app.a\nprint(app.a.engine)\n"}
    project.commit("Start", files)
    text = (
        "AttributeError: partially initialized module 'app.a' has no attribute 'engine' "
        "(most likely due to a circular import)"
    )
    seen = facts(project, asked(text, "circular_import", module="app.a"))
    assert "back/app/c.py:1" in str(only("import_cycle", seen).data["shown"])


def test_what_was_not_committed_has_no_history(tmp_path: Path) -> None:
    """The folder lacks what the commit has: no commit took it away."""
    project = Project(tmp_path / "repo")
    listed = {"back/requirements.txt": "flask\npyyaml\n", "back/main.py": "import yaml\n"}
    used = {CHATS: "from typing import Optional\nprint(Optional)\n"}
    project.commit("Start", {**WITH_FACTORY, **listed, **used})
    unlisted = {"back/requirements.txt": "flask\n"}
    project.commit("Drop", {SESSION: "", CHATS: "", **unlisted})
    project.delete(FACTORY)
    project.commit("Delete")
    again = {SESSION: BASE[SESSION], FACTORY: WITH_FACTORY[FACTORY]}
    project.commit("Bring it back", {**again, **listed, **used})
    project.write({SESSION: "", **unlisted, CHATS: "\nprint(Optional)\n"})
    project.delete(FACTORY)
    wanted = [asked(**NAME), asked(**MODULE), asked(module="yaml")]
    seen = [fact for one in wanted for fact in facts(project, one)] + undefined(project, 2)
    kinds = {fact.kind for fact in seen}
    assert {"name_not_defined", "module_missing", "requirement_missing"} <= kinds
    assert "name_never_bound" in kinds
    assert not {kind for kind in kinds if "remov" in kind or "came" in kind or "stayed" in kind}


def test_a_name_that_another_file_lost_is_not_one_that_never_was(tmp_path: Path) -> None:
    """The module may have had another name then."""
    project = Project(tmp_path / "repo")
    old = {key: value for key, value in BASE.items() if key != SESSION}
    project.commit("Start", {**old, "back/app/db/sessions.py": BASE[SESSION]})
    project.delete("back/app/db/sessions.py")
    project.commit("Rename the module", {SESSION: "def get_session():\n    return None\n"})
    seen = facts(project, asked(**NAME))
    assert only("name_removed_elsewhere", seen).data["path"] == "back/app/db/sessions.py"
    assert not {"name_never_removed", "name_removed"} & {fact.kind for fact in seen}


@pytest.mark.parametrize("text", ["def broken(:\n", "globals()['x'] = 1\ndef broken(:\n"])
def test_a_name_in_history_that_does_not_parse(tmp_path: Path, text: str) -> None:
    """Nobody knows when it went."""
    project = Project(tmp_path / "repo")
    project.commit("Start", BASE)
    project.commit("Break", {SESSION: text})
    project.commit("Mend", {SESSION: "def get_session():\n    return None\n"})
    seen = facts(project, asked(**NAME))
    assert of_kind("name_not_defined", seen)
    assert not {"name_never_removed", "name_removed"} & {fact.kind for fact in seen}


def test_what_is_deployed_counts_and_not_what_lies_in_the_folder(tmp_path: Path) -> None:
    """The name came back later; what runs does not have it."""
    project = removal(tmp_path, {})
    gone = project.commits[-1]
    project.commit("Bring it back", {SESSION: BASE[SESSION]})
    assert of_kind("name_defined", facts(project, asked(**NAME)))
    wanted = case(asked(**NAME), commit=gone)
    seen = list(imports.facts(wanted, project.code(CATALOG, deployed=gone)))
    assert only("name_removed", seen).data["commit"] == gone[:12]


@pytest.mark.parametrize(
    "text",
    [
        "if a:\n    pass\n" + "elif b:\n    get_factory = 1\n" * 3_000,
        "def get_factory():\n    return " + "+".join(["1"] * 2_000) + "\n",
        "x = a" + ".b" * 3_000 + "\nget_factory = x\n",
        "get_factory = " + "[" * 5_000,
        "from .......... import get_factory\nfrom . import get_factory\n",
        "from app.db.session import *\nfrom app.db.session import get_factory\n",
        b"\xff\xfeg\0e\0t\0",
        b"# -*- coding: latin-1 -*-\nget_factory = '\xe9'\n",
        b"\0" * 100,
        "",
    ],
)
def test_no_file_is_too_odd(tmp_path: Path, text: str | bytes) -> None:
    """One that is broken makes no other unread, and nothing is raised."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**BASE, CHATS: text})
    project.commit("Go on", {SESSION: text, "back/app/db/other.py": text})
    circular = CIRCULAR.replace("app.a", "app.db.session").replace("engine", "get_factory")
    for wanted in (
        asked(**NAME),
        asked(**MODULE),
        asked(module="yaml"),
        asked(circular, "circular_import", module="app.db.session"),
    ):
        assert facts(project, wanted)
    assert isinstance(undefined(project, 1, "get_factory"), list)
