"""infra/README.md: its commands exist, and what it says of module, scripts and costs is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from infra.costs import Usage, month, prices, table
from pipeline.settings.model import ELSEWHERE, OWN
from tests.infra.commands import mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = Path(__file__).parent.parent.parent / "infra"
MODULE = INFRA / "terraform"
README = (INFRA / "README.md").read_text(encoding="utf-8")
SCRIPTS = {
    name: (INFRA / name).read_text(encoding="utf-8") for name in ("first-steps.sh", "upkeep.sh")
}
TERRAFORM = {path.name: path.read_text(encoding="utf-8") for path in sorted(MODULE.glob("*.tf"))}
GRANTED = "iam_member|iam_binding|iam_policy"


def fenced(language: str) -> list[str]:
    """Return the blocks of code in a language, in order."""
    tokens = MarkdownIt().parse(README)
    return [one.content for one in tokens if one.type == "fence" and one.info == language]


def commands(text: str) -> list[str]:
    """Return the command lines of a text, each in one line, spaces in it as they are in one."""
    joined = text.replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip()]


def sections() -> dict[str, str]:
    """Return what stands under each heading, by its anchor."""
    found = re.split(r"(?m)^##+ (.*)$", README)
    return {anchor(title): text for title, text in zip(found[1::2], found[2::2], strict=True)}


def anchor(title: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def called(line: str) -> Iterator[list[str]]:
    """Yield the command lines of a line of shell: in a pipe, and within $(…)."""
    inner = re.findall(r"\$\(((?:gcloud|terraform|git|date)[^()]*)\)", line)
    plain = re.sub(r"\$\([^()]*\)", "x", line)
    for part in (*inner, *re.split(r" \| ", plain)):
        words = shlex.split(part)
        if words and "=" not in words[0]:
            yield words


LINES = [line for block in fenced("sh") for line in commands(block)]
STEPS = sections()["from-an-empty-project-to-the-first-issue"]


@pytest.mark.parametrize("line", [*dict.fromkeys(LINES)])
def test_each_command_exists(line: str) -> None:
    """Each is known to gcloud or terraform, with all flags; the scripts have each step."""
    for words in called(line):
        if words[0] in {"gcloud", "terraform", "docker", "fivewhys"}:
            assert mistakes(words) == []
        elif words[0].startswith("infra/"):
            script = SCRIPTS[words[0].removeprefix("infra/")]
            steps = words[1:] if "first-steps" in words[0] else words[1:2]
            assert [one for one in steps if f"\n{one}() {{" not in script] == []
        else:
            assert words[0] in {"date", "export", "git", "openssl"}


def test_the_first_steps_are_those_of_the_script_in_its_order() -> None:
    """From the third step on each line stands in the script, behind the one before."""
    script = " ".join(commands(SCRIPTS["first-steps.sh"]))
    blocks = re.findall(r"```sh\n(.*?)```", STEPS[STEPS.index("**3.") :], re.DOTALL)
    found = [script.find(line) for block in blocks for line in commands(block)]
    assert len(found) > 15
    assert -1 not in found
    assert found == sorted(found)


def test_no_command_of_the_first_steps_is_left_out() -> None:
    """Who goes by the page does all that the script does."""
    shown = [
        line
        for block in re.findall(r"```sh\n(.*?)```", STEPS, re.DOTALL)
        for line in commands(block)
    ]
    begin, end = (
        SCRIPTS["first-steps.sh"].index(f"\n{name}() {{") for name in ("project", "budget")
    )
    lines = commands(SCRIPTS["first-steps.sh"][begin:end])
    calls = [line for line in lines if re.search(r"^(?!has ).*\b(gcloud|docker|terraform) ", line)]
    assert len(calls) > 10
    assert [call for call in calls if not any(one in call for one in shown)] == []


def test_all_steps_of_the_scripts_are_told() -> None:
    """Whoever reads the page knows what there is; helpers of the scripts are not called by hand."""
    for name, script in SCRIPTS.items():
        usage = script.split("<<END\n")[1].split("\nEND")[0]
        steps = {*re.findall(r"(?m)^([a-z-]+)\(\) \{", script)} - {"usage"}
        shown = [one for one in steps if re.search(rf"(?<![\w-]){one}(?![\w-])", usage)]
        assert len(shown) >= 10
        assert [one for one in shown if f"`{one}`" not in README and f" {one}" not in README] == []
        assert f"infra/{name}" in README


def test_settings_are_written_as_they_are_shown() -> None:
    """The file that a step writes is the one on the page, with one's own values."""
    (shown,) = [one for one in fenced("hcl") if "project_id" in one]
    written = SCRIPTS["first-steps.sh"].split('terraform.tfvars" <<END\n')[1].split("END\n")[0]
    values = {"my-project": "$PROJECT", "europe-west1": "$REGION", "example/platform": "$ISSUES"}
    for value, name in {**values, "12345": "$APP_ID", "67890": "$INSTALLATION_ID"}.items():
        shown = shown.replace(f'"{value}"', f'"{name}"')
    assert shown == written


def test_each_permission_is_told_and_no_other() -> None:
    """The table has each role where the module grants it."""
    granted = {
        (f"{kind}.{name}", role)
        for text in TERRAFORM.values()
        for kind, name, body in re.findall(
            rf'(?ms)^resource "(\w+(?:{GRANTED}))" "(\w+)" \{{(.*?)^\}}', text
        )
        for role in re.findall(r'role\s*=\s*"([^"]+)"', body)
    }
    rows = re.findall(r"(?m)^\| `(google_[\w.]+)` \| [^|]+ \| `([^`]+)` \| [^|]+ \|$", README)
    assert len(rows) == len({*rows}) > 10
    assert {*rows} == granted


def test_each_alert_has_its_section() -> None:
    """To which its documentation links, and nothing else stands there."""
    alerts = re.findall(r'(?m)^    "([a-z ]+)" = \{\n      severity', TERRAFORM["alerts.tf"])
    assert len(alerts) == 6
    assert '${var.runbook_url}#${replace(each.key, " ", "-")}' in TERRAFORM["alerts.tf"]
    told = re.findall(r"(?m)^### (.*)$", README[README.index("## When an alert comes") :])
    assert sorted(map(anchor, told)) == sorted(one.replace(" ", "-") for one in alerts)
    assert [one for one in told if not sections()[anchor(one)].strip()] == []


def test_what_it_costs_is_reckoned() -> None:
    """Both tables are what the script prints."""
    assert table([1, 10, 100], Usage()) in README
    assert prices() in README


def test_what_is_reckoned_is_what_the_module_makes() -> None:
    """The same database, processors, memory, conditions and secrets, unless somebody says else."""
    usage, text = Usage(), TERRAFORM["variables.tf"]
    assert f'tier             = optional(string, "{usage.database}")' in text
    assert f"disk             = optional(number, {usage.disk:g})" in text
    assert f'cpu    = optional(string, "{usage.vcpus:g}")' in text
    assert f'memory = optional(string, "{usage.memory:g}Gi")' in text
    assert f"overlap = optional(number, {usage.overlap:g})" in text
    assert TERRAFORM["alerts.tf"].count('filter  = "metric.type=') == usage.conditions
    secrets = re.findall(r'\["([\w", -]+)"\]', TERRAFORM["secrets.tf"].split("toset(concat(")[1])
    assert len(", ".join(secrets[:1] + secrets[-1:]).split(",")) == usage.versions


def test_costs_follow_what_is_used() -> None:
    """Free amounts first; what is logged counts for Pub/Sub alone, in and out."""
    least = month(0, Usage())
    assert least["Pub/Sub, in and out"] == 0
    assert month(0.1, Usage())["Pub/Sub, in and out"] == 0
    one, ten = (month(volume, Usage())["Pub/Sub, in and out"] for volume in (100, 1_000))
    tib = 2 * 100e9 * 730 / 24 * 1.099 / 2**40
    assert one == pytest.approx((tib - 10 / 1024) * 40)
    assert ten == pytest.approx((10 * tib - 10 / 1024) * 40)
    assert {name for name in least if month(100, Usage())[name] != least[name]} == {
        "Pub/Sub, in and out"
    }
    pool = month(0, Usage(overlap=0))["Runner, processor"]
    assert pool == pytest.approx((730 * 3600 - 240_000) * 0.000018)


def test_links_lead_somewhere() -> None:
    """Files and folders are there, and sections on this page."""
    for link in re.findall(r"\]\(([^)]+)\)", README):
        path, _, place = link.partition("#")
        assert not path or (INFRA / path).exists(), link
        if place and not path:
            assert place in sections(), link


def test_settings_that_are_advised_exist() -> None:
    """Such of the program's own and variables of the module."""
    named = re.findall(r"`settings = \{ (\w+) =", README)
    assert len(named) >= 2
    assert {*named} <= {*OWN, *ELSEWHERE}
    variables = set(re.findall(r'(?m)^variable "(\w+)"', TERRAFORM["variables.tf"]))
    assert {*re.findall(r"`(\w+) = (?:\{|true|false)", README)} <= variables
