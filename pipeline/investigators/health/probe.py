"""One read-only GET, kept within bounds: where it may go, how long it may take, what it reads.

It carries no credentials and no cookies, uses no proxy and no setting of the environment, connects
only to the address that was checked, and goes on to another one only on the same host.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from pipeline import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_READ = 64 * 1024
"""Bytes of a body."""

MOST_REDIRECTS = 3
"""Redirects that are followed, on the same host."""

_CHUNK = 8 * 1024
_PORTS = {"http": 80, "https": 443}
_METADATA = frozenset({"metadata", "metadata.google.internal", "metadata.goog"})
_METADATA_ADDRESSES = frozenset({"fd00:ec2::254", "100.100.100.200", "168.63.129.16"})
_HEADERS = {
    "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": f"fivewhys/{__version__} (health probe)",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a probe may take, in seconds: to connect, to wait for more, in all."""

    connect: float = 3.0
    read: float = 5.0
    total: float = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came: the status, the beginning of the body, what that is said to be."""

    status: int
    body: bytes
    content_type: str


class Reason(StrEnum):
    """Why there is no answer that counts."""

    ADDRESS = "address"
    FORBIDDEN = "forbidden"
    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    REDIRECT = "redirect"
    CLOSED = "closed"


class ProbeError(Exception):
    """No answer that counts; `detail` says why in plain text."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def probe(url: str, patience: Patience, ca: str = "") -> Answered:
    """Ask an address once; `ca` is a file with the certificates to trust, "" the usual ones.

    Raises:
        ProbeError: there is no answer, or it leads elsewhere.

    """
    deadline = time.monotonic() + patience.total
    seen = {url}
    while True:
        answer, location = _ask(url, patience, deadline, ca)
        if not location:
            return answer
        url = _next(url, location)
        if url in seen or len(seen) > MOST_REDIRECTS:
            raise ProbeError(Reason.REDIRECT, "it is redirected in a loop, or too often")
        seen.add(url)


def _next(url: str, location: str) -> str:
    """Return where a redirect leads, if that is the same host, not less protected."""
    old, new = _parts(url), _parts(_joined(url, location))
    is_secured = (old.scheme, new.scheme) == ("http", "https")
    is_same = (old.scheme, _port(old)) == (new.scheme, _port(new)) or is_secured
    if old.hostname != new.hostname or not is_same:
        message = f"it is redirected to {new.scheme}://{new.netloc}, which is not asked"
        raise ProbeError(Reason.REDIRECT, message)
    return new.geturl()


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise ProbeError(Reason.REDIRECT, "it is redirected to what is no address") from None


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError as error:
        raise ProbeError(Reason.ADDRESS, f"that is no address: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ProbeError(Reason.ADDRESS, "only http and https addresses are asked")
    if parts.username is not None or parts.password is not None:
        raise ProbeError(Reason.ADDRESS, "an address with a user name is not asked")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS.get(parts.scheme, 0)


def _address(parts: SplitResult) -> str:
    """Return the address of a host; raise ProbeError for one that must not be asked."""
    host = str(parts.hostname)
    if host.rstrip(".") in _METADATA:
        raise ProbeError(Reason.FORBIDDEN, "the metadata server is never asked")
    try:
        found = socket.getaddrinfo(host, _port(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ProbeError(Reason.DNS, f"the name {host} is not known here: {error}") from None
    addresses = [str(one[4][0]) for one in found]
    for address in addresses:
        if not _is_allowed(address):
            raise ProbeError(Reason.FORBIDDEN, f"{host} is {address}, where no service can be")
    return addresses[0]


def _is_allowed(address: str) -> bool:
    """Return whether a service can be there: also inside a network, but not on the link itself."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if mapped is not None:
        return _is_allowed(str(mapped))
    odd = ip.is_link_local or ip.is_multicast or ip.is_unspecified
    return not odd and str(ip) not in _METADATA_ADDRESSES and not _is_reserved(ip)


def _is_reserved(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_reserved and not ip.is_loopback


class _Pinned(HTTPAdapter):
    """Connects to an address, and has it prove that it is the host; "" asks for no proof."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__(max_retries=0)

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002 - as inherited
        **more: Any,
    ) -> None:
        if self._host:
            more |= {"server_hostname": self._host, "assert_hostname": self._host}
        super().init_poolmanager(connections, maxsize, block, **more)


def _ask(url: str, patience: Patience, deadline: float, ca: str) -> tuple[Answered, str]:
    """Return an answer, and where it leads ("" for nowhere)."""
    parts = _parts(url)
    address = _address(parts)
    shown = f"[{address}]" if ":" in address else address
    pinned = parts._replace(netloc=f"{shown}:{_port(parts)}", fragment="").geturl()
    asked = requests.Request("GET", pinned, headers={**_HEADERS, "Host": parts.netloc}).prepare()
    # Not by a session, which looks further into redirects than is asked of it.
    secured = parts.scheme == "https"
    with closing(_Pinned(str(parts.hostname) if secured else "")) as adapter:
        try:
            with adapter.send(
                asked,
                stream=True,
                timeout=(patience.connect, min(patience.read, patience.total)),
                verify=ca or True,
            ) as response:
                location = response.headers.get("Location", "") if response.is_redirect else ""
                body = b"" if location else b"".join(_read(response, deadline))
                kind = response.headers.get("Content-Type", "")
                return Answered(response.status_code, body, kind), location
        except ProbeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an answer provokes, it is none
            raise _failure(error) from None


def _read(response: requests.Response, deadline: float) -> Iterator[bytes]:
    """Yield the beginning of a body as it comes."""
    left = MOST_READ
    while left > 0:
        if time.monotonic() > deadline:
            raise ProbeError(Reason.TIMEOUT, "its answer did not end in time")
        chunk = response.raw.read1(min(left, _CHUNK))
        if not chunk:
            return
        left -= len(chunk)
        yield chunk


def _failure(error: BaseException) -> ProbeError:
    """Return why there is no answer."""
    chain = [*_chain(error)]
    for kinds, reason, detail in _REASONS:
        if any(isinstance(one, kinds) for one in chain):
            told = next((one for one in chain if isinstance(one, ssl.SSLError)), None)
            return ProbeError(reason, detail + (f": {told.reason or told}" if told else ""))
    if any(getattr(one, "errno", 0) in _UNREACHABLE for one in chain):
        return ProbeError(Reason.UNREACHABLE, "no route leads there from here")
    return ProbeError(Reason.CLOSED, "what came was no HTTP answer, or nothing came")


_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}
_REASONS: tuple[tuple[tuple[type[BaseException], ...], Reason, str], ...] = (
    (
        (ssl.SSLError, requests.exceptions.SSLError),
        Reason.TLS,
        "no protected connection came about",
    ),
    ((ConnectionRefusedError,), Reason.REFUSED, "nothing listens there"),
    ((TimeoutError, requests.Timeout), Reason.TIMEOUT, "it did not answer in time"),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies behind it, in whichever way that is kept."""
    pending, seen = [error], set[int]()
    while pending:
        one = pending.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        pending += [item for item in inner if isinstance(item, BaseException)]
