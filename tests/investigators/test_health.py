"""Health probes against a real server on this machine, and against what must never be asked."""

from __future__ import annotations

import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.catalog import Catalog, load_catalog
from pipeline.entry import parse_timestamp
from pipeline.investigators.health import Health, Patience
from pipeline.redaction import Redactor
from tests.investigators.support import case, incident

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.facts import Fact

NOW = parse_timestamp("2025-09-11T08:00:00Z")
QUICK = Patience(connect=0.5, read=0.5, total=1.5)


class _Server(ThreadingHTTPServer):
    """A server that remembers what it was asked, and waits for nobody at its end."""

    daemon_threads = True
    block_on_close = False
    asked: list[dict[str, str]]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away in the middle is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    """Answers by what is asked for."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer, in one way or another."""
        self.server.asked.append({"path": self.path, **self.headers})
        name = self.path.strip("/").partition("?")[0]
        getattr(self, f"_{name}", self._other)()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _say(self, status: int, body: bytes, kind: str = "application/json", **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _other(self) -> None:
        status = int(self.path.strip("/"))
        self._say(status, b'{"password": "hunter2hunter2"}')

    def _well(self) -> None:
        self._say(200, b'{"status": "healthy"}')

    def _ill(self) -> None:
        self._say(200, b'{"status": "Unhealthy", "db": "down"}')

    def _page(self) -> None:
        self._say(500, b"<html><script>alert(1)</script></html>", "text/html")

    def _hanging(self) -> None:
        time.sleep(3)

    def _dribble(self) -> None:
        for _ in range(40):
            self.wfile.write(b"H")
            time.sleep(0.1)

    def _stopping(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"some")
        time.sleep(3)

    def _slow_body(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(40):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"ok \x00\n" * 10_000)

    def _away(self) -> None:
        self._say(302, b"", Location="http://example.com/")

    def _to_metadata(self) -> None:
        self._say(302, b"", Location="http://169.254.169.254/computeMetadata/v1/")

    def _to_garbage(self) -> None:
        self._say(302, b"", Location="http://[/")

    def _loop(self) -> None:
        self._say(302, b"", Location="/loop")

    def _far(self) -> None:
        self._say(302, b"", Location=f"{self.path}?")

    def _near(self) -> None:
        self._say(302, b"", Location="/well")

    def _garbage(self) -> None:
        self.wfile.write(b"\x00\xff what?\r\n\r\n")
        self.close_connection = True

    def _closed(self) -> None:
        self.close_connection = True


@contextmanager
def served(tls: ssl.SSLContext | None = None) -> Iterator[_Server]:
    """Serve on a port of this machine for a while."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.asked = []
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(name="server")
def _server() -> Iterator[_Server]:
    with served() as server:
        yield server


def url_of(server: _Server, path: str, scheme: str = "http") -> str:
    """Return an address of the server."""
    return f"{scheme}://127.0.0.1:{server.server_port}/{path}"


def catalog_of(*addresses: str) -> Catalog:
    """Return a catalog: the first address is backend's, the others of what it depends on."""
    names = ["backend", *(f"other{number}" for number in range(1, len(addresses)))]
    lines = [f'  {name}: {{health: "{url}"' for name, url in zip(names, addresses, strict=True)]
    lines[0] += f", depends_on: [{', '.join(names[1:])}]"
    return load_catalog("services:\n" + "\n".join(f"{line}}}" for line in lines), "catalog.yml")


def probed(*addresses: str, ca: str = "") -> list[Fact]:
    """Return what the probes of an incident of backend's come to."""
    asked = case(incident())
    health = Health(catalog_of(*addresses), lambda: NOW, Redactor().text, QUICK, ca)
    return [*health.investigate([asked])[asked.incident.id]]


def test_a_service_that_answers_well_is_healthy(server: _Server) -> None:
    """The fact says what came, how long it took, and that it speaks of now."""
    (fact,) = probed(url_of(server, "well"))
    assert fact.kind == "service_healthy"
    assert fact.text.startswith("the backend service answered 200 in ")
    assert "at 2025-09-11T08:00:00Z (now, not when the incident was)" in fact.text
    assert fact.text.endswith('saying {"status": "healthy"}')
    assert fact.ref == "catalog.yml:2"
    assert fact.data["service"] == "backend"
    assert (fact.data["own"], fact.data["owner"], fact.data["dependency"]) == (True, False, False)
    assert fact.data["at"] == "2025-09-11T08:00:00Z"
    assert not fact.suggested


def test_a_probe_carries_nothing_but_itself(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No credentials, no cookies; a proxy of the environment is not used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    (fact,) = probed(url_of(server, "well"))
    assert fact.kind == "service_healthy"
    (asked,) = server.asked
    assert asked.keys() == {
        "path",
        "Accept",
        "Accept-Encoding",
        "Connection",
        "Host",
        "User-Agent",
    }


@pytest.mark.parametrize(
    ("path", "kind", "reason", "status"),
    [
        ("500", "service_unhealthy", "status", 500),
        ("503", "service_unhealthy", "status", 503),
        ("ill", "service_unhealthy", "says", 200),
        ("endless", "service_healthy", "", 200),
        ("near", "service_healthy", "", 200),
        ("204", "service_healthy", "", 204),
        ("403", "probe_failed", "denied", 403),
        ("401", "probe_failed", "denied", 401),
        ("404", "probe_failed", "no_path", 404),
        ("429", "probe_failed", "limited", 429),
        ("418", "probe_failed", "status", 418),
        ("304", "probe_failed", "status", 304),
        ("hanging", "probe_failed", "timeout", 0),
        ("dribble", "probe_failed", "timeout", 0),
        ("stopping", "probe_failed", "timeout", 0),
        ("slow_body", "probe_failed", "timeout", 0),
        ("away", "probe_failed", "redirect", 0),
        ("to_metadata", "probe_failed", "redirect", 0),
        ("to_garbage", "probe_failed", "redirect", 0),
        ("loop", "probe_failed", "redirect", 0),
        ("far", "probe_failed", "redirect", 0),
        ("garbage", "probe_failed", "closed", 0),
        ("closed", "probe_failed", "closed", 0),
    ],
)
def test_what_an_answer_tells(
    server: _Server, path: str, kind: str, reason: str, status: int
) -> None:
    """Only an answer that speaks of health makes a service well or ill."""
    began = time.monotonic()
    (fact,) = probed(url_of(server, path))
    assert (fact.kind, fact.data["reason"], fact.data["status"]) == (kind, reason, status)
    assert len(fact.text) < 1_000
    assert time.monotonic() - began < 5


def test_a_body_is_quoted_without_secrets_and_never_as_a_page(server: _Server) -> None:
    """What a service says is redacted and cut; HTML is left out."""
    (secret,) = probed(url_of(server, "500"))
    (page,) = probed(url_of(server, "page"))
    (endless,) = probed(url_of(server, "endless"))
    assert "hunter2" not in secret.text
    assert "saying" in secret.text
    assert "saying" not in page.text
    assert len(endless.data["body"]) == 300
    assert endless.data["body"].isprintable()


def test_nothing_listens(server: _Server) -> None:
    """A port without a server is refused, not unhealthy."""
    address = url_of(server, "well")
    server.shutdown()
    server.server_close()
    (fact,) = probed(address)
    assert (fact.kind, fact.data["reason"]) == ("probe_failed", "refused")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://169.254.169.254/computeMetadata/v1/", "forbidden"),
        ("http://metadata.google.internal/computeMetadata/v1/", "forbidden"),
        ("http://METADATA.google.internal./", "forbidden"),
        ("http://[fe80::1]/", "forbidden"),
        ("http://[::ffff:169.254.169.254]/", "forbidden"),
        ("http://[fd00:ec2::254]/", "forbidden"),
        ("http://2852039166/", "forbidden"),
        ("http://0.0.0.0/", "forbidden"),
        ("http://224.0.0.1/", "forbidden"),
        ("http://255.255.255.255/", "forbidden"),
        ("file:///etc/passwd", "address"),
        ("gopher://127.0.0.1/", "address"),
        ("http://", "address"),
        ("http://user:password@127.0.0.1/", "address"),
        ("http://127.0.0.1:99999/", "address"),
        ("http://no-such-name.invalid/", "dns"),
        ("http://" + "a" * 70 + ".example/", "dns"),
    ],
)
def test_what_is_never_asked(address: str, reason: str) -> None:
    """The metadata server, other schemes, credentials: nothing is sent at all."""
    (fact,) = probed(address)
    assert (fact.kind, fact.data["reason"]) == ("probe_failed", reason)
    assert "password" not in fact.text


def _certificate(folder: Path, name: str) -> ssl.SSLContext:
    """Make a certificate for an address, signed by itself; the file is `name.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), False)  # noqa: FBT003
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)  # noqa: FBT003
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / f"{name}.pem").write_bytes(pem)
    (folder / f"{name}.key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def test_a_certificate_is_verified(tmp_path: Path) -> None:
    """One that is trusted and is the host's is taken; an unknown one and another's are not."""
    own, other = _certificate(tmp_path, "127.0.0.1"), _certificate(tmp_path, "192.0.2.1")
    for context, ca, kind in (
        (own, "127.0.0.1.pem", "service_healthy"),
        (own, "", "probe_failed"),
        (other, "192.0.2.1.pem", "probe_failed"),
    ):
        with served(context) as server:
            (fact,) = probed(url_of(server, "well", "https"), ca=ca and str(tmp_path / ca))
        assert fact.kind == kind
        assert fact.data["reason"] == ("tls" if kind == "probe_failed" else "")


def test_a_server_without_tls_is_not_unhealthy(server: _Server) -> None:
    """Whoever speaks no TLS where https was asked for gives no answer that counts."""
    (fact,) = probed(url_of(server, "well", "https"))
    assert (fact.kind, fact.data["reason"]) == ("probe_failed", "tls")
    assert fact.url.startswith("https://")


def test_each_address_is_asked_once(server: _Server) -> None:
    """Of several services and incidents with one address it is asked once, at once with others."""
    addresses = [url_of(server, "well"), url_of(server, "well"), url_of(server, "503")]
    health = Health(catalog_of(*addresses), lambda: NOW, Redactor().text, QUICK)
    cases = [case(incident("one")), case(incident("two"))]
    found = health.investigate(cases)
    assert len(server.asked) == 2
    for one in cases:
        kinds = [fact.kind for fact in found[one.incident.id]]
        assert kinds == ["service_healthy", "service_healthy", "service_unhealthy"]
        assert found[one.incident.id][1].data["dependency"]


def test_those_that_hang_hold_up_nobody(server: _Server) -> None:
    """Many that hang take the time of few; beyond a number none is asked."""
    addresses = [url_of(server, f"hanging?{number}") for number in range(16)]
    began = time.monotonic()
    assert {fact.data["reason"] for fact in probed(*addresses)} == {"timeout"}
    assert time.monotonic() - began < 8
    many = [f"http://[fe80::1]/{number}" for number in range(41)]
    reasons = [fact.data["reason"] for fact in probed(*many)]
    assert reasons == ["forbidden"] * 40 + ["left_out"]


def test_the_owner_of_a_table_is_asked(server: _Server) -> None:
    """A table in question leads to its owner; a service that has nothing to do with it is left."""
    text = (
        "services:\n  backend: {}\n"
        f'  auth: {{health: "{url_of(server, "well")}", tables: {{own: [users]}}}}\n'
        f'  search: {{health: "{url_of(server, "503")}"}}\n'
    )
    asked = case(incident(tables=["users"]))
    health = Health(load_catalog(text, "catalog.yml"), lambda: NOW, Redactor().text, QUICK)
    (fact,) = health.investigate([asked])[asked.incident.id]
    assert (fact.kind, fact.data["service"], fact.data["owner"]) == (
        "service_healthy",
        "auth",
        True,
    )
