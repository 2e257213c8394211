"""Servers and proxies that do not behave: each request ends, and in a few words of ours."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from github import Auth

from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import Credentials, Secret
from pipeline.sinks.github.failures import Denied
from pipeline.sinks.github.wire import REDIRECTED_TO, Answer, Lost, Patience, Veil, Wire
from tests.sinks.github.support import HERE, Time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AUTH = Auth.Token("ghp_hunter2hunter2")
SHORT = Patience(connect=5.0, read=5.0, total=0.5, most=1_000)


@contextmanager
def served(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve connections; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        behave(connection)
                    except OSError:
                        continue  # it hung up, as it should

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def saying(head: bytes, body: bytes) -> Callable[[socket.socket], None]:
    """Answer every request alike."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 " + head + b"\r\nConnection: close\r\n\r\n" + body)

    return behave


def asked(behave: Callable[[socket.socket], None], scheme: str = "http") -> Answer | Lost:
    """Send one request to a server."""
    with served(behave) as address:
        wire = Wire(f"{scheme}://{address}", SHORT, Veil())
        found = wire.exchange(AUTH, "GET", "/user")
        wire.close()
    return found


def test_an_answer_is_read_as_it_is() -> None:
    """Status, headers in lower case, text."""
    found = asked(saying(b"200 OK\r\nX-One: two\r\nContent-Length: 2", b"{}"))
    assert isinstance(found, Answer)
    assert (found.status, found.headers["x-one"], found.text) == (200, "two", "{}")
    assert "{}" not in repr(found)


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        (b"200 OK\r\nContent-Length: 10", b"{}", "broke off"),
        (b"200 OK\r\nTransfer-Encoding: chunked", b"5\r\n{", "broke off"),
        (b"200 OK\r\nContent-Length: 2", b"\xff\xfe", "broke off (UnicodeDecodeError)"),
        (b"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4", b"nope", "broke off"),
        (b"200 OK", b"x" * 5_000, "has no end"),
        (b"202 Accepted\r\nContent-Length: 0", b"", "not ready"),
        (b"nonsense", b"", "broke off"),
        (b"200 OK\r\nX-RateLimit-Reset: soon\r\nContent-Length: 2", b"{}", "broke off"),
    ],
)
def test_what_is_no_answer_is_lost(head: bytes, body: bytes, words: str) -> None:
    """The request may have arrived."""
    found = asked(saying(head, body))
    assert isinstance(found, Lost)
    assert found.sent
    assert words in found.words


def test_an_answer_that_drips_is_cut_off() -> None:
    """Each piece is in time, the whole is not."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1_000):
            connection.sendall(b" ")
            time.sleep(0.05)

    began = time.monotonic()
    assert asked(drip) == Lost("its answer did not end in time")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
def test_nothing_is_followed(status: bytes) -> None:
    """Where it leads is said instead, under another name."""
    found = asked(saying(status + b"\r\nLocation: http://127.0.0.1/x\r\nContent-Length: 0", b""))
    assert isinstance(found, Answer)
    assert found.headers[REDIRECTED_TO] == "http://127.0.0.1/x"


def test_a_repository_that_leads_in_circles_is_denied(passing: Time) -> None:
    """After a few turns."""
    turns: list[bytes] = []

    def turn(connection: socket.socket) -> None:
        asked = connection.recv(65_536)
        turns.append(asked.partition(b" HTTP")[0])
        host = asked.partition(b"Host: ")[2].partition(b"\r\n")[0]
        location = b"\r\nLocation: http://" + host + b"/repositories/1"
        head = b"HTTP/1.1 301 Moved" + location + b"\r\nContent-Length: 0\r\n"
        connection.sendall(head + b"Connection: close\r\n\r\n")

    with served(turn) as address:
        who = Credentials(HERE, f"http://{address}", Secret("ghp_hunter2hunter2"))
        with Client(who, passing.world) as client, pytest.raises(Denied, match="it has moved"):
            client.repository()
    assert turns == [b"GET /repos/example/platform", *[b"GET /repositories/1"] * 2]


def test_a_certificate_that_is_not_trusted_ends_it(tmp_path: Path, keys: tuple[str, str]) -> None:
    """Before anything is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "key.pem").write_text(keys[0])
    (tmp_path / "cert.pem").write_bytes(certificate(keys[0]))
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    def behave(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True)

    found = asked(behave, "https")
    assert found == Lost("its certificate is not one that we trust", sent=False)


def certificate(key: str) -> bytes:
    """Make a certificate that nobody vouches for."""
    private = load_pem_private_key(key.encode(), None)
    assert isinstance(private, RSAPrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    began = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + dt.timedelta(days=36_500))
        .sign(private, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def test_a_veil_hides_the_longest_secret_first() -> None:
    """One that holds another leaves nothing of either."""
    veil = Veil()
    veil.add("secret")
    veil.add("secret-token")
    assert veil.over("a secret-token and a secret") == "a [REDACTED] and a [REDACTED]"
    assert "secret-token" not in repr(veil)
    for number in range(100):
        veil.add(f"another-{number}")
    veil.add("another-99")
    assert veil.over("another-99 secret") == "[REDACTED] secret"
