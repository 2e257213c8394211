"""Files, whatever their container: every record is accounted for."""

import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry, Rejection, Severity
from pipeline.sources.files import FileSource

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXTURES = Path(__file__).parents[2] / "fixtures" / "entries"

Read = LogEntry | Rejection


def read_all(data: bytes) -> list[Read]:
    """Read bytes as standard input."""
    return list(FileSource(["-"], stdin=io.BytesIO(data)).read())


def ids(found: list[Read]) -> list[str]:
    """Return what was read in short: the id of each entry, the place of each rejection."""
    return [item.insert_id if isinstance(item, LogEntry) else item.place for item in found]


def read_fixture(name: str) -> list[Read]:
    """Read a fixture, with places relative to their folder."""
    return list(FileSource([str(FIXTURES / name)]).read())


def short(found: list[Read]) -> list[str]:
    """Return ids, and for rejections the line."""
    return [i if ":" not in i else i.rpartition(":")[2] for i in ids(found)]


def record(insert_id: str, text: str = "up") -> dict[str, str]:
    """Return a small canonical record."""
    return {"insertId": insert_id, "timestamp": "2025-09-10T00:33:54Z", "textPayload": text}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("array.json", ["array-3", "array-1", "array-2"]),
        ("lines.jsonl", ["lines-1", "lines-2", "4", "lines-4", "6"]),
        ("objects.json", ["objects-1", "6", "11", "16", "objects-5"]),
        ("documents.yaml", ["yaml-1", "yaml-2", "20", "yaml-4"]),
        ("wrapper.json", ["wrapper-1", "6", "wrapper-3"]),
        ("download.csv", ["csv-1", "csv-2", "csv-3", "6"]),
        ("request_log_v1.jsonl", ["v1-1", "v1-1#1", "v1-1#2"]),
        ("push.json", ["push-1"]),
    ],
)
def test_each_container_gives_its_entries_and_says_which_records_are_none(
    name: str, expected: list[str]
) -> None:
    """A broken record costs itself only, and is rejected with the line it stands on."""
    assert short(read_fixture(name)) == expected


def test_places_name_the_file_and_the_line() -> None:
    """The place of an entry is where its record begins."""
    places = [item.place for item in read_fixture("array.json")]
    assert places == [f"{FIXTURES / 'array.json'}:{line}" for line in (2, 17, 25)]


def test_reasons_say_what_is_wrong() -> None:
    """Each rejection of a file has a reason of its own."""
    reasons = [r.reason for r in read_fixture("objects.json") if isinstance(r, Rejection)]
    assert reasons[0].startswith("no JSON: Invalid")
    assert reasons[1] == "an object that does not end where the next one begins"
    assert reasons[2].startswith("no JSON")


def test_yaml_scalars_stay_what_json_would_have_them() -> None:
    """A time keeps its nanoseconds, `no` is a word, a number in a text is not evaluated."""
    first, second, _, last = read_fixture("documents.yaml")
    assert isinstance(first, LogEntry)
    assert isinstance(second, LogEntry)
    assert isinstance(last, LogEntry)
    assert first.timestamp % 10**9 == 123_456_789
    assert first.message == "two lines\n--- of text"
    assert second.lookup("labels.enabled") == ("no",)
    assert last.lookup("jsonPayload.count") == (3,)


def test_the_guard_of_csv_cells_is_taken_off() -> None:
    """Dotted and quoted headers become paths; empty cells are missing values."""
    first, second, *_ = read_fixture("download.csv")
    assert isinstance(first, LogEntry)
    assert isinstance(second, LogEntry)
    assert first.message == 'first line\nsecond "line", with a comma'
    assert first.lookup('labels."run.googleapis.com/base_image_versions"') == ("v1",)
    assert first.service == "orders"
    assert "httpRequest" not in first.document
    assert second.lookup("httpRequest.status") == (503,)
    assert second.severity is Severity.DEFAULT


@pytest.mark.parametrize(
    ("cell", "text"),
    [("'-1 left", "-1 left"), ("'=1+1", "=1+1"), ("'quoted' word", "'quoted' word"), ("up", "up")],
)
def test_a_csv_without_guarded_headers_guards_formulas_only(cell: str, text: str) -> None:
    """A quote that belongs to the text stays."""
    [entry] = read_all(
        f"insertId,timestamp,textPayload\r\na,2025-09-10T00:33:54Z,{cell}\r\n".encode()
    )
    assert isinstance(entry, LogEntry)
    assert entry.message == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("insertId,textPayload\n\na,x\n", ["a"]),
        ("insertId,labels,labels.x\na,odd,y\n", ["a"]),
        ("insertId,textPayload,textPayload.x\na,x,\n", ["a"]),
        ("insertId,textPayload\na\nb,y\n", ["stdin:2", "b"]),
        ("insertId,textPayload\na,x,y\nb,y\n", ["stdin:2", "b"]),
        ('insertId,textPayload\na,"x\n', ["stdin:2"]),
        ('insertId,textPayload\na,"x\nmore\nb,y\n"c",\n', ["stdin:2", "b", "c"]),
        ('insertId,textPayload\na,"x"y\n', ["a"]),
        ("insertId,textPayload\na,x\ry\nb,y\n", ["stdin:2", "b"]),
        ("insertId,textPayload\n,\n", ["stdin:2"]),
        ("insertId,severity,color\n,,red\n", ["stdin:2"]),
    ],
)
def test_odd_rows_of_a_csv_are_accounted_for(text: str, expected: list[str]) -> None:
    """A blank line is no record; a row that does not fit, or without a mark, costs itself only."""
    assert ids(read_all(text.encode())) == expected


RECORDS = [record("a"), record("b", 'br{ck}ts, [quotes] "\\" \u2028 é'), record("c")]
JSON = [json.dumps(item) for item in RECORDS]
PRETTY = [json.dumps(item, indent=2, ensure_ascii=False) for item in RECORDS]
LAYOUTS = {
    "json lines": "\n".join(JSON),
    "json lines, CRLF": "\r\n".join(JSON) + "\r\n",
    "array": json.dumps(RECORDS),
    "pretty array": json.dumps(RECORDS, indent=2),
    "array, a line each": "[\n" + ",\n".join(JSON) + "\n]\n",
    "array, not indented": json.dumps(RECORDS, indent=0),
    "several arrays": json.dumps(RECORDS[:1]) + "\n" + json.dumps(RECORDS[1:]),
    "one after another": "\n".join(PRETTY),
    "one after another, same line": "".join(JSON),
    "one after another, commas": ",\n".join(PRETTY),
    "lines, then pretty": JSON[0] + "\n" + PRETTY[1] + "\n" + PRETTY[2],
    "several in a line, commas": JSON[0] + "," + JSON[1] + ",\n" + JSON[2] + ",\n",
    "not indented": "\n".join(json.dumps({"labels": {}, **item}, indent=0) for item in RECORDS),
    "lines, then array": JSON[0] + "\n[\n" + ",\n".join(PRETTY[1:]) + "\n]",
    "strings": json.dumps(JSON),
    "wrapped": json.dumps({"raw_logs": RECORDS, "total": 3}),
    "wrapped pretty": json.dumps({"meta": {}, "entries": RECORDS}, indent=2),
    "wrapped twice": json.dumps({"hits": {"hits": [{"_source": item} for item in RECORDS]}}),
    "wrapped in lines": json.dumps({"entries": RECORDS[:1]}) + "\n" + json.dumps(RECORDS[1:]),
    "pulled messages": json.dumps({"receivedMessages": [{"logEntry": item} for item in RECORDS]}),
    "yaml documents": "\n---\n".join(
        PRETTY[:0] + [f"insertId: {i}\ntextPayload: x" for i in "abc"]
    ),
    "yaml list": "\n".join(f"- insertId: {i}\n  textPayload: |\n    x\n\n    y" for i in "abc"),
    "yaml list, nested": "entries:\n" + "\n".join(f"- insertId: {i}" for i in "abc"),
    "yaml comments": "# x\n%YAML 1.1\n---\ninsertId: a\n--- # y\ninsertId: b\n---\ninsertId: c",
    "yaml, far to the right": "".join(f"---\ninsertId: {i}\nx: |\n{' ' * 60}y\n" for i in "abc"),
    "yaml flow list": "# flow\n[{insertId: a}, {insertId: b}, {insertId: c}]",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(str.encode, id="plain"),
        pytest.param(lambda text: text.encode("utf-8-sig"), id="BOM"),
        pytest.param(lambda text: text.encode("utf-16"), id="UTF-16"),
        pytest.param(lambda text: gzip.compress(text.encode()), id="gzip"),
        pytest.param(lambda text: zstandard.compress(text.encode()), id="zstd"),
    ],
)
def test_the_same_entries_come_out_of_every_layout(layout: str, encode: object) -> None:
    """Whatever stands between the records, and however the bytes are packed."""
    assert callable(encode)
    assert ids(read_all(encode(LAYOUTS[layout]))) == ["a", "b", "c"]


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read no more than the few bytes, however many are asked for."""
        return super().read(min(self._size, size) if size and size > 0 else self._size)


@given(st.sampled_from(sorted(LAYOUTS)), st.integers(min_value=1, max_value=50))
def test_the_size_of_the_pieces_read_makes_no_difference(layout: str, size: int) -> None:
    """A pipe may give any number of bytes at a time."""
    stream = Trickle(LAYOUTS[layout].encode(), size)
    assert ids(list(FileSource(["-"], stdin=stream).read())) == ["a", "b", "c"]


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
)
def test_no_input_stops_the_reading(data: bytes) -> None:
    """Whatever the bytes, there are entries and rejections, never an exception."""
    assert all(isinstance(item, (LogEntry, Rejection)) for item in read_all(data))


@given(
    st.lists(
        st.sampled_from([JSON[0], PRETTY[1], '{"a": [1, 2}', '{"x": "\\q"}', "text", "]", '"']),
        max_size=8,
    )
)
def test_sound_objects_survive_among_broken_ones(parts: list[str]) -> None:
    """Every sound object between line ends is read, whatever stands around it."""
    text = "\n".join(["{}", *parts])
    sound = [part for part in parts if part in (JSON[0], PRETTY[1])]
    assert sum(isinstance(item, LogEntry) for item in read_all(text.encode())) == len(sound)


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        (b"", "stdin", "empty file"),
        (b"\xef\xbb\xbf \n", "stdin", "empty file"),
        (gzip.compress(b"", mtime=0), "stdin", "empty file"),
        (b"\x89PNG\r\n\x1a\n\0\0", "stdin", "binary file"),
        (b"PK\x03\x04\x14\0\0", "stdin", "binary file"),
        (b"just some words\nand more\n", "stdin", "not a format of log exports"),
        (b"{", "stdin:1", "the text ends inside an object"),
        (b'[{"insertId": "a', "stdin:1", "the text ends inside an object"),
        (b"[1, 2]", "stdin:1", "text that is no JSON object"),
        (b'["text"]', "stdin:1", "no LogEntry|text, not an object|no JSON"),
        (b"\x1f\x8b\x08", "stdin", "truncated"),
        (b"\x1f\x8bjunk", "stdin", "the gzip data is damaged"),
        (b"\x28\xb5\x2f\xfd" + b"junk" * 9, "stdin", "the zstd data is damaged"),
        (b"a: &x [1]\nb: *x\n", "stdin:1", "aliases"),
        (b"a: !!python/name:os.system x", "stdin:1", "no YAML"),
        (b"- a\n", "stdin:1", "no YAML|no JSON"),
        (b"a: " + b"[" * 50_000, "stdin:1", "nested deeper than 100 levels"),
        (b"a: " + b"{a: " * 50_000, "stdin:1", "nested deeper than 100 levels"),
        (b"- " * 50_000, "stdin:1", "nested deeper than 100 levels"),
        (b"a: 1\nb: [1\nc: 2\n", "stdin:1", "no YAML: "),
    ],
)
def test_what_cannot_be_read_is_one_rejection(data: bytes, place: str, reason: str) -> None:
    """With a reason that says what was wrong."""
    [item] = read_all(data)
    assert isinstance(item, Rejection)
    assert item.place == place
    assert any(part in item.reason for part in reason.split("|"))


def test_lists_without_entries_are_read_and_hold_nothing() -> None:
    """An export that found nothing is neither an entry nor a mistake."""
    assert read_all(b"[]\n") == []
    assert read_all(b"# nothing found\n") == []


LINES = "".join(f"{json.dumps(record(str(n), 'x' * 50))}\n" for n in range(30_000)).encode()


@pytest.mark.parametrize(
    ("packed", "kind"),
    [(gzip.compress(LINES, mtime=0), "gzip"), (zstandard.compress(LINES), "zstd")],
)
def test_the_readable_part_of_a_truncated_file_is_read(packed: bytes, kind: str) -> None:
    """What was whole comes out; the rest is one rejection, with the line where it ended."""
    *entries, last = read_all(packed[: len(packed) * 3 // 4])
    assert len(entries) > 5000
    assert all(isinstance(item, LogEntry) for item in entries)
    assert isinstance(last, Rejection)
    assert last.place == f"stdin:{len(entries) + 1}"
    assert f"the {kind} data ends here, too early" in last.reason


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_packed_file_may_have_several_parts(compress: object) -> None:
    """As `cat` or a log shipper makes them."""
    assert callable(compress)
    assert ids(read_all(compress(JSON[0].encode() + b"\n") + compress(JSON[1].encode()))) == [
        "a",
        "b",
    ]


def test_a_file_that_turns_to_junk_is_read_up_to_there() -> None:
    """Damage in the middle of packed data costs the rest only."""
    damaged = gzip.compress(LINES)
    half = len(damaged) // 2
    *entries, last = read_all(damaged[:half] + bytes(1000) + damaged[half + 1000 :])
    assert isinstance(last, Rejection)
    assert len(entries) > 1000


class Failing(io.BytesIO):
    """A stream whose disk fails after the first piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read once, then fail."""
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_costs_the_rest_of_the_file() -> None:
    """What was read before counts."""
    stream = Failing(JSON[0].encode() + b"\n")
    entry, last = FileSource(["-"], stdin=stream).read()
    assert isinstance(entry, LogEntry)
    assert last == Rejection("stdin:2", "could not be read further: Input/output error")


class Endless(io.BytesIO):
    """A large text made as it is read: a head, one line many times, a tail."""

    def __init__(self, head: bytes, line: bytes, times: int, tail: bytes = b"") -> None:
        super().__init__()
        block = max(1, 100_000 // len(line))
        self._pieces: Iterator[bytes] = iter([head, *[line * block] * (times // block), tail])

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece."""
        del size
        return next(filter(None, self._pieces), b"")


ROW = json.dumps(record("a", "x" * 900)).encode()
MEBIBYTE = 2**20


@pytest.mark.parametrize(
    ("head", "line", "tail"),
    [
        (b"", ROW + b"\n", b""),
        (b"[", ROW + b",\n", b"{}]"),
        (b"[", ROW + b",", b"{}]"),
        (b"insertId,textPayload\n", b"a," + b"x" * 900 + b"\n", b""),
        (b"---\n", b"insertId: a\ntextPayload: " + b"x" * 90_000 + b"\n---\n", b""),
    ],
    ids=["lines", "array", "array in one line", "csv", "yaml"],
)
def test_memory_does_not_grow_with_the_file(head: bytes, line: bytes, tail: bytes) -> None:
    """12 MiB are read in a part of that."""
    times = 12 * MEBIBYTE // len(line)
    tracemalloc.start()
    found = sum(
        isinstance(item, LogEntry)
        for item in FileSource(["-"], stdin=Endless(head, line, times, tail)).read()
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found >= times - 120
    assert peak < 8 * MEBIBYTE


@pytest.mark.parametrize(
    ("head", "tail", "places"),
    [
        (ROW + b'\n{"textPayload": "', b'"}\n' + ROW + b"\n", ["a", "stdin:2", "a"]),
        (b'[{"x": {"textPayload": "', b'"}},\n' + ROW + b"]", ["stdin:1", "a"]),
        (b"insertId: a\ntextPayload: ", b"\n---\ninsertId: b\n", ["stdin:1", "b"]),
        (b"insertId,textPayload\na,", b"\nb,x\n", ["stdin:2", "b"]),
    ],
    ids=["lines", "array", "yaml", "csv"],
)
def test_a_record_too_large_for_any_entry_costs_itself_only(
    head: bytes, tail: bytes, places: list[str]
) -> None:
    """It is skipped without being kept, and rejected once."""
    stream = Endless(head, b"x" * 1000, 17 * MEBIBYTE // 1000, tail)
    assert ids(list(FileSource(["-"], stdin=stream).read())) == places


def test_a_yaml_document_too_large_is_one_rejection() -> None:
    """Many lines of one document count together."""
    stream = Endless(b"insertId: a\n", b"x: " + b"y" * 1000 + b"\n", 17_000, b"---\ninsertId: b\n")
    first, last = FileSource(["-"], stdin=stream).read()
    assert isinstance(first, Rejection)
    assert "larger than 16 MiB" in first.reason
    assert isinstance(last, LogEntry)


def test_a_csv_cell_too_large_is_one_rejection() -> None:
    """Many lines of one cell count together."""
    stream = Endless(b'insertId,textPayload\na,"', b"y" * 1000 + b"\n", 17_000, b'"\nb,x\n')
    first, last = FileSource(["-"], stdin=stream).read()
    assert isinstance(first, Rejection)
    assert "larger than 16 MiB" in first.reason
    assert isinstance(last, LogEntry)
