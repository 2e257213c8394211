"""The file of suppressions: what it says, and what is wrong with it."""

import pytest

from pipeline.errors import SuppressionError
from pipeline.suppressions import load_suppressions
from tests.support import BASE, SECOND

TEXT = """\
suppressions:
  - match: {rule: pool_*, service: [backend, auth]}
    owner: "@example/backend"
    reason: the pool is enlarged next week
    until: 2025-09-17
  - match: {title: "*timeout*"}
    owner: ana
    reason: known
    until: {date: 2025-09-10T00:00:01Z, issue: "#7", revision: backend-00042-abc}
"""


def test_a_suppression_says_what_who_why_and_until_when() -> None:
    """It knows its line, and the reason for holding something back names all of it."""
    first, second = load_suppressions(TEXT, "suppressions.yml")
    assert first.suppression.match.rule == ("pool_*",)
    assert first.suppression.match.service == ("backend", "auth")
    assert first.reason == (
        "suppressed by @example/backend until 2025-09-17T00:00:00Z: "
        "the pool is enlarged next week (suppressions.yml:2)"
    )
    assert second.place == "suppressions.yml:6"
    assert second.suppression.until.date == BASE + SECOND
    assert second.suppression.until.text == (
        "2025-09-10T00:00:01Z or a revision newer than backend-00042-abc or issue 7 is closed"
    )


def test_a_revision_alone_may_end_it() -> None:
    """Its name is that of a Cloud Run revision."""
    text = "{match: {rule: a}, owner: b, reason: c, until: {revision: backend-00042-abc}}"
    (placed,) = load_suppressions(f"suppressions: [{text}]", "s.yml")
    assert placed.suppression.until.text == "a revision newer than backend-00042-abc"


@pytest.mark.parametrize("text", ["", "# nothing", "suppressions: []"])
def test_a_file_may_suppress_nothing(text: str) -> None:
    """An empty one does."""
    assert load_suppressions(text, "s.yml") == ()


def suppression(**keys: str) -> str:
    """Write one suppression, right but for what is given."""
    said = {"match": "{rule: a}", "owner": "b", "reason": "c", "until": "2025-10-01", **keys}
    lines = "".join(f"    {key}: {value}\n" for key, value in said.items() if value)
    return f"suppressions:\n  -\n{lines}"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a: [", "s.yml:1: not valid YAML"),
        ("suppress: []", "s.yml:1: unknown key 'suppress'"),
        (suppression(owner=""), "s.yml:3: the key 'suppressions.0.owner' is missing"),
        (suppression(owner="''"), "s.yml:4: suppressions.0.owner: wanted is a text that is not em"),
        (suppression(reason=""), "the key 'suppressions.0.reason' is missing"),
        (suppression(until=""), "the key 'suppressions.0.until' is missing"),
        (suppression(match="{}"), "s.yml:3: suppressions.0.match: it would match everything"),
        (suppression(match="{rules: a}"), "unknown key 'suppressions.0.match.rules'"),
        (suppression(match="{rule: 7}"), "match.rule: 7 is neither a text nor a list of texts"),
        (suppression(match="{rule: []}"), "match.rule: [] is neither a text nor a list of texts"),
        (suppression(match="{rule: ['']}"), "[''] is neither a text nor a list of texts"),
        (
            suppression(until="next week"),
            "s.yml:6: suppressions.0.until: 'next week' is no date; write it like",
        ),
        (suppression(until="2025-02-30"), "'2025-02-30' is no date"),
        (suppression(until="{}"), "suppressions.0.until: give a date or a revision, too"),
        (suppression(until="{issue: 7}"), "suppressions.0.until: give a date or a revision, too"),
        (
            suppression(until="{issue: that one, date: 2025-10-01}"),
            "'that one' is neither the number nor the https:// address of an issue",
        ),
        (suppression(until="{revision: v2}"), "'v2' is no revision with a number"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, mistake: str) -> None:
    """Every mistake says what to do."""
    with pytest.raises(SuppressionError) as found:
        load_suppressions(text, "s.yml")
    assert mistake in str(found.value)


def test_all_mistakes_are_named_at_once() -> None:
    """So that the file is mended in one go."""
    with pytest.raises(SuppressionError) as found:
        load_suppressions(suppression(owner="", match="{}", until="soon"), "s.yml")
    assert len(found.value.mistakes) == 3


def test_issues_may_be_named_by_number_or_address() -> None:
    """With or without the sign."""
    for issue in ("7", "'#7'", "https://github.com/example/platform/issues/7"):
        text = suppression(until=f"{{issue: {issue}, date: 2025-10-01}}")
        (placed,) = load_suppressions(text, "s.yml")
        assert placed.suppression.until.issue in {"7", issue}
