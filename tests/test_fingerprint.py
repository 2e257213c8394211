"""The same failure gets the same key, another failure another one, and the key says why."""

import re
import time

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from pipeline import fingerprint
from pipeline.fingerprint import Fingerprint, of_entity, of_message, pattern, template
from tests.tracebacks import CHAIN


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("user 42 not found", "user <num> not found"),
        (
            "took 12ms, 1.5 s, 1h30m5s and 3 minutes",
            "took <duration>, <duration>, <duration> and <duration>",
        ),
        (
            "Memory limit of 512 MiB exceeded with 527.5 MiB used.",
            "Memory limit of <size> exceeded with <size> used.",
        ),
        ("id 550e8400-e29b-41d4-a716-446655440000", "id <uuid>"),
        (
            "from 10.0.0.1:5432 and ::1 and 2001:db8::ff00:42:8329 and fe80::1",
            "from <ip>:<num> and <ip> and <ip> and <ip>",
        ),
        ("2001:0db8:0000:0000:0000:ff00:0042:8329 up", "<ip> up"),
        ("at 0x7f3a2c commit da39a3ee5e6b defaced 1234567", "at <hex> commit <num> defaced <num>"),
        ("page 0f0b0ed0, 20911004, c000abd0 of 31", "page <num> of <num>"),
        ('relation "user_sessions" does not exist', "relation <str> does not exist"),
        ("missing: ['a', 'b'] or ['c'], it's `d`", "missing: [<str>] or [<str>], it's <str>"),
        (
            "no file /app/main.py:12 or app/main.py or ~/a/b or C:\\a\\b and/or /health",
            "no file <path>:<num> or <path> or <path> or <path> and/or /health",
        ),
        ("mail to a.b@example.com", "mail to <email>"),
        ("see (https://example.com/a?b=1) now", "see (<url>) now"),
        ("2025-09-10T00:33:54.123456Z up", "<date> up"),
        ("2025-09-10 00:33:54,123 +0000 up", "<date> up"),
        ("2025-09-10 up", "<date> up"),
        ("10/Sep/2025:00:33:54 +0000 up", "<date> up"),
        ("Wed, 10 Sep 2025 00:33:54 GMT up", "Wed, <date> up"),
        ("Sep 10 00:33:54 up", "<date> up"),
        ("00:33:54.5 up", "<time> up"),
        ("backend-00042-abc of job_17 v2 utf8", "backend-<revision> of job_<num> v2 utf8"),
        ("[1, 2, 3] 1,234.5", "[<num>] <num>"),
        ("\x1b[31mred\x1b[0m \x1b]8;;https://example.com\x07a\x1b]8;;\x1b\\", "red a"),
        ("  a\n\tb  ", "a b"),
        ("std::vector a::b", "std::vector a::b"),
        ("\x00 \ud800 é", "\x00 \ud800 é"),
        ("", ""),
    ],
)
def test_template(message: str, expected: str) -> None:
    """What varies between two tellings of the same thing is named."""
    assert template(message) == expected


@given(
    st.integers(0, 10**12),
    st.uuids(),
    st.ip_addresses(v=4),
    st.datetimes(),
    st.text("abc /", min_size=1),
)
def test_templates_do_not_depend_on_what_varies(
    number: int, uuid: object, address: object, when: object, text: str
) -> None:
    """Two messages that differ in their parameters alone have one template."""
    made = template(f'at {when} {address} asked {uuid} for "{text}" {number} times')
    assert re.sub(r"<date>(\.[0-9]+)?", "<date>", made) == (
        "at <date> <ip> asked <uuid> for <str> <num> times"
    )


@given(st.text(st.characters()))
def test_any_message_has_a_template(message: str) -> None:
    """Any text is normal input, and white space never makes a difference."""
    assert template(f" {message}\n") == template(message)


def test_only_the_beginning_of_a_long_message_counts() -> None:
    """Past its limit a message adds nothing to its template."""
    assert template("a " * 5_000 + "b") == template("a " * 5_000 + "c")


@pytest.mark.parametrize(
    "unit",
    ["a", "1.", "a.", "A", "'", '"', "/a", "\x1b[", "a::", "1", "1,", "1:", "00:00:00.1", "_1",
     "0x1", "<num>,", "<str>, ", "1-", "1234-11-", "1 ", "fffffff-", "1m", "1.1m", "1K", "x\n1"],
)  # fmt: skip
def test_long_lines_take_linear_time(unit: str) -> None:
    """A megabyte is templated at once, whatever it repeats."""
    line = unit * (1_000_000 // len(unit))
    started = time.process_time()
    assert template(line) == template(line[:10_000])
    assert time.process_time() - started < 10  # a quadratic step would take many minutes


def test_an_entity_is_keyed_and_explained() -> None:
    """The rule and each of its fields stand in the explanation."""
    found = of_entity("missing_table", {"tables": ["b", "a", "b"], "service": "backend", "x": None})
    assert found.explanation == (
        "rule: missing_table",
        "service: backend",
        "tables: a, b",
        "x: (none)",
    )
    assert re.fullmatch(r"v1-[0-9a-f]{16}", found.value)


def test_a_key_is_for_ever() -> None:
    """Stored incidents are found by these keys: a change of one needs a new version."""
    assert of_entity("r", {"service": "s"}).value == "v1-31ac2807c5bdc622"
    assert of_message("r", "user 42 not found").value == "v1-db24b2a041ed7da9"
    assert of_message("r", CHAIN).value == "v1-f1b72a68192112a4"


@given(
    st.dictionaries(st.text(max_size=3), st.lists(st.text(max_size=3)), max_size=4),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_do_not_matter(entity: dict[str, list[str]], random: object) -> None:
    """The same entity in any order, as a list, a set or a tuple, has one key."""
    assert hasattr(random, "shuffle")
    names = list(entity)
    random.shuffle(names)
    other: dict[str, object] = {}
    for name in names:
        values = entity[name] * 2
        random.shuffle(values)
        other[name] = frozenset(values) if len(values) % 4 else tuple(values)
    assert of_entity("r", other) == of_entity("r", entity)


def test_a_value_has_one_key_however_it_was_written() -> None:
    """Logs write a number as int, float or text, and one value with or without its list."""
    same: list[object] = [200, 200.0, "200", ["200"], [200, 200.0]]
    assert len({of_entity("r", {"status": value}).value for value in same}) == 1
    nested = [{"a": [{"b": 1, "c": [2, 3]}, [4]]}, {"a": [[4], {"c": [3, 2], "b": 1.0}]}]
    assert len({of_entity("r", value).value for value in nested}) == 1
    apart: list[object] = [None, "", [], True, 1.5, "a", ["a", "b"], "a, b"]
    assert len({of_entity("r", {"status": value}).value for value in apart}) == len(apart) - 1


def test_other_rules_and_entities_have_other_keys() -> None:
    """Nothing of a key can be shifted into another part of it."""
    keys = [
        of_entity("a", {"b": "c"}),
        of_entity("ab", {"": "c"}),
        of_entity("a", {"bc": ""}),
        of_entity("a", {"b": "c", "d": "e"}),
        of_message("a", "b c"),
        of_message("b", "b c"),
    ]
    assert len({key.value for key in keys}) == len(keys)


def test_a_message_without_a_traceback_is_keyed_by_its_template() -> None:
    """Two tellings of the same thing have one key, and it says which template."""
    found = of_message("r", "user 42 not found")
    assert found == of_message("r", "user  43 not found")
    assert found.explanation == ("rule: r", "message: user <num> not found")
    assert of_message("r", "ValueError: 1") == of_message("r", "ValueError: 2")


def test_a_traceback_is_keyed_by_its_frames() -> None:
    """The exception's type and the frames of the application count, innermost first."""
    assert of_message("r", CHAIN).explanation == (
        "rule: r",
        "exception: psycopg2.errors.UndefinedTable",
        "frame: /app/backend/db.py in fetch",
    )
    moved = CHAIN.replace("line 12", "line 34").replace("user_sessions", "users")
    assert of_message("r", moved) == of_message("r", CHAIN)
    assert of_message("r", CHAIN.replace("fetch", "store")) != of_message("r", CHAIN)


def test_five_frames_count() -> None:
    """Whoever called from further out makes no difference, and recursion counts once."""
    head, error = "Traceback (most recent call last):\n", "ValueError: x\n"

    def calls(*names: str) -> Fingerprint:
        frames = (f'  File "/app/m.py", line 1, in {name}\n    go()\n' for name in names)
        return of_message("r", head + "".join(frames) + error)

    assert calls(*"zyabcde") == calls(*"abcde") == calls(*"abcdede")
    assert calls(*"bcde") != calls(*"abcde")
    assert len(calls(*"zyabcde").explanation) == 7


def test_frames_of_libraries_count_when_there_are_no_others() -> None:
    """A traceback through libraries alone is still keyed by its frames; one cut off says so."""
    text = '  File "/usr/lib/python3/x.py", line 1\n'
    assert of_message("r", text).explanation == (
        "rule: r",
        "exception: (cut off)",
        "frame: /usr/lib/python3/x.py",
    )


PIECES = st.sampled_from(
    ("12", "fe80::1", "fdaa::bb", "aaaa:bbbb:cccc:dddd:aaaa:bbbb:cccc:dddd", "-12345-abc", "0xab",
     "0x", "a@b.example", "a://b", "/a/b", "C:\\a", "a/b.c", "\x1b[1m", "\x1b]8;;x\x07", "'", '"',
     "`", ", ", ",", "<str>", "<num>", "deadbeef", "1deadbeef", "_7", "7 MB", " ", "é",
     "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", "550e8400-E29B-41d4-a716-446655440000", "2025-09-10",
     "T", " 00:33:54", ".123", "Z", " +0000", "10/Sep/2025", ":", "Sep  9", " 7:54", "9", "999999",
     "10.0.0.1", "1:2:3:4:5:6:7:8", "h", "ms", "µs", " day", " min", "KiB", "bytes", "\ud800", "\n")
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=3), max_size=12))
def test_to_look_for_marks_first_changes_no_template(pieces: list[str]) -> None:
    """A parameter is never without its marks, and each expression is what RE2 takes it for."""
    text = "".join(pieces)
    data = text.encode("utf-8", "surrogatepass")
    for expression, replacement, _ in fingerprint._PARAMETERS:  # noqa: SLF001 - all of them, in turn
        data = re2.compile(expression.pattern).sub(replacement, data)
    assert template(text) == " ".join(data.decode("utf-8", "surrogatepass").split())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("page 7 closed", "page <num> closed"),
        ("word " * 100, f"{'word ' * 59}word…"),
        (CHAIN, None),
        (
            'Traceback (most recent call last):\n  File "/a.py", line 1, in f\nE: x',
            "E in f (/a.py)",
        ),
        ('Traceback (most recent call last):\n  File "/a.py", line 1\nE: x', "E in /a.py"),
        ('  File "/a.py", line 1, in f', "File <str>, line <num>, in f"),
        ('  File "/a.py", line 1, in f\n    x()', "an exception in f (/a.py)"),
        ("ValueError: x\nno frames", "ValueError: x no frames"),
        ("2025-09-10 08:00:00,123 - shop.orders - ERROR - no price", "no price"),
        ("ERROR:shop.orders:no price", "no price"),
        ("[2025-09-10 08:01:00,123] ERROR in orders: no price", "no price"),
        ("2025-09-10 08:03:02.120 | ERROR    | shop.orders:price:12 - no price", "no price"),
        ("[2025-09-10 08:12:00,631: CRITICAL/MainProcess] no price", "no price"),
        ("[2025-09-10 08:12:00 +0000] [7] [ERROR] no price", "no price"),
        ("2025-09-10 08:12:00 [WARN] no price", "no price"),
        ("ERROR - no price", "no price"),
        ("ERROR:shop.orders:", "ERROR:shop.orders:"),
        ("an ERROR: no price", "an ERROR: no price"),
    ],
)
def test_a_pattern_says_in_a_line_what_is_grouped_by(message: str, expected: str | None) -> None:
    """The exception and where it was raised, or the template."""
    found = pattern(message)
    assert len(found) <= fingerprint.PATTERN_LIMIT
    assert "\n" not in found
    assert expected is None or found == expected
