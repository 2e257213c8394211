"""What the module tells the program, the program takes."""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.core import TyperGroup
from typer.main import get_command

from pipeline.bootstrap.keeping import check_store
from pipeline.bootstrap.vault import read_secret
from pipeline.cli import app
from pipeline.settings import read_settings
from pipeline.sinks.github.credentials import STORED, read_credentials
from tests.infra.hcl import plain
from tests.infra.terraform import MODULE

PLANS = ("minimal", "variants")
_SETTING = re.compile(r'^ +(FIVEWHYS_\w+) += (".*"|output\.log_filter)$', re.MULTILINE)
_BY_HAND = re.compile(r"--args=(\S+)")
_ARGUMENTS = re.compile(r'^ +args += (\["[^]]*\])$', re.MULTILINE)


def planned(name: str) -> dict[str, str]:
    """Return the settings that a test of the module expects to be planned."""
    text = (MODULE / f"tests/{name}.tftest.hcl").read_text(encoding="utf-8")
    said = {key: plain(value) for key, value in _SETTING.findall(text)}
    return {
        key: value.replace("output.log_filter", "severity>=ERROR") for key, value in said.items()
    }


class Client:
    """A Secret Manager that has every version which is asked for by number."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        made = rsa.generate_private_key(65_537, 2_048)
        form = (PrivateFormat.TraditionalOpenSSL, NoEncryption())
        self.key = made.private_bytes(Encoding.PEM, *form)

    def access_secret_version(self, request: dict[str, str], timeout: float) -> Any:
        """Return a key."""
        assert timeout
        self.asked.append(request["name"])
        return SimpleNamespace(payload=SimpleNamespace(data=self.key))


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set what is planned, and nothing else."""
    for name in [name for name in os.environ if name.startswith("FIVEWHYS_")]:
        monkeypatch.delenv(name)
    found = {**planned("variants"), **planned("minimal")}
    for name, text in found.items():
        monkeypatch.setenv(name, text)
    return found


def test_settings_are_taken(settings: dict[str, str]) -> None:
    """All that is planned can be read, and the store is one that there may be."""
    assert len(settings) >= 15
    read = read_settings({})
    assert read.mistakes == ()
    assert (read.settings.sinks, read.settings.http_port) == (("github",), 8080)
    assert read.settings.dry_run is True
    check_store(read.settings.store)


def test_secrets_are_asked_for_by_number(settings: dict[str, str]) -> None:
    """By the names that the module gives them."""
    client = Client()

    def read_text(place: str) -> str:
        return read_secret(place.removeprefix(STORED), client)  # type: ignore[arg-type]

    found = read_credentials(settings, read_text)
    assert (found.repository, found.app is not None) == ("example/platform", True)
    assert client.asked == ["projects/my-project/secrets/fivewhys-github-app-key/versions/1"]
    for name in ("FIVEWHYS_MARKER_KEY_FILE", "FIVEWHYS_MARKER_KEY_FORMER_FILE"):
        assert read_text(settings[name]) == client.key.decode()
    assert all(re.search(r"/versions/\d+$", name) for name in client.asked)


def test_arguments_are_taken() -> None:
    """Of everything that is run, and of what is to be run by hand next."""
    found = _ARGUMENTS.findall((MODULE / "runner.tf").read_text("utf-8"))
    assert [one.split('"')[1] for one in found] == ["run", "replay", "run"]
    told = [*_BY_HAND.findall((MODULE / "outputs.tf").read_text("utf-8"))]
    assert told == ["doctor", "replay,gs://BUCKET/PREFIX,--dry-run"]
    lines = [re.findall(r'"([^"]+)"', one) for one in found] + [one.split(",") for one in told]
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    for name, *words in lines:
        command = commands.commands[name]
        said = [one.replace("${local.runtime_minutes}", "62") for one in words if one != "--help"]
        parsed = command.make_context(name, said).params
        assert parsed.get("max_runtime", "62m") in {"62m", ""}
        assert not parsed.get("source") or parsed["dry_run"]
