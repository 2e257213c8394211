"""What checkov found is read rightly."""

from __future__ import annotations

from typing import Any

from tests.infra.policy import ACCEPTED, LEAST, faults
from tests.infra.terraform import MODULE


def found(**results: Any) -> dict[str, Any]:
    """Return what it tells when all is well, but for what is said."""
    texts = [path.read_text(encoding="utf-8") for path in MODULE.rglob("*.tf")]
    skips = [check for text in texts for check, _ in ACCEPTED.findall(text)]
    well = {
        "failed_checks": [],
        "parsing_errors": [],
        "skipped_checks": [{"check_id": check} for check in skips],
    }
    return {"results": {**well, **results}, "summary": {"resource_count": LEAST}}


def test_all_is_well_if_what_was_found_is_accepted() -> None:
    """Each acceptance has a reason."""
    assert [*faults(found())] == []


def test_what_is_found_is_named_with_its_place() -> None:
    """So is a file that could not be read."""
    failed = {
        "check_id": "CKV_X_1",
        "check_name": "Ensure it is well",
        "file_path": "/main.tf",
        "file_line_range": [7, 9],
        "resource": "google_x.y",
    }
    assert [*faults(found(failed_checks=[failed], parsing_errors=["/a.tf"]))] == [
        "/main.tf:7: CKV_X_1: Ensure it is well (google_x.y)",
        "/a.tf: it cannot be read",
    ]


def test_an_acceptance_without_use_is_named() -> None:
    """What is not found any more has to be accepted no more; so is a look that saw too little."""
    nothing = found(skipped_checks=[])
    nothing["summary"]["resource_count"] = 1
    told = [*faults(nothing)]
    assert told[0] == "only 1 resources were seen"
    assert len(told) > 3
    assert all(one.endswith("is accepted, and not found any more") for one in told[1:])
