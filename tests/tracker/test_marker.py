"""Markers: what we wrote is found again, and nothing else is taken for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigurationError
from pipeline.tracker.marker import Mark, Side, Signer, Standing

KEY = b"sixteen bytes or more"
SIGNER = Signer(KEY, "example/platform")
MARK = Mark(Side.BEGIN, "inc-a", issue=12, digest="0" * 16, of="1" * 16)
LINE = SIGNER.write(MARK)

words = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30)
marks = st.builds(
    Mark,
    st.sampled_from(Side),
    words,
    key=words | st.just(""),
    issue=st.integers(0, 10**12),
    after=st.integers(0, 10**12),
    digest=words | st.just(""),
    of=words | st.just(""),
    failure=words | st.just(""),
)


def standings(text: str, signer: Signer = SIGNER) -> list[Standing]:
    """Return what each line that looks like a marker is."""
    return [found.standing for found in signer.read(text)]


@given(marks, words)
def test_what_is_written_is_read_again(mark: Mark, around: str) -> None:
    """On one line, whatever it says and whatever stands around it."""
    line = SIGNER.write(mark)
    assert len(line.splitlines()) == 1
    text = f"{around.replace('`', '').replace('~', '')}\n{line}\n{around}"
    (found,) = SIGNER.read(text)
    assert found.mark == mark
    assert text[found.start : found.end] == line


@given(st.text())
def test_no_text_is_taken_for_a_marker(text: str) -> None:
    """Only we can sign."""
    assert all(found.mark is None for found in SIGNER.read(text))


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        (LINE, Standing.GENUINE),
        (f"{LINE}  \r\n", Standing.GENUINE),
        (f"> {LINE}", Standing.QUOTED),
        (f">> {LINE}", Standing.QUOTED),
        (f"    {LINE}", Standing.QUOTED),
        (f"```text\n{LINE}\n```", Standing.QUOTED),
        (f"~~~\n{LINE}", Standing.QUOTED),
        (LINE.replace("inc-a", "inc-b"), Standing.FORGED),
        (LINE.replace("issue=12 ", ""), Standing.FORGED),
        (LINE.replace("begin", "end"), Standing.FORGED),
        (LINE[:-20], Standing.BROKEN),
        (f"{LINE} and more", Standing.BROKEN),
        (LINE.replace(":v1", ":v2"), Standing.BROKEN),
        (LINE.replace("issue=12", "issue=x"), Standing.BROKEN),
        (LINE.replace("issue=12", "issue=1 issue=2"), Standing.BROKEN),
        (LINE.replace("issue=12", "other=12"), Standing.BROKEN),
        (LINE.replace("incident=inc-a ", ""), Standing.BROKEN),
    ],
)
def test_what_is_no_marker_of_ours_is_told_apart(text: str, standing: Standing) -> None:
    """Quoted, forged, or broken; browsers end lines otherwise, which is no harm."""
    (found,) = SIGNER.read(text)
    assert found.standing is standing
    assert (found.mark == MARK) == (standing is Standing.GENUINE)


def test_a_marker_in_the_middle_of_a_line_is_none() -> None:
    """Ours stand on lines of their own."""
    assert standings(f"see {LINE}") == []


def test_a_marker_counts_in_its_repository_only() -> None:
    """In another one it was copied, or came with a transfer; case does not matter."""
    assert standings(LINE, Signer(KEY, "Example/Platform")) == [Standing.GENUINE]
    assert standings(LINE, Signer(KEY, "example/other")) == [Standing.FORGED]
    assert standings(LINE, Signer(KEY[::-1], "example/platform")) == [Standing.FORGED]


def test_what_a_former_signer_wrote_counts() -> None:
    """The key may be changed, the repository renamed."""
    renamed = Signer(KEY[::-1], "example/other", former=(SIGNER,))
    assert standings(LINE, renamed) == [Standing.GENUINE]
    assert standings(renamed.write(MARK)) == [Standing.FORGED]


def test_a_key_that_could_be_guessed_is_refused() -> None:
    """And none is ever shown."""
    with pytest.raises(ConfigurationError, match=r"FIVEWHYS_MARKER_KEY: .* shorter than 16 bytes"):
        Signer(b"short", "example/platform")
    assert "sixteen" not in repr(replace(SIGNER, former=(SIGNER,)))
