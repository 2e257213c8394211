"""What suppressions hold back, and what became of each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from pipeline.holding import Account, Applied, Standing, apply
from pipeline.suppressions import load_suppressions
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset, temporal_text

if TYPE_CHECKING:
    from pipeline.detection import Detection
    from pipeline.suppressions import Placed

EDGE = "same: [service], within: 5m"
RULES = ruleset(
    rule_text("cause"),
    rule_text("effect", audit=f"{{caused_by: [{{rule: cause, {EDGE}}}]}}"),
    rule_text("visible", audit=f"{{caused_by: [{{rule: effect, {EDGE}}}]}}"),
    rule_text("other"),
    temporal_text("together", "cause", "other"),
)
CHAIN = (detection("cause"), detection("effect", at=1), detection("visible", at=2))


def suppressed(*texts: str) -> tuple[Placed, ...]:
    """Load suppressions, each given as its match and, after a bar, what ends it."""
    lines = []
    for text in texts:
        match, _, until = text.partition(" | ")
        lines.append(
            f"  - {{match: {{{match}}}, owner: ana, reason: known, until: {until or '2025-10-01'}}}"
        )
    return load_suppressions("\n".join(("suppressions:", *lines)), "s.yml")


def applied(placed: tuple[Placed, ...], *detections: Detection, at: float = 60) -> Applied:
    """Apply suppressions to what detections make."""
    incidents = correlate(RULES, *detections).incidents()
    return apply(placed, incidents, BASE + round(at * SECOND))


def account(placed: tuple[Placed, ...], *detections: Detection, at: float = 60) -> Account:
    """Return what became of the one suppression there is."""
    (found,) = applied(placed, *detections, at=at).accounts
    return found


def test_what_it_matches_is_held_back_and_counted() -> None:
    """By id, with the reason, and every detection counts."""
    placed = suppressed("rule: cause")
    found = applied(placed, detection("cause"), detection("cause", at=3))
    ((name, by),) = found.held.items()
    assert by == placed
    assert found.reason(name) == ("suppressed by ana until 2025-10-01T00:00:00Z: known (s.yml:2)")
    assert found.reason("inc-other") == ""
    reason = "it holds until 2025-10-01T00:00:00Z"
    assert found.accounts == (Account(placed[0], Standing.ACTIVE, reason, 1, 2),)


def test_the_first_date_ends_what_several_hold_back() -> None:
    """A revision has none; nor has what nobody holds back."""
    dated = ("rule: cause | 2025-10-01", "rule: other | 2025-09-20")
    both = suppressed(*dated)
    parts = (detection("cause"), detection("other", at=1))
    found = applied(both, *parts)
    (name,) = found.held
    assert found.until(name) == both[1].suppression.until.date
    assert found.until("inc-other") is None
    found = applied(suppressed("rule: cause | {revision: backend-00009-abc}"), detection("cause"))
    (name,) = found.held
    assert found.until(name) is None


def test_what_its_cause_explains_is_held_back_with_it() -> None:
    """Through any number of effects; the incident is one."""
    found = account(suppressed("rule: cause"), *CHAIN)
    assert (found.incidents, found.detections) == (1, 3)


def test_what_it_matches_and_what_explains_that_count_once() -> None:
    """Cause and effect both match."""
    found = account(suppressed("rule: '*'"), *CHAIN)
    assert (found.incidents, found.detections) == (1, 3)


def test_what_has_another_cause_is_not_held_back() -> None:
    """An effect does not explain its cause, and a link without direction explains nothing."""
    for detections in (CHAIN, (detection("effect"), detection("cause"), detection("other"))):
        found = account(suppressed("rule: effect"), *detections)
        assert (found.standing, found.incidents, found.detections) == (Standing.ACTIVE, 0, 0)
        assert found.reason.endswith("1 more that it matches have another cause, too")


def test_several_may_hold_back_one_incident_together() -> None:
    """Each symptom counts for the first that accounts for it."""
    placed = suppressed("rule: other", "rule: cause", "rule: '*'")
    found = applied(placed, detection("cause"), detection("other", at=1), detection("other", at=2))
    ((name, by),) = found.held.items()
    assert by == placed[:2]
    assert found.reason(name).count("; ") == 1
    assert [(one.incidents, one.detections) for one in found.accounts] == [(1, 2), (1, 1), (0, 0)]


def test_two_on_one_line_are_two() -> None:
    """Each has an account of its own."""
    one = "{match: {rule: cause}, owner: a, reason: b, until: 2025-10-01}"
    two = one.replace("cause", "other")
    placed = load_suppressions(f"suppressions: [{one}, {two}]", "s.yml")
    standings = [item.standing for item in applied(placed, detection("cause")).accounts]
    assert standings == [Standing.ACTIVE, Standing.UNUSED]


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        ("signature: cause", True),
        ("signature: caus", False),
        ("rule: 'c?us*'", True),
        ("rule: CAUSE", True),  # case does not count, as in rules
        ("rule: [other, cause]", True),
        ("rule: cause, service: backend", True),
        ("rule: cause, service: auth", False),  # every key must fit
        ("fingerprint: 'cause backend'", True),
        ("title: '*about*'", True),
        ("title: 'About'", False),
    ],
)
def test_every_key_must_fit_by_any_of_its_patterns(match: str, *, holds: bool) -> None:
    """Patterns are those of rules: `*` and `?`."""
    assert bool(applied(suppressed(match), detection("cause")).held) is holds


def test_a_symptom_of_several_services_must_fit_with_each() -> None:
    """What hits another service, too, is another matter; what names none fits no service."""
    rules = ruleset(rule_text("cause", audit="{entity: [exception.type]}"))
    both = (
        detection("cause", exception="A"),
        detection("cause", exception="A", service="auth", at=1),
    )
    shared = [structs.replace(item, fingerprint="f") for item in both]
    incidents = correlate(rules, *shared).incidents()
    assert incidents[0].services == ("auth", "backend")
    assert not apply(suppressed("service: backend"), incidents, BASE).held
    assert apply(suppressed("service: [backend, auth]"), incidents, BASE).held
    nowhere = correlate(rules, detection("cause", service="")).incidents()
    assert not apply(suppressed("service: '*'"), nowhere, BASE).held


def test_what_matches_nothing_is_unused() -> None:
    """It is said, so that it can go."""
    found = account(suppressed("rule: gone"), *CHAIN)
    assert found == Account(found.placed, Standing.UNUSED, "nothing in this run matches it")


def test_a_date_ends_it() -> None:
    """In event time, from that very moment."""
    placed = suppressed("rule: cause | 2025-09-10T00:01:00Z")
    assert account(placed, detection("cause"), at=59.999).standing is Standing.ACTIVE
    found = account(placed, detection("cause"), at=60)
    assert (found.standing, found.incidents) == (Standing.EXPIRED, 0)
    assert found.reason == (
        "it was to hold until 2025-09-10T00:01:00Z; remove it or say why it goes on"
    )
    assert not applied(placed, detection("cause")).held


def test_a_newer_revision_ends_it() -> None:
    """Anywhere in the run; an older one, or the same, does not."""
    for number, standing in ((0, Standing.EXPIRED), (1, Standing.ACTIVE), (2, Standing.ACTIVE)):
        until = f"{{revision: backend-0000{number}-abc}}"
        found = account(suppressed(f"rule: cause | {until}"), detection("cause"))
        assert found.standing is standing
    ended = account(
        suppressed("rule: cause | {revision: backend-00000-abc}"), detection("cause")
    ).reason
    assert ended.startswith("revision backend-00001-abc is newer than backend-00000-abc")


def test_whether_an_issue_is_closed_is_not_known() -> None:
    """It holds until its date, and says so."""
    found = account(suppressed("rule: cause | {issue: 7, date: 2025-10-01}"), detection("cause"))
    assert found.standing is Standing.ACTIVE
    assert found.reason == (
        "it holds until 2025-10-01T00:00:00Z or issue 7 is closed; "
        "whether issue 7 is closed is not known here"
    )
