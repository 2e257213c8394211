"""What every shelf promises (`Shelf`), and what the temporary one says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from pipeline.correlation.episodes import MemoryShelf
from pipeline.stores.shelf import AT_ONCE, TemporaryShelf
from tests.support import detection

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pipeline.correlation.episodes import Shelf

SHELVES: dict[str, Callable[[], AbstractContextManager[Shelf]]] = {
    "in memory": lambda: nullcontext(MemoryShelf()),
    "temporary": TemporaryShelf,
}
MANY = AT_ONCE // 100
"""Detections that fill a file more than once."""

FOUND = [
    structs.replace(
        detection("rule", at=at, note=["a", 1, 2.5]), trace=f"t{at}", explanation=("x", "y")
    )
    for at in range(MANY)
]


@pytest.mark.parametrize("kind", SHELVES)
def test_what_was_put_can_be_got(kind: str) -> None:
    """In any order, and what is put after that, too."""
    with SHELVES[kind]() as shelf:
        places = [*shelf.put(FOUND[:3]), *shelf.put(FOUND[3:])]
        assert [shelf.get(place) for place in reversed(places)] == FOUND[::-1]


@pytest.mark.parametrize("kind", SHELVES)
def test_what_is_kept_can_be_got(kind: str) -> None:
    """Whatever lay between; what is put after that, too, and it can be kept once more."""
    with SHELVES[kind]() as shelf:
        places = [*shelf.put(FOUND)]
        left = [*shelf.keep(places[1::2])]
        assert [shelf.get(place) for place in left] == FOUND[1::2]
        (further,) = shelf.put(FOUND[:1])
        left = [*shelf.keep([left[-1], further])]
        assert [shelf.get(place) for place in left] == [FOUND[1::2][-1], FOUND[0]]
        assert [*shelf.keep([])] == []
        (only,) = shelf.put(FOUND[3:4])
        assert shelf.get(only) == FOUND[3]


@pytest.mark.parametrize("kind", SHELVES)
def test_hostile_text_comes_back_as_it_was(kind: str) -> None:
    """Half a character, a long text, a time in the year 9999, any mapping."""
    item = structs.replace(
        detection("rule", text="\ud800" + "x" * 100_000), richness=(2**70, 1, 1, "")
    )
    with SHELVES[kind]() as shelf:
        mapping = MappingProxyType(item.entity)
        (place,) = shelf.put([structs.replace(item, entity=mapping, fields=mapping)])
        assert shelf.get(place) == item
        shelf.put([item] * MANY)
        assert shelf.get(place) == item


def test_an_empty_one_can_be_closed() -> None:
    """There is no file yet."""
    with TemporaryShelf() as shelf:
        assert shelf is not None


FULL = """
import resource, signal
from pipeline.errors import StoreError
from pipeline.stores.shelf import AT_ONCE, TemporaryShelf
from tests.support import detection
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
shelf = TemporaryShelf()
try:
    for _ in range(AT_ONCE // 100):
        shelf.put([detection("rule")])
except StoreError as error:
    print(error)
"""


def test_a_full_disk_is_told() -> None:
    """With what to do about it."""
    ran = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True)
    assert "the temporary file that holds what was detected failed" in ran.stdout
    assert "set TMPDIR" in ran.stdout
