"""A receipt tells another process all that was examined, and nothing that is secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pipeline import receipts
from pipeline.detection import Detector
from pipeline.entry import LogEntry
from pipeline.errors import NewerError
from pipeline.examining import Examined, Examiner, Window
from pipeline.redaction import Redactor
from pipeline.waiting import Waits
from tests.support import entry, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Callable

DETECTOR = Detector(ruleset(rule_text("missing")), Redactor())
REQUEST: dict[str, Any] = {"httpRequest": {"status": 500, "requestMethod": "GET"}}


def examined(*entries: LogEntry) -> Examined:
    """Examine entries as whoever receives them does."""
    return Examiner(DETECTOR, Window(), counting=True, lasting=True)(list(entries))


def test_what_is_read_is_what_was_written() -> None:
    """Detections, lines of tracebacks, revisions, minutes, requests and event time."""
    line = "Traceback (most recent call last):"
    told = examined(entry("missing"), entry(line, at=1, severity=None), entry(at=2, **REQUEST))
    found = receipts.read(receipts.written(told, DETECTOR))
    assert [one.detections for one in found.told] == [one.detections for one in told.told]
    assert [one.key for one in found.parts] == [one.key for one in told.parts]
    assert found.parts[1].message == line
    assert found.sightings == told.sightings
    assert found.beats == told.beats
    assert found.requests == told.requests
    assert found.watermark == told.watermark
    again = receipts.written(found, DETECTOR)
    assert again == receipts.written(told, DETECTOR)


def test_a_request_has_one_number_in_every_process() -> None:
    """It follows from the entry's key alone, whichever way it was read."""
    (numbers,) = examined(entry(key="one", **REQUEST)).requests.values()
    assert numbers[0] == -7276105211278011637


def test_no_secret_is_written() -> None:
    """Neither in lines of tracebacks nor in names; the key of an entry stays what it was."""
    secret = "ghp_" + "a1B2" * 9
    line = entry(
        f"ValueError: {secret}", key=secret, severity=None, logName=f"projects/demo/logs/{secret}"
    )
    told = examined(line, entry("missing", service=secret, at=1))
    written = receipts.written(told, DETECTOR)
    assert secret.encode() not in written
    found = receipts.read(written)
    assert DETECTOR.key_of(found.parts[0]) == DETECTOR.key_of(line)


class OneByOne(Detector):
    """Counts how many identifiers it is asked for one by one."""

    asked = 0

    def identify(self, text: str) -> str:
        """Count it."""
        self.asked += 1
        return super().identify(text)


def test_the_identifiers_of_all_revisions_are_looked_at_together() -> None:
    """One by one they took an eighth of the time that a batch takes."""
    detector = OneByOne(ruleset(rule_text("missing")), Redactor())
    secrets = ("ghp_" + "a1B2" * 9, "ghp_" + "b2A1" * 9)
    told = examined(*(entry(key=one, service=one[-4:], severity="INFO") for one in secrets))
    found = receipts.read(receipts.written(told, detector))
    assert detector.asked == 0
    assert {one.insert_id for one in found.sightings.values()} == {
        DETECTOR.identify(one) for one in secrets
    }


def test_a_line_without_a_time_or_a_name_is_known_by_the_same_key() -> None:
    """What its key is made of is written down, not made again of a redacted text."""
    line = LogEntry({"textPayload": "ValueError: password=hunter2hunter2", "severity": "ERROR"})
    found = receipts.read(receipts.written(Examined(parts=[line]), DETECTOR))
    assert found.parts[0].key == line.key


def test_times_of_no_use_and_half_characters_are_told_like_all_others() -> None:
    """They are in the same receipt as what came with them."""
    odd = entry("missing \ud800", at=1, timestamp="9999-12-31T23:59:59.999999999Z")
    part = entry("ValueError: \ud800", at=3, severity=None, timestamp="0001-01-01T00:00:00Z")
    told = examined(odd, entry("missing"), part, entry(at=2, **REQUEST))
    found = receipts.read(receipts.written(told, DETECTOR))
    assert [one.detections for one in found.told] == [one.detections for one in told.told]
    assert [one.key for one in found.parts] == [one.key for one in told.parts]
    assert found.sightings == told.sightings
    assert found.beats == told.beats
    assert found.requests == told.requests


def test_nothing_is_no_receipt() -> None:
    """A batch of which nothing is to be told."""
    assert receipts.written(Examined(), DETECTOR) == b""


@pytest.mark.parametrize("data", [b"", b"\xc1", b"text"])
def test_what_is_no_receipt_is_refused(data: bytes) -> None:
    """It was written by something else."""
    with pytest.raises(ValueError, match=r".+"):
        receipts.read(data)


def test_a_receipt_of_another_version_is_refused() -> None:
    """Rather than guessed."""
    told = msgspec.msgpack.decode(receipts.written(examined(entry("missing")), DETECTOR))
    with pytest.raises(ValueError, match="version 0; this program reads 1"):
        receipts.read(msgspec.msgpack.encode([0, *told[1:]]))


@pytest.mark.parametrize("encode", [msgspec.msgpack.encode, msgspec.json.encode])
@pytest.mark.parametrize("rest", [[], [{"other": "shape"}, 3]], ids=["nothing else", "others"])
def test_a_newer_receipt_is_told_by_its_version_alone(
    encode: Callable[[object], bytes], rest: list[object]
) -> None:
    """Whatever it holds beside it."""
    with pytest.raises(NewerError, match="newer fivewhys wrote a receipt of version 2"):
        receipts.read(encode([2, *rest]))


@pytest.mark.parametrize("text", ["missing", "missing \ud800"], ids=["plain", "half a character"])
def test_a_receipt_is_text_that_a_person_can_read_and_a_receipt_again(text: str) -> None:
    """Whichever way it is written."""
    line = "Traceback (most recent call last):"
    told = examined(entry(text), entry(line, at=1, severity=None), entry(at=2, **REQUEST))
    written = receipts.written(told, DETECTOR)
    kept = receipts.text_of(written)
    assert line in kept
    again = receipts.read(receipts.of_text(kept))
    assert again.told == receipts.read(written).told
    assert receipts.written(again, DETECTOR) == written


BYTES = [receipts.VERSION, 0, [], [{"no JSON has": b"bytes"}], [], [], []]


@pytest.mark.parametrize(
    "data",
    [b"\xc1", b"[not closed", b"[" * 200_000, msgspec.msgpack.encode(BYTES)],
    ids=["no receipt", "no JSON", "deep", "bytes"],
)
def test_what_cannot_be_read_is_text_all_the_same(data: bytes) -> None:
    """Byte by byte what it was."""
    assert receipts.of_text(receipts.text_of(data)) == data


def test_no_requests_are_a_receipt_too() -> None:
    """Whoever reads what is kept need not look whether there is any."""
    found = receipts.read(receipts.requests_written({}, 7))
    assert (found.watermark, found.requests) == (7, {})


@pytest.mark.parametrize("text", ["ValueError: x", "ValueError: \ud800"], ids=["plain", "half"])
def test_what_waits_is_told_with_for_how_long(text: str) -> None:
    """Who reads it as any other receipt, as a fivewhys from before does, has the lines of it."""
    line = entry(text, severity=None)
    waits = Waits(5, (3,), {"one": 2})
    written = receipts.held_written([line], waits)
    ((found,), told) = receipts.held_read(written)
    assert (found.key, told) == (line.key, waits)
    assert [one.key for one in receipts.read(written).parts] == [line.key]


def test_nothing_that_waits_is_nothing() -> None:
    """Incidents may wait where no line does."""
    assert receipts.held_written([], Waits(5)) == b""
    assert receipts.held_read(b"") == ([], Waits())
    waits = Waits(5, (), {"one": 2})
    assert receipts.held_read(receipts.held_written([], waits)) == ([], waits)
