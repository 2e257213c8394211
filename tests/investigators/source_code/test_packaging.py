"""Whether a module of the repository gets into the image, and into what gcloud uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.investigators.source_code import packaging
from pipeline.investigators.source_code.packaging.dockerfile import parse
from tests.investigators.support import Project, case, incident, of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.facts import Fact

CATALOG = "services:\n  backend: {path: backend/}\n  auth: {path: auth/}\n"
IMAGE = {"excluded_from_image", "not_copied_to_image", "in_image", "image_unclear"}
MODULE = "backend.app.logs"
LOGS = "backend/app/logs/__init__.py"
FILES = {
    "backend/__init__.py": "",
    "backend/app/__init__.py": "",
    LOGS: "LEVEL = 1\n",
    "backend/requirements.txt": "flask\n",
    "shared/tools.py": "",
}
ALL = "FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\n"
INSTALLING = (
    "FROM python:3.12 AS build\nRUN apt-get update && apt-get install -y gcc && "
    "rm -rf /var/lib/apt/lists\nRUN pip install -r requirements.txt\n"
)
STAGES = f"{INSTALLING}COPY . /src\nFROM python:3\n"


def found(root: Path, files: Mapping[str, str | None], module: str = MODULE) -> list[Fact]:
    """Return what is found in a repository of one commit; None takes a file away."""
    project = Project(root / "repo")
    chosen = {key: value for key, value in {**FILES, **files}.items() if value is not None}
    project.commit("Start", chosen)
    wanted = case(incident("broken", module=module))
    facts = list(packaging.facts(wanted, project.code(CATALOG)))
    assert len([fact for fact in facts if fact.kind in IMAGE]) <= 1
    return facts


def image(root: Path, files: Mapping[str, str | None], module: str = MODULE) -> Fact | None:
    """Return what is found of the image."""
    facts = found(root, files, module)
    return next((fact for fact in facts if fact.kind in IMAGE), None)


@pytest.mark.parametrize(
    ("files", "kind", "ref"),
    [
        ({"Dockerfile": ALL}, "in_image", "Dockerfile:3"),
        (
            {"Dockerfile": ALL, ".dockerignore": "**/logs/\n"},
            "excluded_from_image",
            ".dockerignore:1",
        ),
        (
            {"Dockerfile": ALL, ".dockerignore": "**/logs/\n!backend/app/logs\n"},
            "in_image",
            "Dockerfile:3",
        ),
        (
            {"Dockerfile": ALL, ".dockerignore": "backend/app/logs\n!backend\n"},
            "image_unclear",
            "Dockerfile",
        ),
        ({"Dockerfile": ALL, ".dockerignore": "[\n"}, "image_unclear", "Dockerfile"),
        (
            {"Dockerfile": ALL, "Dockerfile.dockerignore": "docs\n", ".dockerignore": "**/logs\n"},
            "in_image",
            "Dockerfile:3",
        ),
        (
            {"backend/Dockerfile": ALL, "backend/.dockerignore": "**/logs\n"},
            "excluded_from_image",
            "backend/.dockerignore:1",
        ),
        (
            {"backend/Dockerfile": "FROM python:3\nCOPY requirements.txt .\nCOPY . /app/backend\n"},
            "in_image",
            "backend/Dockerfile:3",
        ),
        (
            {"Dockerfile": "FROM python:3\nCOPY backend/requirements.txt .\nCOPY shared /shared\n"},
            "not_copied_to_image",
            "Dockerfile:2",
        ),
        ({"Dockerfile": "FROM python:3\nCOPY backend/app/logs/ /x/\n"}, "in_image", "Dockerfile:2"),
        ({"Dockerfile": "FROM python:3\nCOPY backend/*/logs /x/\n"}, "in_image", "Dockerfile"),
        ({"Dockerfile": 'FROM python:3\nCOPY ["backend", "/app/"]\n'}, "in_image", "Dockerfile:2"),
        (
            {"Dockerfile": "FROM python:3\nCOPY shared \\\n  # more\n  backend /app/\n"},
            "in_image",
            "Dockerfile:2",
        ),
        (
            {"Dockerfile": f"{STAGES}COPY --from=build /src/backend /b\n"},
            "in_image",
            "Dockerfile:4",
        ),
        (
            {"Dockerfile": f"{STAGES}COPY --from=0 /src/shared /b\n"},
            "not_copied_to_image",
            "Dockerfile:6",
        ),
        (
            {"Dockerfile": f"{INSTALLING}COPY . /src\nFROM build\nCMD x\n"},
            "in_image",
            "Dockerfile:4",
        ),
        (
            {"Dockerfile": "FROM python:3\nCOPY shared .\nRUN git clone https://example.com/x\n"},
            "image_unclear",
            "Dockerfile:3",
        ),
        (
            {"Dockerfile": "FROM python:3\nCOPY shared .\nRUN pip install .\n"},
            "image_unclear",
            "Dockerfile:3",
        ),
        (
            {"Dockerfile": "FROM python:3\nCOPY shared .\nRUN <<EOF\ncp -r /x /y\nEOF\n"},
            "image_unclear",
            "Dockerfile:3",
        ),
        (
            {"Dockerfile": "FROM registry.example.com/base\nCOPY shared .\n"},
            "image_unclear",
            "Dockerfile:1",
        ),
        ({"Dockerfile": "FROM python:3\nCOPY $SOURCE .\n"}, "image_unclear", "Dockerfile:2"),
        ({"Dockerfile": "FROM python:3\nADD x.tar.gz .\n"}, "image_unclear", "Dockerfile:2"),
        ({"Dockerfile": "FROM python:3\nCOPY shared\n"}, "image_unclear", "Dockerfile:2"),
        (
            {"Dockerfile": "FROM python:3\nWORKDIR $HOME\nCOPY shared .\n"},
            "image_unclear",
            "Dockerfile:2",
        ),
        ({"Dockerfile": "FROM python:3\nONBUILD COPY . .\n"}, "image_unclear", "Dockerfile:2"),
        ({"Dockerfile": "FROM python:3\nCMD x\n"}, "image_unclear", "Dockerfile"),
        (
            {"Dockerfile": "FROM mycorp/python-onbuild\nCOPY shared .\n"},
            "image_unclear",
            "Dockerfile:1",
        ),
        (
            {"Dockerfile": "FROM registry/team/python:3-app\nCOPY shared .\n"},
            "image_unclear",
            "Dockerfile:1",
        ),
        ({"Dockerfile": "FROM python:3-onbuild\nCOPY shared .\n"}, "image_unclear", "Dockerfile:1"),
        (
            {"Dockerfile": "FROM docker.io/library/python:3.13-slim\nCOPY shared .\n"},
            "not_copied_to_image",
            "Dockerfile:2",
        ),
        (
            {"Dockerfile": "FROM gcr.io/distroless/python3-debian12:nonroot\nCOPY shared .\n"},
            "not_copied_to_image",
            "Dockerfile:2",
        ),
        ({"Dockerfile": "nothing\n"}, "image_unclear", "Dockerfile"),
        (
            {"Dockerfile": ALL, "docker/backend.Dockerfile": "FROM python:3\nCOPY shared /s\n"},
            "not_copied_to_image",
            "docker/backend.Dockerfile:2",
        ),
        (
            {"a/Dockerfile": ALL, "b/Dockerfile": "FROM python:3\nCOPY shared /s\n"},
            "image_unclear",
            "",
        ),
        (
            {"Dockerfile.dev": ALL, "Dockerfile": "FROM python:3\nCOPY shared /s\n"},
            "not_copied_to_image",
            "Dockerfile:2",
        ),
    ],
)
def test_what_becomes_of_a_module(
    tmp_path: Path, files: dict[str, str | None], kind: str, ref: str
) -> None:
    """One of four things, with the line that shows it."""
    fact = image(tmp_path, files)
    assert fact is not None
    assert (fact.kind, fact.ref[: len(ref)]) == (kind, ref)


def test_a_doubt_tells_both_lines(tmp_path: Path) -> None:
    """That of the builder, and that of the documentation."""
    files = {"Dockerfile": ALL, ".dockerignore": "backend/app/logs\n!backend\n"}
    fact = image(tmp_path, files)
    assert fact is not None
    assert "goes by line 1 of .dockerignore, and the last line that matches is 2" in fact.text


def test_without_a_dockerfile_nothing_is_said_of_an_image(tmp_path: Path) -> None:
    """Nor where there are too many, or the module is not here."""
    assert found(tmp_path / "a", {".dockerignore": "**/logs\n"}) == []
    many = {f"Dockerfile.{number}": ALL for number in range(20)}
    assert found(tmp_path / "b", many) == []
    assert found(tmp_path / "c", {"Dockerfile": ALL}, "backend.app.nothing") == []
    assert found(tmp_path / "d", {"Dockerfile": ALL}, "flask") == []


def test_a_package_without_init_is_all_its_files(tmp_path: Path) -> None:
    """It is kept out only if each of them is."""
    files = {
        LOGS: None,
        "backend/app/logs/a.py": "",
        "backend/app/logs/b.py": "",
        "Dockerfile": ALL,
    }
    fact = image(tmp_path / "a", {**files, ".dockerignore": "**/logs\n"})
    assert fact is not None
    assert fact.kind == "excluded_from_image"
    fact = image(tmp_path / "b", {**files, ".dockerignore": "**/logs/a.py\n"})
    assert fact is not None
    assert fact.kind == "image_unclear"


def ages(root: Path, first: Mapping[str, str], second: Mapping[str, str]) -> list[Fact]:
    """Return what is found after two commits."""
    project = Project(root / "repo")
    project.commit("Start", {**{key: FILES[key] for key in FILES if key != LOGS}, **first})
    project.commit("Go on", second)
    wanted = case(incident("broken", module=MODULE))
    return list(packaging.facts(wanted, project.code(CATALOG)))


def test_which_came_first(tmp_path: Path) -> None:
    """The line that keeps it out, or the module; in one commit neither did."""
    ignore, module = {"Dockerfile": ALL, ".dockerignore": "**/logs\n"}, {LOGS: "LEVEL = 1\n"}
    (line,) = of_kind("exclusion_came", ages(tmp_path / "a", module, ignore))
    assert (line.data["subject"], line.data["by"]) == ("Go on", "image")
    (file,) = of_kind("excluded_came", ages(tmp_path / "b", ignore, module))
    assert file.data["subject"] == "Go on"
    assert "“Start”" in str(file.data["since"])
    both = ages(tmp_path / "c", {**ignore, **module}, {"x": ""})
    assert [fact.kind for fact in both] == ["excluded_from_image"]


@pytest.mark.parametrize(
    ("files", "ref", "used"),
    [
        ({".gcloudignore": "logs/\n"}, ".gcloudignore:1", ".gcloudignore"),
        ({".gcloudignore": "# no\n\n/backend/app/logs\n"}, ".gcloudignore:3", ".gcloudignore"),
        (
            {".gcloudignore": "#!include:.gitignore\n", ".gitignore": "x\nlogs\n"},
            ".gitignore:2",
            ".gcloudignore",
        ),
        ({"backend/.gcloudignore": "logs/\n"}, "backend/.gcloudignore:1", "backend/.gcloudignore"),
        ({".gitignore": "logs/\n"}, ".gitignore:1", ""),
        (
            {
                ".gitignore": "logs/\n",
                "deploy.sh": "set -e\ngcloud run deploy backend --source .\n",
            },
            ".gitignore:1",
            "deploy.sh:2",
        ),
        (
            {".gitignore": "logs/\n", "deploy.sh": "gcloud run deploy backend --image x\n"},
            ".gitignore:1",
            "",
        ),
        ({".gitignore": "logs/\n", "x.yml": "# gcloud builds submit\n"}, ".gitignore:1", ""),
        (
            {".gitignore": "logs/\n", "x.yml": "run: gcloud builds submit .\n"},
            ".gitignore:1",
            "x.yml:1",
        ),
        ({".gcloudignore": "*\n!backend\n!backend/app/logs\n"}, ".gcloudignore:1", ".gcloudignore"),
        ({".gcloudignore": "/backend/app/*\n!/backend/app/logs/\n"}, "", ""),
        ({".gcloudignore": "backend/\n!backend/app/logs/\n"}, ".gcloudignore:1", ".gcloudignore"),
        ({".gcloudignore": "docs\n", ".gitignore": "logs\n"}, "", ""),
        ({".gcloudignore": "!\n"}, "", ""),
    ],
)
def test_what_gcloud_does_not_upload(
    tmp_path: Path, files: dict[str, str | None], ref: str, used: str
) -> None:
    """By its own file, else by git's; and where the repository says that gcloud uploads."""
    facts = of_kind("excluded_from_upload", found(tmp_path, files))
    assert [(fact.ref, fact.data["used"]) for fact in facts] == ([(ref, used)] if ref else [])


def test_a_module_that_was_never_committed(tmp_path: Path) -> None:
    """It lies in the folder alone; the line by which git ignores it is told."""
    project = Project(tmp_path / "repo")
    project.commit(
        "Start", {**{key: FILES[key] for key in FILES if key != LOGS}, ".gitignore": "logs/\n"}
    )
    project.write({LOGS: ""})
    wanted = case(incident("broken", module=MODULE))
    facts = list(packaging.facts(wanted, project.code(CATALOG)))
    (fact,) = of_kind("module_not_committed", facts)
    assert fact.data["ignored_by"] == ".gitignore:1"


def test_a_module_that_git_ignores_and_nobody_has(tmp_path: Path) -> None:
    """The line is told; not that of a place where no package is, nor of another's module."""
    (fact,) = found(tmp_path / "a", {LOGS: None, ".gitignore": "x\nlogs/\n"})
    assert (fact.kind, fact.ref) == ("module_ignored_by_git", ".gitignore:2")
    assert found(tmp_path / "b", {LOGS: None, ".gitignore": "x\n"}) == []
    assert found(tmp_path / "c", {LOGS: None}) == []
    assert found(tmp_path / "d", {".gitignore": "logs\n"}, "yaml") == []


def test_only_a_module_that_was_not_found_is_looked_for(tmp_path: Path) -> None:
    """A name that a module does not have was looked for in it: the module is there."""
    project = Project(tmp_path / "repo")
    project.commit("Start", {**FILES, "Dockerfile": ALL, ".dockerignore": "**/logs\n"})
    for fields in ({"module": "backend.app.logs", "name": "x"}, {"tables": ["x"]}):
        found = packaging.facts(case(incident("broken", **fields)), project.code(CATALOG))
        assert list(found) == []


def test_stages_without_end_are_followed_once(tmp_path: Path) -> None:
    """Each takes twice from the one before: that is no tree to be walked."""
    del tmp_path
    stages = "".join(
        f"FROM s{at} AS s{at + 1}\nCOPY --from=s{at} /x /y{at}\nCOPY --from=s{at} /y{at} /x\n"
        for at in range(200)
    )
    file = parse(f"FROM python:3 AS s0\nCOPY . /x\n{stages}")
    assert file.places("a.py")
    assert file.doubts() == []


@pytest.mark.parametrize(
    "text",
    [
        "COPY a b\n",
        "FROM\n",
        "FROM x\nCOPY <<EOF /x\nhello\n",
        "FROM python\nCOPY [\n",
        "FROM python\nCOPY 'a\n",
        "FROM python\nWORKDIR\n",
        "# escape=`\nFROM python\nCOPY a `\n b\n",
        "\0",
        "FROM python\nRUN \\",
        "FROM python\nCOPY " + "[" * 100_000,
    ],
)
def test_no_dockerfile_is_too_odd(text: str) -> None:
    """Whatever stands in it, it is read."""
    file = parse(text)
    assert file.places("a") == file.places("a")
    assert file.doubts() == file.doubts()
