"""Google's own generated servicer of the Logging API.

google-cloud-logging carried it until 1.15.3 and none since. It is read out of that wheel, which is
fetched and not installed, and is given the message types of the version that is installed: those of
the wheel have the same full names, which no process can hold twice. It knows no `TailLogEntries`.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from zipimport import zipimporter

from google.cloud.logging_v2 import types

FETCHED: Final = Path(sys.prefix) / "servicer"
"""Where the Makefile puts the wheel: `make test` fetches it."""

PACKAGE: Final = "google.cloud.logging_v2.proto"
"""Where the servicer was, and where it looks for its message types."""


class _Messages(ModuleType):
    """The module of message types that it was generated beside."""

    def __getattr__(self, name: str) -> Any:
        return getattr(types, name).pb()


def _generated() -> Any:
    wheels = [*FETCHED.glob("*.whl")]
    assert len(wheels) == 1, f"{FETCHED} holds no wheel, or several: `make test` fetches it"
    folder = zipimporter(f"{wheels[0]}/{PACKAGE.replace('.', '/')}")
    spec = folder.find_spec("logging_pb2_grpc")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    beside = ModuleType(PACKAGE)
    vars(beside).update(logging_pb2=_Messages("logging_pb2"))
    # Only while it is imported: there is no such package in what is installed.
    sys.modules[PACKAGE] = beside
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[PACKAGE]
    return module


_MODULE: Final = _generated()
LoggingServiceV2Servicer: Any = _MODULE.LoggingServiceV2Servicer
add_to_server: Any = _MODULE.add_LoggingServiceV2Servicer_to_server
