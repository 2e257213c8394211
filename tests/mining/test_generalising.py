"""A word is a parameter where many values occur in otherwise equal skeletons."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mining.generalising import IDENTIFIERS, WORDS, generalise

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(number: int) -> list[str]:
    """Return distinct words of letters."""
    return [f"w{LETTERS[index]}rd" for index in range(number)]


def templates(*texts: str) -> set[str]:
    """Return the templates of skeletons."""
    return {text.decode() for text in generalise([text.encode() for text in texts]).values()}


def test_many_words_in_one_place_are_a_parameter() -> None:
    """From twelve distinct words on, a place is a parameter; one less are twelve templates."""
    assert templates(*(f"removing {word} now" for word in words(WORDS))) == {"removing <*> now"}
    assert len(templates(*(f"removing {word} now" for word in words(WORDS - 1)))) == WORDS - 1


def test_fewer_identifiers_will_do() -> None:
    """Four names with dots, underscores or digits are enough."""
    names = ["com.a.x", "com.b.y", "root_backup", "eth0"]
    assert templates(*(f"job {name} ran" for name in names)) == {"job <*> ran"}
    assert len(templates(*(f"job {name} ran" for name in names[1:]))) == IDENTIFIERS - 1


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("disk <*> full", "disk root1_local full"), {"disk <*> full"}),
        (("disk sd_<*> full", "disk root_local full"), {"disk <*> full"}),
        (("peer <*> gone", "peer fddeaacc gone"), {"peer <*> gone"}),
        (("x rhost=<*> y", "x rhost=local y"), {"x rhost=<*> y"}),
        (("disk <*> full", "disk not full"), {"disk <*> full", "disk not full"}),
        (("link up", "link down"), {"link up", "link down"}),
        (("a <*>", "b <*>"), {"a <*>", "b <*>"}),
        (("IPV4 addr", "IPV6 addr"), {"IPV4 addr", "IPV6 addr"}),
        (("x 'a' found", "x 'b' found", "x 'c' found", "x 'd' found"), {"x '<*>' found"}),
        ((), set()),
    ],
)
def test_what_a_place_says_of_its_values(texts: tuple[str, ...], expected: set[str]) -> None:
    """Values join a parameter that is seen in their place; states and verbs stay apart."""
    assert templates(*texts) == expected


def test_single_words_are_no_values_of_one_parameter() -> None:
    """Messages of one word have nothing in common, however many there are."""
    assert len(templates(*words(20))) == 20
    assert len(templates(*(f"{word} :" for word in words(20)))) == 20


def test_a_parameter_found_makes_others_findable() -> None:
    """Places that differ only by another parameter become one."""
    texts = [f"for {name} at {host}" for name in words(WORDS) for host in ("a.b", "c.d")]
    assert templates(*texts) == {"for <*> at a.b", "for <*> at c.d"}
    grid = [f"for {name} at {host}" for name in words(WORDS) for host in words(WORDS)]
    assert templates(*grid) == {"for <*> at <*>"}


def test_what_follows_from_what_ends() -> None:
    """Parameters that are found only by others are looked for four times."""
    texts = [
        " ".join(
            f"{name}.{'_'.join(map(str, values[place:]))}x" for place, name in enumerate("abcde")
        )
        for values in product("qrst", repeat=5)
    ]
    found = templates(*(f"for {text}" for text in texts))
    assert found == {f"for <*> e.{value}x" for value in "qrst"}


def test_long_texts_are_looked_at_from_their_start() -> None:
    """Values far behind the start of a text do not count, but what follows must be equal."""
    tail = " tail" * 500
    assert len(templates(*(f"job {word}{tail}" for word in words(WORDS)))) == 1
    assert len(templates(*(f"job{tail} {word}" for word in words(WORDS)))) == WORDS


TEXTS = [f"for {a} at {b}.x on {c}".encode() for a in words(13) for b in "ab" for c in "cd"]


@given(st.permutations(TEXTS))
def test_the_order_of_skeletons_does_not_matter(texts: list[bytes]) -> None:
    """Any order of the same skeletons gives the same templates."""
    assert generalise(texts) == generalise(TEXTS)
