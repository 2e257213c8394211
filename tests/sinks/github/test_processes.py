"""Processes that are killed with `kill -9`, and processes that write at once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.stores.sql.store import SqlStore
from tests.sinks.github.flows import FLOWS, begun, calls_of, check
from tests.sinks.github.processes import KILLED, Nursery, nursery
from tests.sinks.github.support import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.tracker.model import Wanted
    from tests.sinks.github.reporting import Desk

HASTE = 10


@pytest.fixture(scope="module")
def first() -> Iterator[Nursery]:
    """Lend where processes come from."""
    with nursery() as one:
        yield one


@pytest.fixture(scope="module")
def second() -> Iterator[Nursery]:
    """Lend where others come from."""
    with nursery() as one:
        yield one


@contextmanager
def kept(flow: str, folder: Path) -> Iterator[tuple[Desk, Wanted, str]]:
    """Lend what stands there before the last report of a flow, with a store in a file."""
    url = f"sqlite:///{folder}/store.db"
    with begun(flow) as (desk, wanted), SqlStore(url) as store:
        for incident, delivery in desk.store.deliveries(HERE).items():
            store.deliver(HERE, incident, delivery)
        yield replace(desk, store=store), wanted, url


@pytest.mark.parametrize("flow", FLOWS)
def test_a_process_is_killed_at_each_request(first: Nursery, tmp_path: Path, flow: str) -> None:
    """Before it has its effect and after: another one goes on, and nothing is done twice."""
    for number, call in enumerate(calls_of(flow), start=1):
        for moment in ("before",) if call.verb == "GET" else ("before", "after"):
            folder = tmp_path / f"{number}-{moment}"
            folder.mkdir()
            with kept(flow, folder) as (desk, wanted, url):
                desk.github.fail(f"* #{number} = kill-{moment}")
                assert first.report(desk, url, wanted) == KILLED
                assert first.report(desk, url, wanted) == 0
                check(desk, flow, wanted)


@pytest.mark.parametrize("flow", FLOWS)
def test_two_processes_write_at_once(
    first: Nursery, second: Nursery, tmp_path: Path, flow: str
) -> None:
    """On one store: one writes, the other finds everything done."""
    with kept(flow, tmp_path) as (desk, wanted, url):
        # Who waits must not take for dead whose time passes more slowly.
        first.begin(desk, url, wanted, haste=HASTE)
        second.begin(desk, url, wanted, haste=HASTE)
        assert (first.end(), second.end()) == (0, 0)
        check(desk, flow, wanted)
        assert len(desk.github.calls("issues/list-for-repo")) >= 2


def test_only_a_process_that_reports_is_ever_killed(tmp_path: Path) -> None:
    """How one ended is not taken for the number of another one, nor is any known after its end."""
    with kept("create", tmp_path) as (desk, wanted, url), nursery() as one:
        one.begin(desk, url, wanted)
        with pytest.raises(AssertionError, match="the nursery says 'dead', not 'born'"):
            one.begin(desk, url, wanted)
        assert one.child == 0
