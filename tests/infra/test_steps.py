"""The scripts that deploy, run with programs that stand in for gcloud, terraform and docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from tests.infra.commands import mistakes
from tests.infra.standing_in import DIGEST, OUTPUTS
from tests.infra.test_program import planned

INFRA = Path(__file__).parent.parent.parent / "infra"
SCRIPTS = ("first-steps.sh", "upkeep.sh")
MINIMAL = "infra/terraform/examples/minimal"
GIVEN = {
    "PROJECT": "my-project",
    "REGION": "europe-west1",
    "ISSUES": "example/platform",
    "APP_ID": "12345",
    "INSTALLATION_ID": "67890",
}
KEY = "-----BEGIN RSA PRIVATE KEY-----"
FIRST = ("project", "image", "settings", "apply", "secrets", "doctor", "start", "trial", "plan")
LATER = (("budget", "apply", "restart"), ("on", "apply", "restart"))
UPKEEP = (
    ("backup",),
    ("backups",),
    ("pause",),
    ("resume",),
    ("restore", "1732233600000"),
    ("roll-back", DIGEST),
    ("replay", "gs://my-exports/logs"),
    ("rebuild", "30d"),
    ("app-key", "app.pem"),
    ("marker-key",),
    ("database-password", "2"),
    ("tear-down",),
)


if TYPE_CHECKING:
    from tests.infra.terraform import Terraform


@dataclass(frozen=True)
class Cloud:
    """A copy of the scripts, and the folder of the programs that stand in."""

    top: Path
    programs: Path

    def run(self, script: str, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run a step of a script."""
        path = f"{self.programs}:{os.environ['PATH']}"
        settings = {**GIVEN, "APP_KEY": str(self.top / "app.pem"), **changed}
        return subprocess.run(
            [str(self.top / "infra" / script), *words],
            env={"PATH": path, **{name: text for name, text in settings.items() if text}},
            cwd=self.top,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[list[str]]:
        """Return the command lines of all calls."""
        said = self.programs / "calls"
        lines = said.read_text(encoding="utf-8").splitlines() if said.exists() else []
        return [json.loads(line) for line in lines]

    def called(self, words: str) -> list[list[str]]:
        """Return those that begin with these words, options left out."""
        bare = [[one for one in call if not one.startswith("-")] for call in self.calls()]
        return [one for one in bare if " ".join(one).startswith(words)]

    def wrote(self, name: str) -> str:
        """Return a file of settings of Terraform."""
        return (self.top / MINIMAL / name).read_text(encoding="utf-8")

    def secret(self, name: str) -> list[str]:
        """Return the versions of a secret, the oldest first."""
        found = sorted((self.programs / "secrets" / name).glob("*"))
        return [one.read_text(encoding="utf-8") for one in found]


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """Lend a checkout with nothing but the scripts, and an empty project."""
    top, programs = tmp_path / "checkout", tmp_path / "programs"
    (top / MINIMAL).mkdir(parents=True)
    programs.mkdir()
    for script in SCRIPTS:
        shutil.copy(INFRA / script, top / "infra" / script)
    (top / "app.pem").write_text(KEY, encoding="utf-8")
    words = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*words, "init", "--quiet", str(top)], check=True)
    commit = [*words, "-C", str(top), "commit", "--quiet", "--allow-empty", "--message=a"]
    subprocess.run(commit, check=True)
    text = (Path(__file__).parent / "standing_in.py").read_text(encoding="utf-8")
    for name in ("gcloud", "terraform", "docker"):
        program = programs / name
        program.write_text(f"#!{sys.executable} -IS\n{text}", encoding="utf-8")
        program.chmod(0o755)
    return Cloud(top, programs)


def test_all_first_steps_at_once(cloud: Cloud) -> None:
    """What is there after the last of them, and in which order it was made."""
    done = cloud.run("first-steps.sh", *FIRST)
    assert done.returncode == 0, done.stderr
    order = [" ".join(call[:4]) for call in cloud.calls() if "describe" not in call]
    assert order.index("gcloud services enable --project=my-project") == 0
    image = order.index("docker push " + next(c[2] for c in cloud.calls() if c[1] == "push"))
    made = next(index for index, one in enumerate(order) if one.endswith(" apply"))
    keyed = next(index for index, one in enumerate(order) if "secrets versions add" in one)
    started = next(index for index, one in enumerate(order) if "run jobs execute" in one)
    assert image < made < keyed < started
    assert cloud.wrote("image.auto.tfvars") == f'image = "{DIGEST}"\n'
    assert cloud.wrote("adoption.auto.tfvars") == "dry_run = true\n"
    for value in GIVEN.values():
        assert f'"{value}"' in cloud.wrote("terraform.tfvars")


@pytest.mark.parametrize("words", [*((one,) for one in FIRST), *LATER], ids=" ".join)
def test_each_first_step_says_what_its_programs_know(cloud: Cloud, words: tuple[str, ...]) -> None:
    """Every command, flag and choice is one of gcloud's own, of terraform's or docker's."""
    (cloud.programs / "executions").write_text("fivewhys-b\nfivewhys-a\n", encoding="utf-8")
    done = cloud.run("first-steps.sh", *words)
    assert done.returncode == 0, done.stderr
    assert [wrong for call in cloud.calls() for wrong in mistakes(call)] == []
    assert cloud.calls() or words == ("settings",)


@pytest.mark.parametrize("words", UPKEEP, ids=lambda words: words[0])
def test_each_step_of_upkeep_does(cloud: Cloud, words: tuple[str, ...]) -> None:
    """As for the first steps."""
    cloud.run("first-steps.sh", "settings", "secrets")
    before = len(cloud.calls())
    done = cloud.run("upkeep.sh", *words)
    assert done.returncode == 0, done.stderr
    assert len(cloud.calls()) > before
    assert [wrong for call in cloud.calls() for wrong in mistakes(call)] == []


def test_what_is_there_already_is_not_made_again(cloud: Cloud) -> None:
    """The first step can be repeated after one that failed."""
    (cloud.programs / "there").touch()
    assert cloud.run("first-steps.sh", "project").returncode == 0
    assert cloud.called("gcloud storage buckets create") == []
    assert cloud.called("gcloud artifacts repositories create") == []


def test_no_secret_stands_in_a_command_line_or_a_file(cloud: Cloud) -> None:
    """Neither the App's key nor one for markers: others on the machine would see it."""
    cloud.run("first-steps.sh", *FIRST)
    cloud.run("upkeep.sh", "marker-key")
    keys = [text.strip() for text in (KEY, *cloud.secret("fivewhys-marker-key"))]
    assert len(keys) == 3
    assert cloud.secret("fivewhys-github-app-key") == [KEY]
    files = [one for one in (cloud.top / "infra").rglob("*") if one.is_file()]
    said = [json.dumps(cloud.calls()), *(one.read_text(encoding="utf-8") for one in files)]
    assert [key for key in keys for text in said if key in text] == []


def test_what_ran_before_is_ended(cloud: Cloud) -> None:
    """An execution keeps the settings that it was started with; another one is started first."""
    (cloud.programs / "executions").write_text("fivewhys-c\nfivewhys-b\nfivewhys-a\n")
    assert cloud.run("first-steps.sh", "restart").returncode == 0
    ended = [call[5] for call in cloud.called("gcloud run jobs executions cancel")]
    assert ended == ["fivewhys-c", "fivewhys-b", "fivewhys-a"]
    assert [call[-1].lstrip("-") for call in cloud.calls()][1] == "async"
    assert [call[3] for call in cloud.calls()] == ["executions", "execute", *["executions"] * 3]


def test_what_doctor_says_is_shown_before_it_ends(cloud: Cloud) -> None:
    """Something is wrong: the log is read all the same, and nothing is started."""
    (cloud.programs / "ill").touch()
    assert cloud.run("first-steps.sh", "doctor", "start").returncode == 1
    assert [call[1] for call in cloud.calls()] == ["run", "logging"]


def test_adopting_it_gently(cloud: Cloud) -> None:
    """First a plan, then five issues a day, then all."""
    cloud.run("first-steps.sh", "settings")
    cloud.run("first-steps.sh", "budget")
    assert cloud.wrote("adoption.auto.tfvars") == "dry_run    = false\nnew_issues = 5\n"
    cloud.run("first-steps.sh", "on")
    assert cloud.wrote("adoption.auto.tfvars") == "dry_run    = false\nnew_issues = 0\n"


def test_what_is_set_are_variables_of_the_example(cloud: Cloud) -> None:
    """Terraform would only warn of others, and go on without them."""
    cloud.run("first-steps.sh", "image", "settings", "secrets", "budget")
    for step in (["marker-key"], ["database-password", "2"], ["tear-down"]):
        assert cloud.run("upkeep.sh", *step).returncode == 0
    known = {}
    text = (INFRA / "terraform/examples/minimal/variables.tf").read_text(encoding="utf-8")
    for name, body in re.findall(r'(?ms)^variable "(\w+)" \{(.*?)^\}', text):
        known[name] = {*re.findall(r"(\w+) +=", body)}
    files = [*(cloud.top / MINIMAL).glob("*.tfvars")]
    assert len(files) == 6
    for line in "\n".join(one.read_text(encoding="utf-8") for one in files).splitlines():
        if match := re.match(r"(\w+) +=", line):
            variable = match[1]
            assert variable in known
        inner = re.findall(r"^ +(\w+) +=|\{ (\w+) =", line)
        assert {name for names in inner for name in names if name} <= known[variable]


PLAN = """
mock_provider "google" {
  override_during = plan

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }

  mock_resource "google_secret_manager_secret_version" {
    defaults = { version = "1" }
  }
}

run "plan" {
  command = plan
}
"""


def test_with_what_is_written_terraform_makes_a_plan(
    cloud: Cloud, tf: Terraform, module: Path, tmp_path: Path
) -> None:
    """Of the example, with all its checks of values; with a mistake in it, it makes none."""
    cloud.run("first-steps.sh", "image", "settings", "secrets", "budget")
    for step in (["marker-key"], ["database-password", "2"], ["tear-down"]):
        assert cloud.run("upkeep.sh", *step).returncode == 0
    copied = tmp_path / "terraform"
    shutil.copytree(module, copied, symlinks=True)
    minimal = copied / "examples/minimal"
    for file in (cloud.top / MINIMAL).glob("*.tfvars"):
        shutil.copy(file, minimal)
    (minimal / "tests").mkdir()
    (minimal / "tests/plan.tftest.hcl").write_text(PLAN, encoding="utf-8")
    outcome = tf(minimal, "test")
    assert outcome.status == 0, outcome.text
    (minimal / "image.auto.tfvars").write_text('image = "fivewhys:latest"\n', encoding="utf-8")
    outcome = tf(minimal, "test")
    assert outcome.status == 1
    assert "Name the image by its digest" in outcome.text


def test_a_marker_key_is_changed_twice(cloud: Cloud) -> None:
    """All that signed before stay known, and the version that signs is pinned."""
    cloud.run("first-steps.sh", "settings", "secrets")
    for _ in range(2):
        assert cloud.run("upkeep.sh", "marker-key").returncode == 0
    first, second, third = cloud.secret("fivewhys-marker-key")
    assert len({first, second, third}) == 3
    assert cloud.secret("fivewhys-marker-key-former") == [first, first + second]
    pinned = dict(re.findall(r'(\w+) += "(\d*)"', cloud.wrote("secrets.auto.tfvars")))
    assert pinned == {"github_app_key": "1", "marker_key": "3", "marker_key_former": "2"}


def test_the_former_key_has_a_place_before_it_is_put_there(cloud: Cloud) -> None:
    """Terraform makes the secret when its version is named for the first time."""
    cloud.run("first-steps.sh", "settings", "secrets")
    cloud.run("upkeep.sh", "marker-key")
    order = [call[0] if call[0] == "terraform" else call[4] for call in cloud.calls()[2:]]
    assert "terraform" in order[: order.index("fivewhys-marker-key-former", 1)]


def test_an_empty_store_is_filled_with_what_the_sink_would_have_delivered(cloud: Cloud) -> None:
    """The sink's own filter, whole, whatever stands in it; or another one that is narrower."""
    cloud.run("upkeep.sh", "rebuild", "30d")
    cloud.run("upkeep.sh", "rebuild", "7d", "severity>=ERROR")
    replays = [call[-1] for call in cloud.calls() if "--task-timeout=24h" in call]
    told = [one.removeprefix("--args=^;;^").split(";;") for one in replays]
    for (filter_, since), words in zip(
        [(OUTPUTS["log_filter"], "30d"), ("severity>=ERROR", "7d")], told, strict=True
    ):
        assert mistakes(["fivewhys", *words]) == []
        assert words == [
            *("replay", "--from-logging", filter_, "--since", since),
            *("--store", OUTPUTS["store"], "--sink", "github"),
        ]


def test_the_job_has_all_that_filling_a_store_takes(cloud: Cloud) -> None:
    """With its own settings and nothing else of a machine's: what it lacks here is Google alone."""
    cloud.run("upkeep.sh", "rebuild", "30d")
    (told,) = [call[-1] for call in cloud.calls() if "--task-timeout=24h" in call]
    nobody = {"GOOGLE_APPLICATION_CREDENTIALS": str(cloud.top / "gone.json")}
    words = told.removeprefix("--args=^;;^").split(";;")
    done = CliRunner().invoke(app, words, env={**planned("minimal"), **nobody})
    assert done.exit_code == 2
    lacking = {line.split(": ")[1] for line in done.stderr.splitlines()}
    keys = {"FIVEWHYS_GITHUB_APP_KEY_FILE", "FIVEWHYS_MARKER_KEY_FILE"}
    assert lacking == {"--from-logging", *keys}, done.stderr


def test_an_export_is_replayed_by_a_job_of_its_own(cloud: Cloud) -> None:
    """Of which nothing is written, and what it says is shown."""
    assert cloud.run("upkeep.sh", "replay", "gs://my-exports/a,b").returncode == 0
    execute, read = cloud.calls()
    assert execute[:5] == ["gcloud", "run", "jobs", "execute", "fivewhys-replay"]
    words = execute[-1].removeprefix("--args=^;;^").split(";;")
    assert words == ["replay", "gs://my-exports/a,b", "--dry-run"]
    assert mistakes(["fivewhys", *words]) == []
    assert 'resource.labels.job_name="fivewhys-replay"' in read[-1]


def test_nothing_runs_while_a_store_is_put_back_or_filled(cloud: Cloud) -> None:
    """What runs is ended, and Cloud Scheduler starts no other until it is done."""
    for step in (["restore", "7"], ["rebuild", "30d", "severity>=ERROR"]):
        (cloud.programs / "executions").write_text("fivewhys-a\n")
        (cloud.programs / "calls").unlink(missing_ok=True)
        assert cloud.run("upkeep.sh", *step).returncode == 0
        calls = [call for call in cloud.calls() if call[0] == "gcloud"]
        verbs = [next(w for w in reversed(call) if w in VERBS) for call in calls]
        assert verbs == ["pause", "list", "cancel", VERBS[step[0]], "resume", "execute"]


@pytest.mark.parametrize("failing", ["sql backups restore", "executions cancel"])
def test_what_failed_leaves_nothing_paused(cloud: Cloud, failing: str) -> None:
    """Whoever is told that a store was not put back would not look whether anything runs."""
    (cloud.programs / "executions").write_text("fivewhys-a\n" if "cancel" in failing else "")
    (cloud.programs / "failing").write_text(failing)
    done = cloud.run("upkeep.sh", "restore", "7")
    assert done.returncode == 3
    assert cloud.called("gcloud scheduler jobs resume") != []


def test_a_store_that_could_not_be_filled_leaves_nothing_paused(cloud: Cloud) -> None:
    """What is there goes on; the status is that of what failed."""
    (cloud.programs / "failing").write_text("run jobs execute --wait")
    done = cloud.run("upkeep.sh", "rebuild", "30d")
    assert done.returncode == 3
    calls = [call for call in cloud.calls() if call[0] == "gcloud"]
    verbs = [next(w for w in reversed(call) if w in VERBS) for call in calls]
    assert verbs == ["pause", "list", "execute", "list", "resume", "execute"]


def test_nothing_begins_while_a_store_may_still_be_filled(cloud: Cloud) -> None:
    """Who waits for it may be cut off from it: then it is said how one goes on once it is over."""
    (cloud.programs / "failing").write_text("run jobs execute --wait")
    (cloud.programs / "begun").write_text("fivewhys-b\n")
    done = cloud.run("upkeep.sh", "rebuild", "30d")
    assert done.returncode == 3
    assert "fivewhys-b" in done.stderr
    assert "infra/upkeep.sh resume" in done.stderr
    assert cloud.called("gcloud scheduler jobs resume") == []


VERBS = {
    "pause": "",
    "list": "",
    "cancel": "",
    "restore": "restore",
    "execute": "",
    "resume": "",
    "rebuild": "execute",
}


@pytest.mark.parametrize(
    ("script", "words", "changed"),
    [
        ("first-steps.sh", [], {}),
        ("first-steps.sh", ["begin"], {}),
        ("first-steps.sh", ["project", "usage"], {}),
        ("first-steps.sh", ["project"], {"PROJECT": ""}),
        ("first-steps.sh", ["project", "settings"], {"APP_ID": ""}),
        ("first-steps.sh", ["secrets"], {"APP_KEY": "/nowhere"}),
        ("upkeep.sh", [], {}),
        ("upkeep.sh", ["newest", "fivewhys-marker-key"], {}),
        ("upkeep.sh", ["backup"], {"REGION": ""}),
        ("upkeep.sh", ["backup", "fivewhys"], {}),
        ("upkeep.sh", ["roll-back", "fivewhys:v1"], {}),
        ("upkeep.sh", ["restore"], {}),
        ("upkeep.sh", ["replay", "export.json"], {}),
        ("upkeep.sh", ["rebuild", "30", "severity>=DEFAULT"], {}),
        ("upkeep.sh", ["database-password", "old"], {}),
    ],
    ids=str,
)
def test_what_it_is_not_told_rightly_it_does_not_do(
    cloud: Cloud, script: str, words: list[str], changed: dict[str, str]
) -> None:
    """It says how it is called, and has called nobody, not even for the steps before."""
    done = cloud.run(script, *words, **changed)
    assert done.returncode == 2
    assert f"usage: infra/{script} STEP" in done.stderr
    assert cloud.calls() == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_shell_sees_nothing_wrong(script: str) -> None:
    """ShellCheck has no finding."""
    program = Path(sys.executable).parent / "shellcheck"
    words = [str(program), str(INFRA / script)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("gcloud run jobs execute fivewhys --region=a --wait", ""),
        ("gcloud run jobs start fivewhys", "gcloud has no run jobs start"),
        ("gcloud run jobs", "gcloud has no run jobs"),
        ("gcloud run jobs execute fivewhys --wait=yes", "--wait takes no value"),
        ("gcloud run jobs execute fivewhys --region a", "--region needs a value, behind a ="),
        ("gcloud logging write a b --severity=BAD", "--severity cannot be 'BAD'"),
        ("gcloud pubsub topics list --regions=a", "--regions is no flag of gcloud pubsub topics"),
        ("terraform -chdir=a init -backend-config=a", ""),
        ("terraform -chdir=a init -backend=a -bucket=b", "-bucket is no flag of terraform init"),
        ("terraform begin", "terraform has no begin"),
        ("docker build --file a --tag b .", ""),
        ("docker build --digest a", "--digest is no flag of docker build"),
        ("docker begin", "docker has no begin"),
        ("fivewhys replay --from-logging a --since 30d --sink github", ""),
        ("fivewhys replay --from 30d", "--from is no option of fivewhys replay"),
        ("fivewhys begin", "fivewhys has no begin"),
        ("kubectl get pods", "nobody here knows kubectl"),
    ],
)
def test_what_nobody_knows_is_found(line: str, wrong: str) -> None:
    """A command, a flag or a choice that does not exist would be a mistake in a script."""
    found = mistakes(line.split())
    assert [one[: len(wrong)] for one in found] == ([wrong] if wrong else [])


def test_the_trial_makes_an_incident(cloud: Cloud) -> None:
    """What is written to the log is known by a rule, and is of no service of anybody's."""
    cloud.run("first-steps.sh", "trial")
    (call,) = cloud.calls()
    flags = dict(word.removeprefix("--").split("=", 1) for word in call if word.startswith("--"))
    labels = dict(pair.split("=") for pair in flags["monitored-resource-labels"].split(","))
    resource = {"type": flags["monitored-resource-type"], "labels": labels}
    entry = {
        "insertId": "trial",
        "logName": f"projects/{flags['project']}/logs/{call[3]}",
        "timestamp": "2025-09-10T00:33:54Z",
        "severity": flags["severity"],
        "resource": resource,
        "textPayload": call[-1],
    }
    words = ["replay", "-", "--format", "json", "--sink", "files", "--dry-run"]
    done = CliRunner().invoke(app, words, input=json.dumps(entry))
    (incident,) = json.loads(done.stdout)["incidents"]
    assert incident["title"] == "fivewhys-trial: Missing critical tables: fivewhys_trial"
