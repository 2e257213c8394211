"""Settings of GitHub: what is read, and every mistake at once, without a secret in it."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict

import pytest

from pipeline.errors import ConfigurationError
from pipeline.redaction import Redactor
from pipeline.sinks.github.credentials import PUBLIC_API, App, Credentials, Secret, read_credentials

TOKEN = "ghp_0123456789abcdefghij"
HERE = {"FIVEWHYS_GITHUB_REPOSITORY": "example/platform"}
APP = {
    "FIVEWHYS_GITHUB_APP_ID": "12",
    "FIVEWHYS_GITHUB_APP_KEY_FILE": "key.pem",
    "FIVEWHYS_GITHUB_INSTALLATION_ID": "34",
}


def no_file(path: str) -> str:
    """Find no file at all."""
    raise FileNotFoundError(2, "No such file or directory", path)


def read(settings: dict[str, str], **files: str) -> Credentials:
    """Read settings beside the repository's, and files by name."""

    def content(path: str) -> str:
        return files[path] if path in files else no_file(path)

    return read_credentials({**HERE, **settings}, content)


def mistakes(settings: dict[str, str], **files: str) -> list[str]:
    """Return what is wrong, each as a user reads it."""
    with pytest.raises(ConfigurationError) as wrong:
        read(settings, **files)
    return [str(mistake).removeprefix("FIVEWHYS_GITHUB_") for mistake in wrong.value.mistakes]


def test_a_token_is_enough() -> None:
    """Blanks around it are not part of it; the public API is the default."""
    found = read({"FIVEWHYS_GITHUB_TOKEN": f" {TOKEN}\n"})
    assert (found.repository, found.url, found.app) == ("example/platform", PUBLIC_API, None)
    assert found.token
    assert found.token.reveal() == TOKEN


def test_a_token_can_stand_in_a_file() -> None:
    """As platforms mount secrets."""
    found = read({"FIVEWHYS_GITHUB_TOKEN_FILE": "token"}, token=f"{TOKEN}\n")
    assert found.token == Secret(TOKEN)


def test_an_app_has_three_settings(keys: tuple[str, str]) -> None:
    """Its key stands in a file."""
    found = read(APP, **{"key.pem": keys[0]})
    assert (found.token, found.app) == (None, App("12", Secret(keys[0].strip()), 34))
    assert read({**APP, "FIVEWHYS_GITHUB_APP_ID": "Iv23.abc"}, **{"key.pem": keys[0]}).app


@pytest.mark.parametrize(
    "url",
    [
        "https://github.example.com/api/v3",
        "https://github.example.com:8443/api/v3",
        "https://api.company.ghe.com",
        "http://127.0.0.1:8080",
        "http://localhost:8080/api/v3",
    ],
)
def test_an_enterprise_server_has_its_own_address(url: str) -> None:
    """A slash at the end makes no difference; without TLS it is the machine itself."""
    settings = {"FIVEWHYS_GITHUB_TOKEN": TOKEN, "FIVEWHYS_GITHUB_URL": f"{url}/"}
    assert read(settings).url == url


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("github.example.com", "it must be the address of an API"),
        ("ftp://github.example.com", "it must be the address of an API"),
        ("https://", "it must be the address of an API"),
        ("https://host:port/api/v3", "it is no address"),
        ("https://host:0/api/v3", "it must be the address of an API"),
        ("https://[/api/v3", "it is no address"),
        ("http://github.example.com/api/v3", "it must begin with https://"),
        ("https://user:hunter2hunter2@github.example.com/api/v3", "it must hold no user"),
        ("https://github.example.com/api/v3?access=x", "it must hold no user"),
        ("https://github.com", "the API of github.com is https://api.github.com"),
        ("https://github.example.com", "GitHub Enterprise Server is https://HOST/api/v3"),
    ],
)
def test_an_address_that_will_not_do_is_told(url: str, wrong: str) -> None:
    """With what to say instead, and without what may be a password in it."""
    (found,) = mistakes({"FIVEWHYS_GITHUB_TOKEN": TOKEN, "FIVEWHYS_GITHUB_URL": url})
    assert found.startswith("URL: ")
    assert wrong in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({}, "TOKEN: it is not set; set it, FIVEWHYS_GITHUB_TOKEN_FILE, or"),
        ({"TOKEN": "short"}, "TOKEN: it is no token"),
        ({"TOKEN": "two words in it"}, "TOKEN: it is no token"),
        ({"TOKEN": "tökentökentöken"}, "TOKEN: it is no token"),
        ({"TOKEN": "-----BEGIN RSA PRIVATE KEY-----"}, "TOKEN: it is a private key"),
        ({"TOKEN": "projects/p/secrets/s/versions/1"}, "TOKEN: it is the name of a secret of Sec"),
        (
            {"TOKEN_FILE": "nothing"},
            "TOKEN_FILE: it names nothing, which cannot be read: No such file",
        ),
        ({"TOKEN": "sm://x"}, "TOKEN: it names sm://x, which cannot be read: No such file"),
        ({"TOKEN_FILE": "empty"}, "TOKEN_FILE: it names empty, which is empty"),
        ({"TOKEN_FILE": "long"}, "TOKEN_FILE: it names long, which is much too long"),
        ({"TOKEN_FILE": "binary"}, "TOKEN_FILE: it names binary, which is no text"),
        ({"TOKEN": TOKEN, "TOKEN_FILE": "token"}, "TOKEN_FILE: it is set beside FIVEWHYS_GITHUB_T"),
        ({"TOKEN": TOKEN, "REPOSITORY": ""}, "REPOSITORY: it is not set; set it to OWNER/NAME"),
        ({"TOKEN": TOKEN, "REPOSITORY": "platform"}, "REPOSITORY: it must be OWNER/NAME"),
        ({"TOKEN": TOKEN, "REPOSITORY": "example/.."}, "REPOSITORY: it must be OWNER/NAME"),
        (
            {"TOKEN": TOKEN, "REPOSITORY": "https://github.com/example/platform"},
            "REPOSITORY: it must be OWNER/NAME, without address",
        ),
    ],
)
def test_what_is_wrong_is_told_by_the_name_of_the_variable(
    settings: dict[str, str], wrong: str
) -> None:
    """One mistake, which shows no token."""

    def content(path: str) -> str:
        files = {"empty": " \n", "long": "x" * 100_000, "token": TOKEN}
        if path == "binary":
            return b"\xff\xfe".decode()
        return files[path] if path in files else no_file(path)

    given = {f"FIVEWHYS_GITHUB_{name}": text for name, text in settings.items()}
    with pytest.raises(ConfigurationError) as found:
        read_credentials({**HERE, **given}, content)
    (mistake,) = found.value.mistakes
    assert str(mistake).startswith(f"FIVEWHYS_GITHUB_{wrong}")
    assert TOKEN not in str(found.value)
    assert Redactor().text(str(mistake)) == str(mistake)  # the log takes nothing out of it


def test_all_mistakes_are_told_at_once() -> None:
    """In order of their names."""
    settings = {
        "FIVEWHYS_GITHUB_REPOSITORY": "platform",
        "FIVEWHYS_GITHUB_URL": "https://github.com",
        "FIVEWHYS_GITHUB_APP_ID": "#12",
        "FIVEWHYS_GITHUB_INSTALLATION_ID": "thirty-four",
        "FIVEWHYS_GITHUB_APP_KEY_FILE": "nothing",
    }
    assert [line.partition(":")[0] for line in mistakes(settings)] == [
        "APP_ID",
        "APP_KEY_FILE",
        "INSTALLATION_ID",
        "REPOSITORY",
        "URL",
    ]


@pytest.mark.parametrize("missing", sorted(APP))
def test_an_app_needs_all_three(missing: str, keys: tuple[str, str]) -> None:
    """The one that lacks is named, with those that are there."""
    settings = {name: text for name, text in APP.items() if name != missing}
    (found,) = mistakes(settings, **{"key.pem": keys[0]})
    assert found.startswith(f"{missing.removeprefix('FIVEWHYS_GITHUB_')}: it is not set, but ")


@pytest.mark.parametrize("content", ["no key", "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n"])
def test_a_key_that_cannot_sign_is_told_at_the_start(content: str) -> None:
    """And not shown."""
    (found,) = mistakes(APP, **{"key.pem": content})
    assert found.startswith("APP_KEY_FILE: the file is no private key of an App")
    assert "hunter2" not in found


def test_a_secret_does_not_show_itself(keys: tuple[str, str]) -> None:
    """Neither printed, formatted, nor as part of what holds it; it cannot be copied away."""
    found = read(APP, **{"key.pem": keys[0]})
    secret = Secret(TOKEN)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {found} {Credentials('a/b', token=secret)}"
    assert TOKEN not in shown
    assert "PRIVATE" not in shown
    assert secret == Secret(TOKEN) != Secret(f"{TOKEN}x")
    assert len({secret, Secret(TOKEN)}) == 1
    with pytest.raises(TypeError, match="not written anywhere"):
        asdict(found)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not written anywhere"):
            take(secret)
