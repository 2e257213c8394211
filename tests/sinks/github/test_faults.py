"""Every fault of the fake at a write, at a read, and what it comes to."""

from __future__ import annotations

import socket
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.audit import SECOND
from pipeline.lifecycle import MINUTE
from pipeline.sinks.github.credentials import Credentials, Secret
from pipeline.sinks.github.failures import (
    CallError,
    Denied,
    Later,
    NeverReached,
    NotThere,
    Refused,
    UnknownEffect,
)
from pipeline.sinks.github.pacing import Breaker, Budget
from tests.fakes.github import FAULTS, TOKEN
from tests.sinks.github.support import HERE, PATIENT, Hasty, Time, client_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pipeline.sinks.github.client import Client
    from pipeline.tracker.model import Fields
    from tests.fakes.github import FakeGithub

OURS: Fields = {"title": "It fails", "labels": ("fivewhys",)}

LOST = ("timeout", "reset", "truncated", "500", "502", "503")
LIMITS = {"403-primary", "403-secondary", "429", "429-primary"}
HARMLESS = {"slow", "stale"}
OUR_END = {"kill-before", "kill-after"}
REFUSED = {"401": Denied, "403-forbidden": Denied, "422": Refused}


def expected(fault: str, *, write: bool, of_an_issue: bool) -> type[CallError] | None:
    """Return what a fault comes to."""
    if fault in HARMLESS:
        return None
    if fault in LIMITS:
        return Later
    if fault in {"404", "410"}:
        return NotThere if of_an_issue else Denied
    if fault.startswith(LOST):
        return UnknownEffect if write else NeverReached
    return REFUSED[fault]


STRUCK = sorted(FAULTS.keys() - OUR_END)
SHORT = {"slow": "slow:0.1"}


def striking(
    github: FakeGithub, passing: Time, fault: str, *numbers: int
) -> AbstractContextManager[Client]:
    """Make a client that waits long only where something comes: not for requests so numbered."""
    patience: Any = Hasty(github, *numbers) if fault.startswith("timeout") else PATIENT
    return client_of(github, passing, patience=patience)


@pytest.mark.parametrize("fault", STRUCK)
def test_a_fault_of_creating(github: FakeGithub, passing: Time, fault: str) -> None:
    """One request whatever happens: only a listing can tell what became of it."""
    github.fail(f"issues/create #1 = {SHORT.get(fault, fault)}")
    kind = expected(fault, write=True, of_an_issue=False)
    with striking(github, passing, fault, 2) as client:
        assert failure_of(client, "create") is kind
        assert len(github.calls("issues/create")) == 1
        happened = FAULTS[fault].after
        assert len(client.issues("fivewhys")) == happened


@pytest.mark.parametrize("fault", STRUCK)
def test_a_fault_of_editing(github: FakeGithub, passing: Time, fault: str) -> None:
    """Likewise; 404 and 410 speak of the issue."""
    kind = expected(fault, write=True, of_an_issue=True)
    with striking(github, passing, fault, 3) as client:
        client.create(OURS)
        github.fail(f"issues/update = {SHORT.get(fault, fault)}")
        assert failure_of(client, "edit") is kind
        assert len(github.calls("issues/update")) == 1


@pytest.mark.parametrize("fault", STRUCK)
def test_a_fault_of_listing(github: FakeGithub, passing: Time, fault: str) -> None:
    """A read is tried again where GitHub was not reached, and nowhere else."""
    kind = expected(fault, write=False, of_an_issue=False)
    with striking(github, passing, fault, 2, 3, 4) as client:
        github.fail(f"issues/list-for-repo = {SHORT.get(fault, fault)}")
        assert failure_of(client, "issues") is kind
        wanted = 3 if kind is NeverReached else 1
        until = time.monotonic() + 5  # the last one may be given up before the fake has seen it
        while len(github.calls("issues/list-for-repo")) < wanted and time.monotonic() < until:
            time.sleep(0.01)
        assert len(github.calls("issues/list-for-repo")) == wanted


@pytest.mark.parametrize("fault", ["reset-before", "502", "truncated"])
def test_a_read_succeeds_after_a_fault(
    client: Client, github: FakeGithub, passing: Time, fault: str
) -> None:
    """After a second, then after three."""
    github.fail(f"GET * #2-3 = {fault}")
    assert client.issues("fivewhys") == ()
    assert passing.waits == [1.0, 3.0]


def failure_of(client: Client, what: str) -> type[CallError] | None:
    """Do something and return what kind of failure it comes to."""
    deeds: dict[str, Callable[[], object]] = {
        "create": lambda: client.create(OURS),
        "edit": lambda: client.edit(1, {"title": "It still fails"}),
        "issues": lambda: client.issues("fivewhys"),
    }
    try:
        deeds[what]()
    except CallError as failure:
        caught = failure
    else:
        return None
    assert caught.recoverable is isinstance(caught, NeverReached | Later | UnknownEffect)
    return type(caught)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ("403-primary:300", 301),
        ("429-primary:300", 301),
        ("403-secondary:120", 120),
        ("429:120", 120),
        ("403-secondary", 60),
        ("429", 60),
    ],
)
def test_a_limit_says_until_when(
    client: Client, github: FakeGithub, passing: Time, fault: str, seconds: int
) -> None:
    """Retry-After, the reset with a second more, or a minute; nothing is sent before."""
    client.repository()
    github.fail(f"issues/create #1 = {fault}")
    with pytest.raises(Later, match="rate limit") as limited:
        client.create(OURS)
    wait = limited.value.not_before - passing.now()
    assert abs(wait - seconds * SECOND) <= SECOND
    if seconds > 90:
        with pytest.raises(Later, match="nothing was sent yet: GitHub's limit"):
            client.create(OURS)
        passing.sleep(wait / SECOND)
    assert client.create(OURS).number == 1
    assert len(github.calls("issues/create")) == 2


def test_a_limit_without_a_time_doubles(client: Client, github: FakeGithub, passing: Time) -> None:
    """One minute, two, four; from the first again after a success."""
    github.fail("issues/create #1-3,5 = 429")
    waits = []
    for _ in range(5):
        try:
            client.create(OURS)
        except Later as limited:
            waits.append((limited.not_before - passing.now()) // SECOND)
            passing.sleep(waits[-1])
    assert waits == [60, 120, 240, 60]


def test_the_last_requests_of_the_hour_are_not_ours(
    client: Client, github: FakeGithub, passing: Time
) -> None:
    """Where GitHub says that few are left we wait for its reset."""
    github.limits.an_hour = 99
    client.repository()
    with pytest.raises(Later, match="nearly used up") as limited:
        client.issues()
    assert 3_599 <= (limited.value.not_before - passing.now()) / SECOND <= 3_602
    assert len(github.seen) == 1


def test_writes_keep_below_the_limits(github: FakeGithub, passing: Time) -> None:
    """A second between them, fifty a minute, four hundred an hour; then it is for later."""
    with client_of(github, passing, budget=Budget(writes_an_hour=120)) as client:
        for _ in range(120):
            client.create(OURS)
        with pytest.raises(Later, match="our writes an hour") as limited:
            client.create(OURS)
        times = [call.at for call in github.calls("issues/create")]
        assert len(times) == 120
        assert all(later - earlier >= 0.999 for earlier, later in pairwise(times))
        assert all(
            later - earlier >= 59.9 for earlier, later in zip(times, times[50:], strict=False)
        )
        assert limited.value.not_before > passing.now()
        passing.sleep((limited.value.not_before - passing.now()) / SECOND)
        assert client.create(OURS).number == 121


def test_an_answer_that_is_none_has_an_unknown_effect(client: Client, github: FakeGithub) -> None:
    """So has half of one; nothing is made up from it."""
    github.fail("issues/create #1 = truncated")
    with pytest.raises(UnknownEffect, match="create an issue: whether GitHub did it is not known"):
        client.create(OURS)


def test_where_nobody_listens_nothing_was_done(passing: Time, github: FakeGithub) -> None:
    """Also a write has certainly no effect then."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        who = Credentials(HERE, nowhere, Secret(TOKEN))
        with client_of(github, passing, credentials=who) as client:
            with pytest.raises(NeverReached, match="nothing was done: it could not be connected"):
                client.create(OURS)
            assert passing.waits == [1.0, 3.0]  # the repository was looked up in vain


def test_the_circuit_opens_and_closes(github: FakeGithub, passing: Time) -> None:
    """After some failures in a row nothing is sent; then one read tries before a write goes."""
    breaker = Breaker(most=2, first=5 * MINUTE)
    with client_of(github, passing, breaker=breaker, pauses=()) as client:
        client.repository()
        github.fail("issues/create #1-2 = 502; rate-limit/get #1 = reset-before")
        for _ in range(2):
            with pytest.raises(UnknownEffect):
                client.create(OURS)
        for wait in (5 * MINUTE, 10 * MINUTE):
            with pytest.raises(Later, match="did not answer several times") as open_:
                client.create(OURS)
            assert open_.value.not_before - passing.now() == wait
            passing.sleep(wait / SECOND)
            if wait == 5 * MINUTE:
                with pytest.raises(NeverReached, match="try whether GitHub is back"):
                    client.create(OURS)
        assert client.create(OURS).number == 1
        assert len(github.calls("rate-limit/get")) == 2
        assert len(github.calls("issues/create")) == 3


def test_patience_that_github_asks_for_is_had(
    client: Client, github: FakeGithub, passing: Time
) -> None:
    """A broken one may say when to come back, too: also to look what became of a write."""
    client.repository()
    github.fail("issues/create #1 = 503-after:300")
    with pytest.raises(UnknownEffect) as failed:
        client.create(OURS)
    assert failed.value.not_before == passing.now() + 300 * SECOND
    with pytest.raises(Later, match="nothing was sent yet: GitHub asked for patience") as later:
        client.issues("fivewhys")
    assert later.value.not_before == failed.value.not_before
    passing.sleep(300)
    assert len(client.issues("fivewhys")) == 1


def test_a_failure_quotes_github_on_one_line(client: Client, github: FakeGithub) -> None:
    """With what was wanted, the status and the fields."""
    github.fail("issues/create #1 = 422")
    with pytest.raises(Refused) as refused:
        client.create(OURS)
    assert str(refused.value) == (
        "create an issue: GitHub refused it: "
        "Validation Failed: title is not to our taste, status 422"
    )
    assert (refused.value.status, refused.value.not_before) == (422, 0)
