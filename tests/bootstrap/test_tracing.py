"""Spans of rounds: what is exported has the ids that stand in the log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pipeline.bootstrap.tracing import (
    ENDPOINT,
    FLUSHED,
    OpenTelemetry,
    Span,
    Tracing,
    current,
    read_tracing,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExportResult


class Kept:
    """Keeps the spans that are over."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def over(self, span: Span) -> None:
        """Keep it."""
        self.spans.append(span)

    def flush(self) -> None:
        """Nothing waits."""


def test_a_span_holds_within_its_block() -> None:
    """Each has a trace of its own; only those of worth are told."""
    kept = Kept()
    tracing = Tracing(kept)
    with tracing("receive") as idle:
        assert current.get() is idle
    with tracing("receive") as busy:
        busy.is_of_worth = True
    assert current.get() is None
    assert kept.spans == [busy]
    assert idle.trace != busy.trace


def test_an_error_ends_a_span_too() -> None:
    """And goes on."""
    with pytest.raises(KeyError), Tracing()("receive"):
        raise KeyError
    assert current.get() is None


def test_exported_spans_have_our_ids() -> None:
    """And began when the round did."""
    exporter = InMemorySpanExporter()
    tracing = Tracing(OpenTelemetry(exporter))
    with tracing("correlate") as span:
        span.is_of_worth = True
    tracing.flush()
    (found,) = exporter.get_finished_spans()
    assert found.name == "correlate"
    assert found.context is not None
    assert f"{found.context.trace_id:032x}" == span.trace
    assert f"{found.context.span_id:016x}" == span.span
    assert found.start_time == span.begun


def test_a_collector_that_does_not_answer_holds_no_end_up() -> None:
    """What it did not take is lost."""
    hanging = threading.Event()

    class Hanging(InMemorySpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            hanging.wait()
            return super().export(spans)

    tracing = Tracing(OpenTelemetry(Hanging()))
    with tracing("correlate") as span:
        span.is_of_worth = True
    begun = time.monotonic()
    tracing.flush()
    hanging.set()
    assert time.monotonic() - begun < FLUSHED + 2


def test_without_an_exporter_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only if somebody asked for spans."""
    said: list[str] = []
    monkeypatch.delenv(ENDPOINT, raising=False)
    read_tracing(lambda *words: said.append(" ".join(words)))
    assert said == []
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    read_tracing(lambda *words: said.append(" ".join(words)))
    assert said == [f"WARNING {ENDPOINT}: no spans: install opentelemetry-exporter-otlp-proto-http"]
