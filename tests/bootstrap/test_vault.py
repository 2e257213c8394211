"""Secrets of Secret Manager, as its REST API gives them, and never shown."""

from __future__ import annotations

import base64
import json
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceRestTransport,
)

from pipeline.bootstrap.vault import read_place, read_secret
from pipeline.errors import ConfigurationError
from pipeline.sinks.github.credentials import Secret, read_content, read_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "ghp_0123456789abcdefghij"
NAME = "projects/example/secrets/github"
VERSION = f"{NAME}/versions/3"


@dataclass
class Manager:
    """A Secret Manager: `kept` by version; `status` and `words` are of what it refuses."""

    kept: dict[str, bytes] = field(default_factory=dict)
    status: int = 404
    words: str = "Secret [github] not found or has no versions."
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, path: str) -> tuple[int, object]:
        """Answer `GET /v1/{name}:access`."""
        name = path.partition("?")[0].removeprefix("/v1/").removesuffix(":access")
        self.asked.append(name)
        if name in self.kept:
            data = base64.b64encode(self.kept[name]).decode()
            return 200, {"name": name, "payload": {"data": data}}
        words = {"code": self.status, "message": self.words, "status": "NOT_FOUND"}
        return self.status, {"error": words}

    def read(self, name: str) -> str:
        """Read a secret through Google's own client."""
        transport = SecretManagerServiceRestTransport(
            host=f"127.0.0.1:{self.port}",
            url_scheme="http",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        )
        with SecretManagerServiceClient(transport=transport) as client:
            return read_secret(name, client)


@contextmanager
def managing(manager: Manager) -> Iterator[Manager]:
    """Let a manager listen."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, said = manager.answer(self.path)
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        manager.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield manager
        server.shutdown()
        thread.join()


def test_a_secret_is_read_of_its_version() -> None:
    """Of the latest, unless one is named."""
    kept = {VERSION: b"third", f"{NAME}/versions/latest": b"last"}
    with managing(Manager(kept)) as manager:
        assert (manager.read(VERSION), manager.read(NAME)) == ("third", "last")
        assert manager.asked == [VERSION, f"{NAME}/versions/latest"]


def test_a_token_can_be_kept_there() -> None:
    """And is one only to who asks for it by name."""
    settings = {"FIVEWHYS_GITHUB_REPOSITORY": "example/platform"}
    settings["FIVEWHYS_GITHUB_TOKEN"] = f"sm://{VERSION}"
    with managing(Manager({VERSION: f"{TOKEN}\n".encode()})) as manager:
        found = read_credentials(settings, lambda place: manager.read(place.removeprefix("sm://")))
    assert found.token == Secret(TOKEN)
    assert TOKEN not in repr(found)


@pytest.mark.parametrize("status", [403, 404])
def test_a_secret_that_is_not_given_is_a_mistake_of_the_setting(status: int) -> None:
    """It says which one, and what Secret Manager says."""
    settings = {"FIVEWHYS_GITHUB_REPOSITORY": "example/platform"}
    settings["FIVEWHYS_GITHUB_TOKEN"] = f"sm://{NAME}"
    with (
        managing(Manager(status=status)) as manager,
        pytest.raises(ConfigurationError) as wrong,
    ):
        read_credentials(settings, lambda place: manager.read(place.removeprefix("sm://")))
    assert (
        f"FIVEWHYS_GITHUB_TOKEN: it names sm://{NAME}, which cannot be read: Secret Manager did not"
        in str(wrong.value)
    )
    assert "not found or has no versions" in str(wrong.value)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"\xff\xfe\x00hunter2", "is no text"),
        (b" \n", "is empty"),
        (b"x" * 70_000, "much too long"),
    ],
    ids=["bytes", "blank", "long"],
)
def test_what_a_secret_holds_has_to_be_text(content: bytes, wrong: str) -> None:
    """It says which secret, and nothing of what it holds."""
    with (
        managing(Manager({VERSION: content})) as manager,
        pytest.raises(ConfigurationError) as said,
    ):
        read_content(
            "FIVEWHYS_MARKER_KEY",
            f"sm://{VERSION}",
            lambda place: manager.read(place.removeprefix("sm://")),
        )
    assert wrong in str(said.value)
    assert "hunter2" not in str(said.value)


def test_a_service_that_cannot_be_reached_is_said() -> None:
    """As what it is, in one line."""
    with managing(Manager()) as manager:
        pass
    with pytest.raises(OSError, match="Secret Manager cannot be reached: ConnectionError"):
        manager.read(NAME)


def test_what_is_no_token_is_not_shown() -> None:
    """Neither in the message nor in a traceback with all that was going on."""
    settings = {"FIVEWHYS_GITHUB_REPOSITORY": "example/platform"}
    settings["FIVEWHYS_GITHUB_TOKEN"] = f"sm://{NAME}"
    kept = " ".join(["hunter2"] * 3)
    with pytest.raises(ConfigurationError) as wrong:
        read_credentials(settings, lambda _: kept)
    told = "".join(traceback.format_exception(wrong.value))
    assert "it is no token" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "name",
    ["", "token", "projects/p/secrets/s/versions/", "projects/p/secrets/s/../t", "projects/p"],
)
def test_what_is_no_name_of_a_secret_is_asked_for_nowhere(name: str) -> None:
    """It says how to write one."""
    with pytest.raises(OSError, match=r"sm://projects/PROJECT/secrets/NAME"):
        read_place(f"sm://{name}")


def test_a_place_without_a_scheme_is_a_file(tmp_path: Path) -> None:
    """As text in UTF-8."""
    path = tmp_path / "key"
    path.write_text("käse", encoding="utf-8")
    assert read_place(str(path)) == "käse"
