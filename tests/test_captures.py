"""What an expression captured becomes a value of the type that its rule says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.captures import CAPTURE_LIMIT, convert

if TYPE_CHECKING:
    from pipeline.audit import CaptureType


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("abc", "str", "abc"),
        ("12", "int", 12),
        ("-3", "int", -3),
        ("12.5", "int", "12.5"),
        ("9223372036854775807", "int", 2**63 - 1),
        ("9223372036854775808", "int", "9223372036854775808"),
        ("9" * 5000, "int", "9" * CAPTURE_LIMIT),
        ("12.5", "float", 12.5),
        ("1e999", "float", "1e999"),
        ("nan", "float", "nan"),
        ("many", "float", "many"),
        ("['a', 'b']", "list", ["a", "b"]),
        ("['b', 'a', 'b']", "list", ["b", "a", "b"]),
        ('["a", "it\'s"]', "list", ["a", "it's"]),
        ("{'b', 'a'}", "list", ["b", "a"]),
        ("('a',)", "list", ["a"]),
        ("dict_keys(['a', 'b'])", "list", ["a", "b"]),
        ("['a, b', 'c']", "list", ["a, b", "c"]),
        ("[a, b]", "list", ["a", "b"]),
        ("a,b , c", "list", ["a", "b", "c"]),
        ("it's, that's", "list", ["it's", "that's"]),
        ("users", "list", ["users"]),
        ("[]", "list", []),
        ("", "list", []),
        ("['user_sessions', 'aud", "list", ["user_sessions"]),
        ("['user_sess", "list", ["user_sess"]),
        ("{'b', 'a', 'b'}", "set", ["a", "b"]),
        ("2025-09-10T02:33:54+02:00", "timestamp", "2025-09-10T00:33:54Z"),
        ("2025-09-10 00:33:54,5", "timestamp", "2025-09-10T00:33:54.500Z"),
        ("yesterday", "timestamp", "yesterday"),
        ("2025-13-10T00:00:00Z", "timestamp", "2025-13-10T00:00:00Z"),
        ("x" * (CAPTURE_LIMIT + 1), "str", "x" * CAPTURE_LIMIT),
    ],
)
def test_a_captured_text_becomes_what_its_rule_says(
    text: str, kind: CaptureType, expected: object
) -> None:
    """What does not fit its type stays the text it was, if it is not very long."""
    assert convert(text, kind) == expected
