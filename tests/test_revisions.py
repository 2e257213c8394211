"""Which of two revisions is the older one."""

import pytest

from pipeline.revisions import check_revision, is_older


@pytest.mark.parametrize(
    ("revision", "than", "older"),
    [
        ("backend-00041-abc", "backend-00042-xyz", True),
        ("backend-00042-abc", "backend-00042-abc", False),
        ("backend-00043-abc", "backend-00042-xyz", False),
        ("backend-99999-abc", "backend-100000-xyz", True),  # numbers, not texts
        ("my-api-v2-00001-abc", "my-api-v2-00002-abc", True),
        ("auth-00041-abc", "backend-00042-xyz", False),  # of another service
        ("backend-v1", "backend-00042-xyz", False),  # its name does not tell
        ("backend-00041-abc", "backend-v2", False),
        ("backend-00041-", "backend-00042-", False),
        ("", "backend-00042-xyz", False),
        ("backend-00041-abc", "", False),
        ("", "", False),
        ("backend-¹-abc", "backend-2-abc", False),
        (f"backend-{'1' * 5000}-abc", "backend-2-abc", False),
    ],
)
def test_the_number_in_its_name_tells_the_older_revision(
    revision: str, than: str, *, older: bool
) -> None:
    """Of one service; where the names do not tell, neither is older."""
    assert is_older(revision, than) is older


def test_a_name_that_does_not_tell_is_said_to_be_one() -> None:
    """So that nobody waits for a revision that never comes."""
    check_revision("backend-00042-abc")
    with pytest.raises(ValueError, match="'backend-v2' is no revision with a number"):
        check_revision("backend-v2")
