"""`infra/Dockerfile` as it stands; `make image` does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.image.dockerfile import Instruction, read

ROOT = Path(__file__).resolve().parents[2]
STAGES = read((ROOT / "infra/Dockerfile").read_text("utf-8"))
LAST = STAGES[-1]
NAMES = {stage.name for stage in STAGES} - {""}
COPIED = sorted(
    {
        source
        for stage in STAGES
        for each in stage.instructions
        if each.keyword == "COPY" and not each.origin
        for source in each.words[:-1]
    }
)


def test_a_reader_knows_stages_options_and_both_forms() -> None:
    """Comments and continued lines are one instruction; options are no words of it."""
    text = """
    # says something
FROM a:1@sha256:0 AS built
ENV A=1 \\
    # in between
    B="two words"
RUN --mount=type=cache,target=/c \\
    one && two
FROM b
COPY --from=built /x /y z/
ENTRYPOINT ["/x", "run"]
"""
    first, last = read(text)
    assert (first.base, first.name, last.base, last.name) == ("a:1@sha256:0", "built", "b", "")
    assert first.last("ENV").settings == {"A": "1", "B": "two words"}
    assert first.last("RUN").text == "one && two"
    assert (last.last("COPY").origin, last.last("COPY").words) == ("built", ["/x", "/y", "z/"])
    assert (last.last("ENTRYPOINT").exec_form, last.last("ENTRYPOINT").words) == (
        True,
        ["/x", "run"],
    )


@pytest.mark.parametrize("base", [each.base for each in STAGES if each.base not in NAMES])
def test_bases_are_pinned(base: str) -> None:
    """A tag says to people what it is, a digest to the builder."""
    assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", base)


def test_both_bases_have_the_python_of_the_installed_packages() -> None:
    """Packages are installed by one Python, and imported by another of the same minor version."""
    builder = next(stage.base for stage in STAGES if stage.base.startswith("python:"))
    (version,) = re.findall(r"^python:(3\.\d+)-trixie@", builder)
    runtime = next(stage.base for stage in STAGES if stage.base.startswith("gcr.io/"))
    assert runtime.startswith("gcr.io/distroless/python3-debian13:nonroot@")
    text = (ROOT / "infra/Dockerfile").read_text("utf-8")
    assert set(re.findall(r"\bpython(3\.\d+)\b", text)) == {version}


def test_it_runs_without_root_shell_or_inherited_choice() -> None:
    """The user is a number, as Kubernetes asks for; nothing that runs takes a shell."""
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", LAST.last("USER").text)
    assert LAST.last("ENTRYPOINT").words == ["/app/bin/fivewhys"]
    after = STAGES[next(n for n, each in enumerate(STAGES) if each.base.startswith("gcr.io/")) :]
    for instruction in (each for stage in after for each in stage.instructions):
        if instruction.keyword in {"RUN", "ENTRYPOINT", "CMD"}:
            assert instruction.exec_form, instruction.text
    assert LAST.last("STOPSIGNAL").text == "SIGTERM"


def test_one_folder_is_declared_as_writable_and_worked_in() -> None:
    """All else may be mounted read-only: bytecode is looked for where the image has it."""
    assert LAST.last("VOLUME").words == [LAST.last("WORKDIR").text]
    assert not LAST.last("WORKDIR").text.startswith("/app")
    settings = LAST.last("ENV").settings
    assert settings["PYTHONDONTWRITEBYTECODE"] == "1"
    assert STAGES[-2].last("ENV").settings.items() <= settings.items()


def installs() -> list[str]:
    """Each call of pip that installs."""
    runs = [each.text for stage in STAGES for each in stage.instructions if each.keyword == "RUN"]
    parts = [part for text in runs for part in text.split("&&")]
    return [" ".join(part.split()) for part in parts if " pip " in part]


@pytest.mark.parametrize("command", installs())
def test_what_is_installed_has_a_hash_or_comes_from_here(command: str) -> None:
    """Nothing is resolved while the image is built."""
    assert "--no-deps" in command
    assert "--require-hashes" in command or "--no-index" in command


def test_no_secret_and_no_tool_of_the_builder_gets_into_the_image() -> None:
    """What comes into the last stage is one folder; nothing is passed as a build argument."""
    assert [each.words for each in LAST.instructions if each.keyword in {"COPY", "ADD"}] == [
        ["/app", "/app"]
    ]
    arguments = {e.text.split("=")[0] for s in STAGES for e in s.instructions if e.keyword == "ARG"}
    assert arguments == {"VERSION", "REVISION"}


def let_through(path: str) -> bool:
    """Whether the builder is sent a file, by `.dockerignore`; the last pattern that fits counts."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!")
        if pattern and not pattern.startswith("#"):
            inner = pattern.removeprefix("**/")
            names = [path, *map(str, Path(path).parents)]
            if any(fnmatchcase(name, pattern) for name in names) or (
                inner != pattern and any(fnmatchcase(part, inner) for part in Path(path).parts)
            ):
                sent = line.startswith("!")
    return sent


@pytest.mark.parametrize("source", COPIED)
def test_the_builder_is_sent_what_is_copied(source: str) -> None:
    """Each source exists, and no pattern keeps it back."""
    assert (ROOT / source).exists()
    assert let_through(source)


@pytest.mark.parametrize(
    "path", [".env", ".git/config", ".venv/bin/python", "examples/catalog.yml", "state.db", "tests"]
)
def test_the_builder_is_sent_nothing_else(path: str) -> None:
    """Neither a secret that lies around nor what would only break the cache."""
    assert not let_through(path)
    assert not let_through("pipeline/__pycache__/entry.cpython-313.pyc")


def test_labels_say_what_it_is() -> None:
    """With the names of the Open Container Initiative, as in pyproject.toml."""
    labels = LAST.last("LABEL").settings
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'description = "{labels["org.opencontainers.image.description"]}"' in project
    assert f'license = "{labels["org.opencontainers.image.licenses"]}"' in project
    assert labels["org.opencontainers.image.version"] == "${VERSION}"


def test_a_shell_sees_nothing_wrong_in_what_slims() -> None:
    """ShellCheck has no finding; hadolint looks at the Dockerfile's own lines."""
    command = [Path(sys.executable).parent / "shellcheck", ROOT / "infra/image/slim.sh"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_an_instruction_that_is_not_there_is_asked_for_in_vain() -> None:
    """The reader does not invent one."""
    with pytest.raises(LookupError):
        read("FROM a")[0].last("USER")
    assert Instruction("RUN", (), "a 'b c'").words == ["a", "b c"]
