"""Have checkov look at the module: `python -m tests.infra.policy CHECKOV`.

It ends with status 1 if anything is found that we did not accept, each with a reason, if an
acceptance has no use any more, or if a file could not be read. What it does not look at: names of
arguments, which Terraform itself checks here (test_module.py).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.infra.terraform import MODULE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPTED = re.compile(r"#checkov:skip=(\w+): *(.*)")
OPTIONS = ("--framework", "terraform", "--skip-path", "/tests/", "--skip-download", "--output=json")
LEAST = 30
"""Resources that there are at least: of fewer it has not seen all."""


def look(command: str) -> dict[str, Any]:
    """Return what it found, as it tells it."""
    words = (command, "--directory", str(MODULE.relative_to(ROOT)), *OPTIONS)
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def faults(found: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong."""
    results, summary = found["results"], found["summary"]
    for one in results["failed_checks"]:
        place = f"{one['file_path']}:{one['file_line_range'][0]}"
        yield f"{place}: {one['check_id']}: {one['check_name']} ({one['resource']})"
    for path in results["parsing_errors"]:
        yield f"{path}: it cannot be read"
    if summary["resource_count"] < LEAST:
        yield f"only {summary['resource_count']} resources were seen"
    used = {one["check_id"] for one in results["skipped_checks"]}
    for path in sorted(MODULE.rglob("*.tf")):
        for check, reason in ACCEPTED.findall(path.read_text(encoding="utf-8")):
            if len(reason) < 20:
                yield f"{path.relative_to(ROOT)}: {check} is accepted without a reason"
            if check not in used:
                yield f"{path.relative_to(ROOT)}: {check} is accepted, and not found any more"


def main() -> None:
    """Print what is wrong, or that nothing is."""
    found = look(sys.argv[1])
    wrong = [*faults(found)]
    summary = found["summary"]
    print("\n".join(wrong) or f"{summary['passed']} passed, {summary['skipped']} accepted")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
