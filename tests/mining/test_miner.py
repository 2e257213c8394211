"""A miner learns messages in any order and tells their templates."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mining import Miner, Parameter, skeleton

WORD = st.sampled_from(["up", "down", "a.b", "c_d", "e1", "f", "gg", "hh", "ii", "jj", "kk", "ll"])
MESSAGES = st.lists(
    st.builds("{} is {} after {} s".format, WORD, WORD, st.integers(0, 99))
    | st.builds("task-{} {}".format, st.integers(), WORD),
    max_size=60,
)


def learned(messages: list[str], limit: int = 1_000) -> Miner:
    """Return a miner that learned messages."""
    miner = Miner(limit)
    for message in messages:
        miner.learn(message)
    return miner


def test_messages_that_differ_by_parameters_have_one_template() -> None:
    """The template says what they have in common, how many there are, and what differs."""
    miner = learned(["user 7 from 10.0.0.2 gone", "user 13 from 10.0.0.1 gone", "link up"])
    first, second = miner.templates()
    assert (first.text, first.messages) == ("user <*> from <*> gone", 2)
    assert first.parameters == (Parameter("num", "13"), Parameter("ip", "10.0.0.1"))
    assert first.explanation == ("1: num, such as 13", "2: ip, such as 10.0.0.1")
    assert (second.text, second.messages, second.parameters) == ("link up", 1, ())
    assert miner.template_of("user 1 from 10.9.9.9 gone") == first


def test_an_id_is_a_versioned_hash_of_the_text() -> None:
    """The same text has the same id in each process; another text has another one."""
    found = Miner().template_of("link 7 up")
    assert (found.id, found.messages) == ("t1-438b957be272dfdb", 0)
    assert found.parameters == (Parameter("num", "7"),)
    assert Miner().template_of("link 7 down").id != found.id


def test_a_word_becomes_a_parameter_when_enough_is_known() -> None:
    """The template of a message can change while others are learned; its skeleton does not."""
    miner = learned(["job auth.login failed"])
    before = miner.template_of("job auth.login failed")
    for name in ("auth.logout", "mail.send", "mail.read"):
        miner.learn(f"job {name} failed")
    after = miner.template_of("job auth.login failed")
    assert (before.text, after.text) == ("job auth.login failed", "job <*> failed")
    assert after.parameters == (Parameter("text", "auth.login"),)
    assert before.id != after.id


@pytest.mark.parametrize(
    ("message", "examples"),
    [
        ("sent 18846 bytes (18.4 KB) to #3#", ["18846 bytes (18.4 KB)", "#3#"]),
        ("from 10.0.0.1 () up", ["10.0.0.1", ""]),
        ("x " * 300 + "7 y", []),
        ("7", ["7"]),
        ("<*> 7 b", ["<*> 7"]),
        (b"\xff 7", ["7"]),
    ],
)
def test_parameters_are_those_of_an_example(message: str | bytes, examples: list[str]) -> None:
    """A parameter shows all that it stands for; nothing if the example is not whole."""
    miner = Miner()
    miner.learn(message)
    assert [item.example for item in miner.template_of(message).parameters] == examples


def test_an_example_cut_within_a_constant_explains_nothing() -> None:
    """What does not fit the template is not taken for a value."""
    found = Miner().template_of_skeleton(b"a <*> b <*> c", b"a 1 x")
    assert found.parameters == ()
    assert Miner().template_of_skeleton(b"a <*>", b"b 1").parameters == ()


def test_bytes_that_are_no_text_are_shown_and_kept() -> None:
    """A template shows them escaped; a snapshot keeps them."""
    miner = Miner()
    miner.learn(b"\xff 1 \xe9")
    assert miner.templates()[0].text == "\\xff <*> \\xe9"
    restored = Miner.restore(json.loads(json.dumps(miner.snapshot())))
    assert restored.templates() == miner.templates()


def test_a_snapshot_of_another_version_is_refused() -> None:
    """Skeletons of another version are not those of this one."""
    with pytest.raises(ValueError, match="version 't0' cannot be read by 't1'"):
        Miner.restore({"version": "t0", "skeletons": []})


@given(MESSAGES, st.data())
def test_any_order_and_repetition_gives_the_same_templates(
    messages: list[str], data: st.DataObject
) -> None:
    """Shuffled messages have the same templates; repeated ones the same but for their number."""
    expected = learned(messages).templates()
    shuffled = data.draw(st.permutations(messages))
    assert learned(shuffled).templates() == expected
    twice = learned(shuffled + messages).templates()
    assert [(item.id, item.messages // 2) for item in twice] == [
        (item.id, item.messages) for item in expected
    ]


@given(MESSAGES, MESSAGES, st.integers(1, 30))
def test_merged_miners_know_what_one_would(one: list[str], other: list[str], limit: int) -> None:
    """Two states merge to that of one miner that learned all, also when they forget."""
    merged = learned(one, limit)
    merged.merge(learned(other, limit))
    assert merged.snapshot() == learned(one + other, limit).snapshot()
    assert merged.templates() == learned(other + one, limit).templates()


@given(MESSAGES, st.integers(1, 30))
def test_a_snapshot_changes_nothing(messages: list[str], limit: int) -> None:
    """A miner that was restored goes on as the one before."""
    miner = learned(messages[:20], limit)
    restored = Miner.restore(json.loads(json.dumps(miner.snapshot())), limit)
    for message in messages[20:]:
        assert miner.learn(message) == restored.learn(message) == skeleton(message)
    assert restored.templates() == miner.templates()


@given(MESSAGES)
def test_each_message_has_one_of_the_templates(messages: list[str]) -> None:
    """The templates cover all messages, the most frequent first."""
    miner = learned(messages)
    known = miner.templates()
    assert sum(item.messages for item in known) == len(messages)
    assert all(miner.template_of(message) in known for message in messages)
    assert all(one.messages >= other.messages for one, other in pairwise(known))
