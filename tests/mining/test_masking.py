"""What is a parameter by its form is masked, and words that tell messages apart are not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mining import LIMIT, skeleton
from pipeline.mining.masking import _REMEMBERED, _WORDS


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("user 42 of 1,234.5", "user <*> of <*>"),
        ("took -3 and +4 and 5%", "took <*> and <*> and <*>%"),
        ("from 10.0.0.1:5432, /10.0.0.1:80", "from <*>"),
        ("at 2001:db8::ff00:42:8329 and fe80:0:0:0:c6b3:1ff:fecd:467f", "at <*> and <*>"),
        ("mac 5c:50:15:4c:18:13 up", "mac <*> up"),
        ("std::vector a::b and ab:cd:ef", "std::vector a::b and ab:cd:ef"),
        ("id 550e8400-e29b-41d4-a716-446655440000 ok", "id <*> ok"),
        ("ptr 0x7f3a2c commit da39a3ee5e6b defaced", "ptr <*> commit <*> defaced"),
        ("read /etc/app.d/x: failed, C:\\a\\b too", "read <*>: failed, <*> too"),
        ("GET https://example.com/a?b=1 HTTP/1.1", "GET <*> HTTP/<*>"),
        ("mail to a.b@example.com now", "mail to <*> now"),
        ("2025-09-10T00:33:54.123Z up", "<*> up"),
        ("at Wed Jun 22 13:16:30 2005 from", "at <*> from"),
        ("at 10 Sep 2025 00:33 UTC from", "at <*> from"),
        ("sent 18846 bytes (18.4 KB) in <1 sec", "sent <*> in <*>"),
        ("sent 7 bytes in 00:02", "sent <*> in <*>"),
        ("used 512 MiB, 3 B of 4GB", "used <*> of <*>"),
        ("waited 3 seconds, 10000ms and 2 hours", "waited <*> and <*>"),
        ("ask #3# and #4", "ask <*> and <*>"),
        ("delete blk_-16089 blk_17 blk_18", "delete blk_<*>"),
        ("nodes an1 an270 bn33 down", "nodes <*> down"),
        ("task attempt_1445_0005_m_000012_0 done", "task attempt_<*> done"),
        ("task attempt_1445_0005_r_000012_0 done", "task attempt_<*> done"),
        ("wrote core.862 and part-002.xml", "wrote core.<*> and <*>"),
        ("host db-1.internal and www.example.com.br", "host <*> and <*>"),
        ("host cache.example.de:6379", "host <*>"),
        ("class com.example.Thing and java.io.net", "class com.example.Thing and java.io.net"),
        ("key mapred.job.id or main.py", "key mapred.job.id or main.py"),
        ("call google.run.v2.Services.CreateService", "call google.run.<*>.Services.CreateService"),
        ("call google.run.v2.jobs.get", "call google.run.<*>.jobs.get"),
        ("peer (db.example.com) or ()", "peer (<*>) or (<*>)"),
        ("enabled=true, x = null", "enabled=<*>, x = <*>"),
        ("IPV6, eth0, SOCKS5 and utf8", "IPV6, eth0, SOCKS5 and utf8"),
        ("vcpu 16G of storage442 is A8", "vcpu <*> of <*> is <*>"),
        ("session opened for user alice by root", "session opened for user <*> by root"),
        ("password for bob from 10.0.0.1", "password for <*> from <*>"),
        ("password for invalid user x1 from 10.0.0.1", "password for invalid user <*> from <*>"),
        ("failed rhost= user=alice", "failed rhost= user=<*>"),
        ("user unknown; user created", "user unknown; user created"),
        ("state 'Active' up, state 'Inactive' down", "state 'Active' up, state 'Inactive' down"),
        ('name "alt0", \\"a1b-x:y\\" or "alpha"', 'name "<*>", \\"<*>\\" or "alpha"'),
        ("name \\042alt0\\042 and \\042W:01-x\\042", "name \\<*>\\<*> and \\<*>\\<*>"),
        ('{"id2":7,"k8s":"v1x"}', '{"id2":<*>,"k8s":"<*>"}'),
        ("update (/lib/D Nodes/dn7/out.rrd): old", "update (<*>): old"),
        ("done (7 reads/s) and [5 read/write ops]", "done (<*> reads/s) and [<*> read/write ops]"),
        ("\x1b[31mred\x1b[0m \x1b]8;;https://example.com\x07a\x1b]8;;\x1b\\", "red a"),
        ("  a\n\tb  ", "a b"),
        ("zażółć 7", "zażółć <*>"),
        ("true", "<*>"),
        ("", ""),
    ],
)
def test_a_parameter_is_known_by_its_form(message: str, expected: str) -> None:
    """Numbers, ids, addresses, paths, times and the like are masked; words stay."""
    assert skeleton(message).decode() == expected


def test_bytes_are_as_good_as_text() -> None:
    """A message may be bytes, of any kind."""
    assert skeleton("é 1".encode()) == skeleton("é 1")
    assert skeleton(b"\xff\xfe 12 \x00") == b"\xff\xfe <*> \x00"


def test_what_is_too_long_does_not_count() -> None:
    """Past the limit nothing counts, and no word is cut."""
    start = "word " * (LIMIT // 5 - 1)
    assert skeleton(start + "abcdefghij") == skeleton(start + "abcdefghijk")


def test_a_message_of_one_endless_word_is_cut() -> None:
    """A word that is longer than all that counts is cut there."""
    assert skeleton("x" * (LIMIT + 1)) == b"x" * LIMIT


@pytest.mark.parametrize(
    "unit",
    [
        "1.",
        "aA1-",
        "<*>,",
        "\x1b[",
        "Jan ",
        "(1) ",
        "user=",
        "a.b@",
        "1:",
        "/",
        "-",
        "a1 ",
        '"a1',
        "(1 a/",
        "é",
    ],
)
def test_no_text_can_stall_it(unit: str) -> None:
    """Time grows with the length of a message, whatever repeats in it."""
    before = time.process_time()
    for number in range(10):
        skeleton(f"{number}{unit * 100_000}")
    assert time.process_time() - before < 2


def test_what_is_remembered_is_bounded() -> None:
    """Words are forgotten when there are too many of them."""
    for number in range(_REMEMBERED + 10):
        skeleton(f"w{number}x")
    assert len(_WORDS) <= _REMEMBERED


@given(st.text() | st.binary())
def test_a_skeleton_is_a_fixed_point_of_form(message: str | bytes) -> None:
    """Any text has a skeleton: one line without white space at its ends, the same each time."""
    found = skeleton(message)
    assert found == skeleton(message)
    assert found == b" ".join(found.split())


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_do_not_tell_messages_apart(one: int, other: int) -> None:
    """Two messages that differ in a number have one skeleton, as have their ids and versions."""
    for text in ("order {} lost", "item_{} lost", "core.{} x", "v({})", "a={},b"):
        assert skeleton(text.format(one)) == skeleton(text.format(other))
