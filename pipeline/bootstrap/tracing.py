"""Spans: which round of which thread something was said in.

Each round has a trace of its own, whose ids stand in all that is logged meanwhile. Where
OTEL_EXPORTER_OTLP_ENDPOINT is set and OpenTelemetry's exporter is installed, rounds in which there
was something to do are exported with the same ids.
"""

from __future__ import annotations

import importlib.util
import os
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

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


def discard(_: Span) -> None:
    """Keep nothing of a span that is over."""


class Tracing:
    """Makes spans; `over` is told of each that was of worth."""

    def __init__(self, over: Callable[[Span], None] = discard) -> None:
        self._over = over

    @contextmanager
    def __call__(self, name: str) -> Iterator[Span]:
        """Begin a span, which ends with the block."""
        span = Span(name)
        token = current.set(span)
        try:
            yield span
        finally:
            if span.is_of_worth:
                self._over(span)
            current.reset(token)


def read_tracing(log: Callable[[str, str], None]) -> Tracing:
    """Return what makes spans, and exports them if the environment asks for it and it can be."""
    if not os.environ.get(ENDPOINT):
        return Tracing()
    if not _is_installed():
        log("WARNING", f"{ENDPOINT}: no spans: install opentelemetry-exporter-otlp-proto-http")
        return Tracing()
    return Tracing(exporting(importlib.import_module(EXPORTER).OTLPSpanExporter()))


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec(EXPORTER) is not None
    except ModuleNotFoundError:
        return False


def exporting(exporter: SpanExporter) -> Callable[[Span], None]:
    """Return what exports spans that are over, in batches and in the background."""
    from opentelemetry.context import Context
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
    provider = TracerProvider(
        id_generator=Ids(), resource=Resource.create({"service.name": service})
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("fivewhys")

    def over(span: Span) -> None:
        tracer.start_span(span.name, context=Context(), start_time=span.begun).end()

    return over
