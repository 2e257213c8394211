"""A provider of Terraform that has a true schema and does nothing: validating and mocked plans.

It speaks version 6 of Terraform's plugin protocol over a socket, to whoever is told of it by
`TF_REATTACH_PROVIDERS`; so nothing is installed, and no process is started for each command. The
few messages it needs are written here field by field, by the numbers of the protocol's
description (terraform/docs/plugin-protocol/tfplugin6.proto).
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import grpc
import msgspec

from tests.infra.schema import PROVIDER, folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from tests.infra.schema import Block

Names = tuple[tuple[str, str], ...]
"""Kinds and names: (`resource`, `google_pubsub_topic`)."""

VERSION: Final = 6
THREADS: Final = 4

_SCHEMAS: Final = {"resource": 2, "data": 3, "ephemeral": 8}
_NESTINGS: Final = {"SINGLE": 1, "LIST": 2, "SET": 3, "MAP": 4}
_FLAGS: Final = {"required": 4, "optional": 5, "computed": 6, "write_only": 11}
_UNKNOWN: Final = object()
"""A value that a plan has not yet."""


class Provider:
    """Answers for some resources of a provider, by their schemas."""

    def __init__(self, name: str, names: Names, schemas: Mapping[str, Block]) -> None:
        self.name = name
        self._by_name = {pair: schemas[folder_of(name, *pair)] for pair in names}
        self._own = schemas[PROVIDER]

    def describe(self, _request: bytes) -> bytes:
        """Answer GetProviderSchema."""
        own = {key: one for key, one in self._own["attributes"].items() if key != "alias"}
        parts = [_field(1, _schema({**self._own, "attributes": own}))]
        for (kind, name), block in self._by_name.items():
            parts.append(_field(_SCHEMAS[kind], _field(1, name) + _field(2, _schema(block))))
        return b"".join(parts)

    def validate(self, kind: str) -> Callable[[bytes], bytes]:
        """Return what answers that the values of a block are among those that there are."""

        def answer(request: bytes) -> bytes:
            name, config = _asked(request)
            faults = _faults(self._by_name[kind, name], config, name)
            return b"".join(_field(1, _field(1, 1) + _field(2, one)) for one in faults)

        return answer

    def open(self, request: bytes) -> bytes:
        """Answer OpenEphemeralResource: what only a real one could compute is its own name."""
        name, config = _asked(request)
        for key, one in self._by_name["ephemeral", name]["attributes"].items():
            if one["type"] == "string" and not one.get("optional") and config.get(key) is None:
                config[key] = key
        return _field(3, _field(2, json.dumps(config)))


@contextmanager
def serving(providers: Iterable[Provider], folder: Path) -> Iterator[str]:
    """Serve providers at sockets in a folder; lend what `TF_REATTACH_PROVIDERS` has to say."""
    servers, told = [], {}
    for provider in providers:
        server = grpc.server(ThreadPoolExecutor(THREADS))
        server.add_generic_rpc_handlers((_handler(provider),))
        socket = str(folder / f"{provider.name}.sock")
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        servers.append(server)
        told[f"registry.terraform.io/hashicorp/{provider.name}"] = {
            "Protocol": "grpc",
            "ProtocolVersion": VERSION,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": socket},
        }
    try:
        yield json.dumps(told)
    finally:
        for server in servers:
            server.stop(None).wait()


def _handler(provider: Provider) -> grpc.GenericRpcHandler:
    """Return who answers the calls; what is not said here has an empty answer."""
    calls: dict[str, Callable[[bytes], bytes]] = {
        "ConfigureProvider": _nothing,
        "CloseEphemeralResource": _nothing,
        "GetProviderSchema": provider.describe,
        "OpenEphemeralResource": provider.open,
        "StopProvider": _nothing,
        "ValidateDataResourceConfig": provider.validate("data"),
        "ValidateEphemeralResourceConfig": provider.validate("ephemeral"),
        "ValidateProviderConfig": _nothing,
        "ValidateResourceConfig": provider.validate("resource"),
    }
    methods = {name: _method(call) for name, call in calls.items()}
    return grpc.method_handlers_generic_handler("tfplugin6.Provider", methods)


def _method(call: Callable[[bytes], bytes]) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(lambda request, _context: call(request))


def _nothing(_request: bytes) -> bytes:
    return b""


def _faults(block: Block, config: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with a value, by the values that there are."""
    if isinstance(config, list):
        for one in config:
            yield from _faults(block, one, path)
    if not isinstance(config, dict):
        return
    for name, one in block["attributes"].items():
        said = config.get(name)
        for value in said if isinstance(said, list) else [said]:
            if isinstance(value, str) and value not in one.get("values", [value]):
                yield f"{path}.{name}: {value!r} is none of {', '.join(one['values'])}"
    for name, nested in block["blocks"].items():
        yield from _faults(nested["block"], config.get(name), f"{path}.{name}")


def _schema(block: Block) -> bytes:
    return _field(2, _block(block))


def _block(block: Block) -> bytes:
    parts = []
    for name, one in block["attributes"].items():
        flags = b"".join(_field(number, 1) for flag, number in _FLAGS.items() if one.get(flag))
        parts.append(_field(2, _field(1, name) + _field(2, json.dumps(one["type"])) + flags))
    for name, nested in block["blocks"].items():
        limits = _field(3, _NESTINGS[nested["nesting"]])
        limits += _field(4, nested["min"]) + _field(5, nested["max"])
        parts.append(_field(3, _field(1, name) + _field(2, _block(nested["block"])) + limits))
    return b"".join(parts)


# --- the wire: a key of number and kind, then a number or so many bytes ---------------------------


def _field(number: int, value: bytes | str | int) -> bytes:
    """Return a field of a message."""
    if isinstance(value, int):
        return _number(number << 3) + _number(value)
    data = value.encode() if isinstance(value, str) else value
    return _number(number << 3 | 2) + _number(len(data)) + data


def _number(value: int) -> bytes:
    """Return a number, seven bits a byte, the lowest first."""
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] > 0x7F:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


def _fields(data: bytes) -> dict[int, bytes]:
    """Return the texts and messages in a message."""
    found, at = {}, 0
    while at < len(data):
        key, at = _read_number(data, at)
        length, at = _read_number(data, at)
        if key & 7 == 2:
            found[key >> 3] = data[at : at + length]
            at += length
    return found


def _asked(request: bytes) -> tuple[str, Any]:
    """Return the name of a resource and its configuration."""
    fields = _fields(request)
    packed = _fields(fields.get(2, b"")).get(1, b"\xc0")
    return fields[1].decode(), msgspec.msgpack.decode(packed, ext_hook=_extension)


def _extension(_code: int, _data: memoryview) -> object:
    """Read what Terraform has beside MessagePack's own types: values it does not know yet."""
    return _UNKNOWN
