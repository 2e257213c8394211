"""What every spool promises (`ports.Spool`), and what the temporary one says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stores.spool import IN_MEMORY, PIECE, TemporarySpool
from tests.fakes.spool import MemorySpool

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pipeline.ports import Spool

SPOOLS: dict[str, Callable[[int], AbstractContextManager[Spool]]] = {
    "in memory": lambda row: nullcontext(MemorySpool(row)),
    "temporary": TemporarySpool,
}


@pytest.mark.parametrize("kind", SPOOLS)
@given(st.sampled_from([1, 7, 8]), st.lists(st.integers(0, 40), max_size=8))
def test_rows_come_back_as_they_were_added(kind: str, row: int, counts: list[int]) -> None:
    """In order, in pieces of whole rows, as often as they are asked for."""
    added = [bytes([at]) * row * count for at, count in enumerate(counts)]
    with SPOOLS[kind](row) as spool:
        for rows in added:
            spool.add(rows)
        for _ in range(2):
            pieces = list(spool.read())
            assert b"".join(pieces) == b"".join(added)
            assert {len(piece) % row for piece in pieces} <= {0}


@pytest.mark.parametrize("kind", SPOOLS)
def test_more_may_be_added_after_reading(kind: str) -> None:
    """Also when reading was given up half-way."""
    with SPOOLS[kind](2) as spool:
        spool.add(b"aabb")
        next(iter(spool.read()))
        spool.add(b"cc")
        assert b"".join(spool.read()) == b"aabbcc"


def test_what_is_large_goes_to_disk_and_comes_in_pieces() -> None:
    """Each piece holds whole rows, though their size divides no power of two."""
    row = bytes(range(56))
    count = (PIECE // 2 + IN_MEMORY) // len(row)  # more than stays in memory
    with TemporarySpool(len(row)) as spool:
        spool.add(row * count)
        sizes = [len(piece) for piece in spool.read()]
        assert sum(sizes) == count * len(row)
        assert max(sizes) <= PIECE < sum(sizes)
        assert all(size % len(row) == 0 for size in sizes)


FULL = f"""
import resource, signal
from pipeline.errors import StoreError
from pipeline.stores.spool import TemporarySpool

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({2 * IN_MEMORY}, {2 * IN_MEMORY}))
with TemporarySpool(8) as spool:
    try:
        for _ in range(4):
            spool.add(bytes({IN_MEMORY}))
        list(spool.read())
    except StoreError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_a_full_disk_is_said() -> None:
    """With what to do about it."""
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True)
    assert "the temporary file that remembers which entries were read failed" in done.stdout
    assert "set TMPDIR to a directory that has some" in done.stdout
