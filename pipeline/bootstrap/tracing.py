"""Spans: which round of which thread something was said in.

Each round has a trace of its own, whose ids stand in all that is logged meanwhile. Where
OTEL_EXPORTER_OTLP_ENDPOINT is set and OpenTelemetry's exporter is installed, rounds in which there
was something to do are exported with the same ids.
"""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

FLUSHED: Final = 1.0
"""Seconds that are left at the end to send spans."""

current: ContextVar[Span | None] = ContextVar("current", default=None)
"""The span in which this thread is."""


def _id(size: int) -> str:
    return os.urandom(size).hex()


@dataclass(slots=True)
class Span:
    """A span of time in which a thread does one thing; whoever does it says if it was of worth."""

    name: str
    trace: str = field(default_factory=lambda: _id(16))
    span: str = field(default_factory=lambda: _id(8))
    begun: int = field(default_factory=time.time_ns)
    is_of_worth: bool = False


class Exporting(Protocol):
    """Where spans go that are over."""

    def over(self, span: Span) -> None:
        """Take a span that is over."""

    def flush(self) -> None:
        """Send what was taken, if that does not take long."""


class Nowhere:
    """Keeps no span that is over."""

    def over(self, span: Span) -> None:
        """Keep nothing of it."""

    def flush(self) -> None:
        """Nothing was kept."""


class Tracing:
    """Makes spans; `exporting` is told of each that was of worth."""

    def __init__(self, exporting: Exporting | None = None) -> None:
        self._exporting = exporting or Nowhere()

    @contextmanager
    def __call__(self, name: str) -> Iterator[Span]:
        """Begin a span, which ends with the block."""
        span = Span(name)
        token = current.set(span)
        try:
            yield span
        finally:
            if span.is_of_worth:
                self._exporting.over(span)
            current.reset(token)

    def flush(self) -> None:
        """Send what is not sent yet, if that does not take long."""
        self._exporting.flush()


def read_tracing(log: Callable[[str, str], None]) -> Tracing:
    """Return what makes spans, and exports them if the environment asks for it and it can be."""
    if not os.environ.get(ENDPOINT):
        return Tracing()
    if not _is_installed():
        log("WARNING", f"{ENDPOINT}: no spans: install opentelemetry-exporter-otlp-proto-http")
        return Tracing()
    return Tracing(OpenTelemetry(importlib.import_module(EXPORTER).OTLPSpanExporter()))


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec(EXPORTER) is not None
    except ModuleNotFoundError:
        return False


class OpenTelemetry:
    """Exports spans with our ids, in batches and in the background."""

    def __init__(self, exporter: SpanExporter) -> None:
        """Begin to export."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import IdGenerator

        class Ids(IdGenerator):
            """The ids that stand in the log."""

            def generate_span_id(self) -> int:
                span = current.get()
                return int(span.span if span else _id(8), 16)

            def generate_trace_id(self) -> int:
                span = current.get()
                return int(span.trace if span else _id(16), 16)

        service = os.environ.get("OTEL_SERVICE_NAME", "fivewhys")
        self._provider = TracerProvider(
            id_generator=Ids(),
            resource=Resource.create({"service.name": service}),
            shutdown_on_exit=False,  # which waits for longer than we have, if nobody answers
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("fivewhys")

    def over(self, span: Span) -> None:
        """Take a span that is over."""
        from opentelemetry.context import Context

        self._tracer.start_span(span.name, context=Context(), start_time=span.begun).end()

    def flush(self) -> None:
        """Send what was taken, if that does not take long."""
        thread = threading.Thread(target=self._provider.force_flush, daemon=True)
        thread.start()
        thread.join(FLUSHED)
