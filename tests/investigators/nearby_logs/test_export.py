"""What stands around a first failure in an export, however that is written."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import Rejection, parse_entry
from pipeline.errors import SourceError
from pipeline.investigators.nearby_logs import NearbyLogs
from pipeline.investigators.nearby_logs.export import MOST_RECORDS
from pipeline.redaction import Redactor
from tests.investigators.nearby_logs.surroundings import (
    FAILURE,
    STORY,
    case_of,
    in_lines,
    in_list,
    line,
    near,
    request,
)
from tests.investigators.support import case, of_kind
from tests.support import incidents, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipeline.entry import LogEntry
    from pipeline.ports import Batch, Block, Source

WAYS = pytest.mark.parametrize("written", [in_lines, in_list])


@WAYS
def test_what_stands_around_the_first_failure(
    written: Callable[[Sequence[LogEntry]], Source],
) -> None:
    """Entries of the same instance or trace, on both sides, with how far away and what is same."""
    found = of_kind("nearby_entry", near(case_of(FAILURE), written(STORY)))
    shown = [
        (fact.data["side"], fact.data["same"], fact.data["other_instance"], fact.data["seconds"])
        for fact in found
    ]
    assert shown == [
        ("before", "instance", False, 100.0),
        ("before", "instance", False, 99.0),
        ("before", "instance", False, 50.0),
        ("before", "instance", False, 40.0),
        ("before", "instance", False, 30.0),
        ("before", "trace", True, 1.0),
        ("after", "instance", False, 1.0),
    ]
    assert found[5].text == (
        "2025-09-10T00:01:39Z INFO frontend, 1.0 s before the first failure "
        "(same trace, another instance): called"
    )
    assert found[2].text.endswith(": GET https://example.com/x answered 200")
    assert found[2].ref == "insertId i-1-50 in run.googleapis.com/stderr"


@WAYS
def test_the_last_healthy_signs(written: Callable[[Sequence[LogEntry]], Source]) -> None:
    """The last request that was answered well and the last start that succeeded."""
    found = of_kind("last_healthy", near(case_of(FAILURE), written(STORY)))
    assert [(fact.data["sign"], fact.ref.split()[1]) for fact in found] == [
        ("request", "i-1-50"),
        ("start", "i-1-1"),
    ]


def test_without_requests_the_last_quiet_entry_is_the_sign() -> None:
    """An entry below WARNING counts where there is nothing better; one without a level does not."""
    story = (line("working", 1), line("what?", 2, severity="DEFAULT"), request(404, 3), FAILURE)
    (fact,) = of_kind("last_healthy", near(case_of(FAILURE), in_lines(story)))
    assert (fact.data["sign"], fact.data["text"]) == ("entry", "working")
    assert not of_kind("last_healthy", near(case_of(FAILURE), in_lines([*story[1:]])))


@WAYS
def test_settings_of_the_start_are_told_without_secrets(
    written: Callable[[Sequence[LogEntry]], Source],
) -> None:
    """What the instance says at its start to be set; the value of a secret is not."""
    found = of_kind("logged_setting", near(case_of(FAILURE), written(STORY)))
    told = {fact.data["name"]: fact.data["value"] for fact in found}
    assert told.keys() == {"Migration mode", "DB_POOL", "DB_PASSWORD"}
    assert (told["Migration mode"], told["DB_POOL"]) == ("alembic", "5")
    assert "hunter2" not in str(found)
    assert found[0].text == (
        "Migration mode is alembic, says an entry of 2025-09-10T00:00:00Z, "
        "among the first ones of the instance in the export"
    )


def test_prose_is_no_setting() -> None:
    """Only `NAME=value`, or a line of a telling name and a short value, is a setting."""
    texts = (
        "INFO: all is well",
        "ValueError: bad level",
        "the mode: it was decided long ago that this is so",
        "a=b",
        "x" * 5_000 + " MODE=1",
        "MODE=",
    )
    story = [*(line(text, at) for at, text in enumerate(texts)), FAILURE]
    assert not of_kind("logged_setting", near(case_of(FAILURE), in_lines(story)))


def test_what_is_logged_long_after_the_start_is_no_setting_of_it() -> None:
    """The start lasts two minutes; each name is told once, and only so many."""
    story = [line("A_MODE=1 A_MODE=2", 0), line("B_MODE=1", 119), line("C_MODE=1", 121)]
    failure = line("broken", 200, severity="ERROR")
    found = of_kind("logged_setting", near(case_of(failure), in_lines([*story, failure])))
    assert [(fact.data["name"], fact.data["value"]) for fact in found] == [
        ("A_MODE", "1"),
        ("B_MODE", "1"),
    ]
    many = [line(" ".join(f"N_{letter}=1" for letter in "ABCDEFGHIJKLMNOP"), 0), failure]
    assert len(of_kind("logged_setting", near(case_of(failure), in_lines(many)))) == 12


@WAYS
def test_a_first_failure_with_nothing_before_it(
    written: Callable[[Sequence[LogEntry]], Source],
) -> None:
    """That nothing is there is said where all was read, and the instance is known."""
    (fact,) = near(case_of(FAILURE), written([FAILURE, line("of another", 1, "i-2")]))
    assert (fact.kind, fact.suggested) == ("nothing_logged_before", False)
    nobody = line("broken", 100, "", severity="ERROR", resource={"type": "global"})
    assert near(case_of(nobody), written([nobody])) == []


@WAYS
def test_an_incident_of_another_export_is_told_nothing_about(
    written: Callable[[Sequence[LogEntry]], Source],
) -> None:
    """Where the first failure does not stand, nothing around it can be known."""
    assert near(case_of(FAILURE), written([line("other", 99)])) == []
    assert near(case_of(FAILURE)) == []


@WAYS
def test_without_an_instance_the_revision_counts(
    written: Callable[[Sequence[LogEntry]], Source],
) -> None:
    """Entries of the same revision are told, and that the instance is not known."""
    failure = line("broken", 100, "", severity="ERROR")
    other = line("elsewhere", 98, "", service="frontend")
    (fact, _) = near(case_of(failure), written([line("working", 99, ""), other, failure]))
    assert "(same revision; the instance is not known)" in fact.text
    assert fact.data["same"] == "revision"


@WAYS
def test_an_entry_without_an_insert_id_is_found_by_its_time(
    written: Callable[[Sequence[LogEntry]], Source],
) -> None:
    """What names it is made of its content, which no line holds."""
    document = {key: value for key, value in FAILURE.document.items() if key != "insertId"}
    (failure,) = parse_entry(document)
    found = near(case_of(failure), written([line("working", 99), failure]))
    assert [fact.kind for fact in found] == ["nearby_entry", "last_healthy"]


def test_only_so_many_are_shown_the_nearest_first_kept() -> None:
    """Ten before and five after, within a few minutes."""
    story = [line(f"n{at}", at) for at in range(300) if at != 100]
    found = of_kind("nearby_entry", near(case_of(FAILURE), in_lines([*story, FAILURE], 7)))
    texts = [fact.data["text"] for fact in found]
    assert texts == [f"n{at}" for at in (*range(90, 100), *range(101, 106))]


@given(st.permutations([*STORY, *STORY]), st.integers(1, 7), st.booleans())
def test_order_copies_and_blocks_change_nothing(
    entries: list[LogEntry],
    size: int,
    in_blocks: bool,  # noqa: FBT001 - given by Hypothesis
) -> None:
    """The same entries in any order, any number of times and in any blocks show the same."""
    written = in_lines(entries, size) if in_blocks else in_list(entries)
    assert near(case_of(FAILURE), written) == near(case_of(FAILURE), in_list(STORY))


def test_blocks_that_are_sorted_may_be_left_out_and_nothing_is_lost() -> None:
    """Large blocks in order, or in the opposite one, show the same as entries one by one."""
    story = [line(f"n{at}", at, f"i-{at % 2}") for at in range(0, 4_000, 2)]
    failure = line("broken", 2_001, "i-0", severity="ERROR")
    everything = sorted([*story, failure], key=lambda item: item.timestamp)
    expected = near(case_of(failure), in_list(everything))
    assert Counter(fact.kind for fact in expected)["nearby_entry"] == 15
    assert near(case_of(failure), in_lines(everything, 100)) == expected
    assert near(case_of(failure), in_lines(everything[::-1], 100)) == expected


def test_odd_lines_are_parsed() -> None:
    """Times with an offset, escapes and several entries in a line are read as ever."""
    odd = json.dumps({**line("odd", 99).document, "timestamp": "2025-09-10T02:01:39+02:00"})
    lines = [json.dumps(FAILURE.document), odd, "no JSON i-1", '{"insertId": "i-1"}', "{}"]
    written = in_lines([])
    source = type(written)([("\n".join(lines) + "\n").encode()], in_blocks=True)
    found = near(case_of(FAILURE), source)
    assert [fact.data["text"] for fact in of_kind("nearby_entry", found)] == ["odd"]


def test_hostile_entries_do_no_harm() -> None:
    """Words that no encoding has, values of any type: nothing is raised."""
    hostile: list[LogEntry | Rejection] = [
        line("x\ud800\x00", 99),
        line("", 98, httpRequest=[1]),
        line("", 97, httpRequest={"status": True, "requestUrl": 5}),
        line("", 96, httpRequest={"status": "200"}),
        Rejection("place", "reason"),
    ]
    found = near(case_of(FAILURE), in_list([*hostile, FAILURE]))
    assert len(of_kind("nearby_entry", found)) == 4


@WAYS
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_failure_at_the_end_of_time_does_no_harm(
    written: Callable[[Sequence[LogEntry]], Source], time: str
) -> None:
    """What would be near it cannot be written; nothing is raised."""
    (failure,) = parse_entry({**FAILURE.document, "timestamp": time})
    assert near(case_of(failure), written([failure]))


def test_lines_whose_times_are_none_do_no_harm() -> None:
    """A block of lines that look as if they had times is looked at line by line."""
    wrong = {**line("odd", 99).document, "timestamp": "2025-99-99T99:99:99Z"}
    lines = [json.dumps({**wrong, "insertId": f"odd-{at}"}).encode() for at in range(60)]
    blocks = [json.dumps(FAILURE.document).encode() + b"\n", b"\n".join(lines) + b"\n"]
    source = type(in_lines([]))(blocks, in_blocks=True)
    assert [fact.kind for fact in near(case_of(FAILURE), source)] == ["nothing_logged_before"]


@dataclass(frozen=True)
class _Gone:
    """A source that was there."""

    def batches(self) -> Iterator[Batch]:
        """Raise SourceError."""
        message = "export.json: no such file"
        raise SourceError(message)

    def blocks(self) -> Iterator[Block]:
        """Yield nothing."""
        yield from ()


def test_what_cannot_be_read_again_is_said() -> None:
    """Standard input, a file that is gone, one too large: a suggestion says so, and no absence."""
    many = [line(f"n{at}", 0, "i-9") for at in range(MOST_RECORDS + 1)]
    for sources, unread, reason in (
        ((in_list([FAILURE]),), ["standard input"], "standard input cannot be read twice"),
        ((in_list([FAILURE]), _Gone()), [], "export.json: no such file"),
        ((in_list([FAILURE, *many]),), [], "of file0 only the first 20,000 records"),
    ):
        (fact,) = near(case_of(FAILURE), *sources, unread=unread)
        assert (fact.kind, fact.suggested) == ("nearby_not_read", True)
        assert reason in fact.text


def test_only_the_most_urgent_incidents_are_looked_at() -> None:
    """Beyond a number an incident is told that it was left out."""
    cases = [case_of(FAILURE), case_of(line("broken", 3, service="other"))]
    found = NearbyLogs([], Redactor().text, most=1).investigate(cases)
    kinds = [[fact.kind for fact in found[one.incident.id]] for one in cases]
    assert sorted(kinds) == [[], ["nearby_not_read"]]


def test_what_a_rule_says_of_the_state_is_not_said_twice() -> None:
    """A label of the system state that a rule's lines have is no fact of its own."""
    rules = ruleset(
        rule_text("broken"),
        rule_text(
            "mode", "Migration mode", audit="{state: {'Migration Mode': 'set'}, context: {}}"
        ),
    )
    (only,) = incidents(rules, *STORY)
    found = of_kind("logged_setting", near(case(only), in_list(STORY)))
    assert [fact.data["name"] for fact in found] == ["DB_POOL", "DB_PASSWORD"]


@dataclass
class Counted:
    """A source that counts how much of it is read."""

    source: Source
    read: int = 0

    def batches(self) -> Iterator[Batch]:
        """Yield what the source does."""
        for batch in self.source.batches():
            self.read += 1
            yield batch

    def blocks(self) -> Iterator[Block]:
        """Yield what the source does."""
        return self.source.blocks()


@given(st.integers(0, 400), st.integers(30, 60))
def test_of_an_export_in_order_what_is_too_late_is_not_read_and_nothing_is_lost(
    where: int, size: int
) -> None:
    """Once the time has come after which nothing is near; unless the order is not known."""
    quiet = [line(f"tick {at}", 10 * at, f"i-{at % 2 + 1}") for at in range(400)]
    failure = line("broken", 10 * where + 1, severity="ERROR")
    story = sorted([*quiet, failure], key=lambda one: one.timestamp)
    asked, written = case_of(failure), in_lines(story, size)
    expected = near(asked, in_list(story))
    known, unknown = Counted(written), Counted(written)
    assert near(replace(asked, in_order=True), known) == expected
    assert near(asked, unknown) == expected
    assert unknown.read >= len(written.chunks)
    if where + 15 < size:  # all of it stands in the first block; that one is read again
        assert known.read <= 2 + 2 < len(written.chunks)
