"""Terraform on a module of ours, offline: by providers that have the true schema (provider.py)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.infra.provider import Provider, serving
from tests.infra.schema import PROVIDER, MissingError, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
MODULE: Final = ROOT / "infra/terraform"
EXAMPLES: Final = ("minimal", "complete", "several-projects")
PROVIDERS: Final = ("google", "random")
LEAST: Final = (1, 11)
"""The version of Terraform from which on it has arguments that are only written."""

TAKES: Final = 120
_BLOCK = re.compile(r'^(resource|data|ephemeral) "(([a-z]+)_\w+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command of Terraform ended, and what it said."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Terraform:
    """The command, with the environment that it needs here."""

    command: str
    environment: Mapping[str, str]

    def __call__(self, folder: Path, *arguments: str) -> Outcome:
        """Run a command in a folder."""
        done = subprocess.run(
            [self.command, *arguments],
            cwd=folder,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=TAKES,
        )
        return Outcome(done.returncode, f"{done.stdout}{done.stderr}")


@contextmanager
def terraform() -> Iterator[Terraform]:
    """Lend Terraform; a missing one skips on a laptop, and fails where CI says so."""
    command = shutil.which("terraform")
    if command is None or _version(command) < LEAST:
        _missing(f"no terraform {'.'.join(map(str, LEAST))} or newer on the PATH")
    try:
        providers = [_provider(name) for name in PROVIDERS]
    except MissingError as error:
        _missing(str(error))
    with tempfile.TemporaryDirectory(prefix="fivewhys-tf-") as name:
        folder = Path(name)
        settings = folder / "terraformrc"
        settings.write_text("disable_checkpoint = true\n", encoding="utf-8")
        with serving(providers, folder) as told:
            kept = {key: text for key, text in os.environ.items() if key[:3] != "TF_"}
            environment = {
                **kept,
                "TF_CLI_CONFIG_FILE": str(settings),
                "TF_CLI_ARGS": "-no-color",
                "TF_IN_AUTOMATION": "1",
                "TF_REATTACH_PROVIDERS": told,
            }
            yield Terraform(str(command), environment)


def _version(command: str) -> tuple[int, ...]:
    said = subprocess.run(
        [command, "version"], check=False, capture_output=True, text=True, timeout=TAKES
    ).stdout
    found = re.match(r"Terraform v(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def _provider(name: str) -> Provider:
    """Return a provider that knows what the module and its examples use."""
    names = tuple(sorted(used(name, MODULE.rglob("*.tf"))))
    return Provider(name, names, read(name, [*names, (PROVIDER, "")]))


def used(provider: str, files: Iterable[Path]) -> set[tuple[str, str]]:
    """Return the kinds and names of what some files use of a provider."""
    texts = (file.read_text(encoding="utf-8") for file in files)
    found = (match.groups() for text in texts for match in _BLOCK.finditer(text))
    return {(kind, name) for kind, name, owner in found if owner == provider}


def _missing(message: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def copy(folder: Path) -> Path:
    """Copy the module with its examples and tests into a folder; return where it is."""
    copied = folder / "terraform"
    shutil.copytree(MODULE, copied, ignore=shutil.ignore_patterns(".terraform*"))
    return copied
