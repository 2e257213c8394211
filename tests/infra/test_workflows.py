"""What runs at GitHub: pinned, without rights that it does not need, and true to what it calls.

`make workflows` lints them; here stands what a linter can't know.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github/workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))
USES = re.compile(r"uses: (\S+?)(?:@(\S+))?(?: # (\S+))?$", re.MULTILINE)
EXAMPLE = ROOT / "infra/terraform/examples/minimal"
WRITTEN = {
    "test": set[tuple[str, str]](),
    "release": {
        ("packages", "id-token"),
        ("packages", "attestations"),
        ("image", "packages"),
        ("image", "id-token"),
        ("image", "attestations"),
        ("publish", "id-token"),
        ("notes", "contents"),
    },
    "deploy-example": {("deploy", "id-token")},
}
"""Which job of which workflow may write what."""

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, Any]:
    """Read the jobs of a workflow."""
    read: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return read


def runs(path: Path) -> str:
    """All that a workflow runs, as one text."""
    steps = [step for job in jobs(path).values() for step in job.get("steps", ())]
    return "\n".join(step.get("run", "") for step in steps)


def test_actions_are_pinned_by_commit_and_say_their_version() -> None:
    """A tag can be moved; of one action there is one version."""
    pinned = defaultdict(set)
    for path in FILES:
        for action, commit, version in USES.findall(path.read_text("utf-8")):
            if not action.startswith("$/"):
                assert re.fullmatch(r"[0-9a-f]{40}", commit), f"{path.name}: {action}@{commit}"
                assert re.fullmatch(r"v\d+\.\d+\.\d+", version), f"{path.name}: {action} {version}"
                pinned[action].add((commit, version))
    assert pinned
    assert {action: found for action, found in pinned.items() if len(found) > 1} == {}


@every_file
def test_a_workflow_may_only_read_unless_a_job_says_otherwise(path: Path) -> None:
    """And no job of one may write more than what it is for."""
    assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {"contents": "read"}
    written = {
        (name, right)
        for name, job in jobs(path).items()
        for right, how in job.get("permissions", {}).items()
        if how == "write"
    }
    assert written == WRITTEN[path.stem]


@every_file
def test_every_job_ends_and_has_no_secret_of_its_own(path: Path) -> None:
    """Who a job is, GitHub says; a job that hangs ends."""
    for name, job in jobs(path).items():
        assert "uses" in job or job["timeout-minutes"] <= 90, name
    assert "secrets." not in path.read_text("utf-8")


@every_file
def test_what_is_called_of_this_repository_is_there(path: Path) -> None:
    """Scripts and files that are named exist."""
    text = path.read_text("utf-8").replace("*.txt", "runtime.txt")
    for name in re.findall(r"(?<![\w/])(?:infra|\.github|\.ci)/[\w./-]*\w", text):
        assert (ROOT / name).exists(), name


@every_file
def test_a_shell_sees_nothing_wrong_in_what_is_run(path: Path) -> None:
    """ShellCheck has no finding in any step."""
    program = Path(sys.executable).parent / "shellcheck"
    for job in jobs(path).values():
        for text in (step["run"] for step in job.get("steps", ()) if "run" in step):
            words = [str(program), "--shell=bash", "-"]
            done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
            assert (done.stdout, done.returncode) == ("", 0)


def test_the_deployment_sets_variables_that_the_example_has() -> None:
    """Also those that it only exports."""
    text = (WORKFLOWS / "deploy-example.yml").read_text("utf-8")
    variables = (EXAMPLE / "variables.tf").read_text("utf-8")
    wanted = set(re.findall(r"TF_VAR_(\w+)", text))
    assert wanted == {"project_id", "region", "image", "github", "dry_run", "new_issues"}
    assert wanted <= set(re.findall(r'^variable "(\w+)"', variables, re.MULTILINE))


def test_it_is_adopted_gently() -> None:
    """First it only says what it would do, then it files under a budget, then all."""
    path = WORKFLOWS / "deploy-example.yml"
    assert 'options: [dry-run, budget, "on"]\n' in path.read_text("utf-8")
    stages = re.findall(r"^ *([\w-]+)\) export (.*) ;;$", runs(path), re.MULTILINE)
    assert stages == [
        ("dry-run", "TF_VAR_dry_run=true"),
        ("budget", "TF_VAR_dry_run=false TF_VAR_new_issues=5"),
        ("on", "TF_VAR_dry_run=false TF_VAR_new_issues=0"),
    ]


def test_what_is_released_was_tested_and_what_is_deployed_was_signed() -> None:
    """Every job of a release comes after the tests; no image is taken whose signature is unread."""
    release = jobs(WORKFLOWS / "release.yml")
    assert {name: job.get("needs", []) for name, job in release.items()} == {
        "test": [],
        "packages": "test",
        "image": "test",
        "publish": ["packages", "image"],
        "notes": "publish",
    }
    commands = runs(WORKFLOWS / "deploy-example.yml")
    steps = ("cosign verify", "cosign copy", "terraform apply", "first-steps.sh restart")
    places = [commands.index(step) for step in steps]
    assert places == sorted(places)


def test_an_image_says_what_it_holds_and_where_it_comes_from() -> None:
    """What is pushed is what was tried and is small; it is signed by its digest."""
    steps = jobs(WORKFLOWS / "release.yml")["image"]["steps"]
    titles = (step.get("name") or step["uses"].partition("@")[0] for step in steps)
    named = {title.split(",")[0]: step for title, step in zip(titles, steps, strict=True)}
    built, pushed = named["Build"]["with"], named["Push it"]["with"]
    assert (pushed["push"], pushed["sbom"], pushed["provenance"]) == (True, True, "mode=max")
    assert [pushed[one] == built[one] for one in ("context", "file", "platforms")] == [True] * 3
    tried = named["Try it"]["run"]
    wanted = ("--read-only", "--tmpfs /tmp", "--cap-drop ALL", f"{built['tags']} version")
    assert [one for one in wanted if one not in tried] == []
    assert 'test "$size" -lt 250000000' in tried
    digest = "${{ steps.push.outputs.digest }}"
    assert "cosign sign" in named["Sign it"]["run"]
    assert named["Sign it"]["env"]["SIGNED"].endswith(f"@{digest}")
    assert named["actions/attest-build-provenance"]["with"]["subject-digest"] == digest
    order = [one for one in named if one in {"Build", "Try it", "Push it", "Sign it"}]
    assert order == ["Build", "Try it", "Push it", "Sign it"]


def test_ci_runs_what_one_runs_by_hand() -> None:
    """With the Terraform that the module asks for."""
    assert "bash .ci/run" in runs(WORKFLOWS / "test.yml").splitlines()
    texts = [path.read_text("utf-8") for path in FILES]
    versions = {v for text in texts for v in re.findall(r"terraform_version: (\S+)", text)}
    (version,) = versions
    asked = f'required_version = "~> {".".join(version.split(".")[:2])}"'
    assert asked in (EXAMPLE / "main.tf").read_text("utf-8")
