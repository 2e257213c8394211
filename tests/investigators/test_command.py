"""An external investigator: a program that is asked, and what it may do instead of answering."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.investigators import command as command_module
from pipeline.investigators.command import Command, claims_schema, reduced
from pipeline.redaction import Redactor
from tests.investigators.support import case, incident

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.facts import Fact

SCHEMA = Path(command_module.__file__).with_name("claims.schema.json")
TOLD = (
    '{"facts": [{"kind": "cause", "text": "the disk is full", "ref": "df", "data": {"free": 0}}]}'
)


@pytest.fixture(name="script")
def _script(tmp_path: Path) -> Callable[[str], list[str]]:
    """Write a program and return the command that runs it."""

    def write(text: str) -> list[str]:
        path = tmp_path / "ask.py"
        path.write_text(text)
        return [sys.executable, str(path)]

    return write


def ask(command: list[str], *, seconds: float = 20, **more: Any) -> Fact:
    """Return the one fact that a program comes to."""
    asked = case(incident())
    made = Command(command, reduced(os.environ), Redactor().text, seconds, **more)
    ((fact,),) = made.investigate([asked]).values()
    return fact


def test_a_claim_is_labelled_and_only_a_suggestion(script: Callable[[str], list[str]]) -> None:
    """What a program says is its claim: its name stands in kind, text, ref and data."""
    name = f"{Path(sys.executable).name} ask.py"
    fact = ask(script(f"print({TOLD!r})"))
    assert fact.kind == "claim_cause"
    assert fact.suggested
    assert fact.text == f"{name} says: the disk is full"
    assert fact.ref == f"{name}: df"
    question = f"Is it so? {name} says: the disk is full (df)"
    assert fact.data == {"free": 0, "by": name, "open_question": question}


def test_a_program_is_told_the_incident_and_what_is_known(
    script: Callable[[str], list[str]],
) -> None:
    """Standard input has the incident in the form of the public contract, and the facts known."""
    fact = ask(
        script(
            "import json, sys\n"
            "asked = json.load(sys.stdin)\n"
            "text = ' '.join([asked['incident']['root_symptom'], asked['facts'][0]['kind']])\n"
            "print(json.dumps({'facts': [{'kind': 'heard', 'text': text}]}))"
        )
    )
    assert fact.text.endswith("says: broken seen_broken")


def test_only_a_link_over_https_is_kept(script: Callable[[str], list[str]]) -> None:
    """A link that is none of the web is left out; its text stays."""
    for url, kept in (("https://example.com/1", "https://example.com/1"), ("javascript:x", "")):
        text = json.dumps({"facts": [{"kind": "a", "text": "b", "url": url}]})
        assert ask(script(f"print({text!r})")).url == kept


def test_a_program_sees_none_of_our_secrets() -> None:
    """Of the environment only what is harmless, or meant for it, is passed on."""
    given = {
        "PATH": "/bin",
        "HOME": "/",
        "GITHUB_TOKEN": "x",
        "FIVEWHYS_STORE": "y",
        "FIVEWHYS_INVESTIGATOR_KEY": "z",
    }
    assert reduced(given) == {"PATH": "/bin", "HOME": "/", "FIVEWHYS_INVESTIGATOR_KEY": "z"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("import os\nos.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("print('garbage')", "answered what is not to be read: the output: Invalid JSON"),
        ("print('{}')", "facts: Field required"),
        ("print('[' * 100_000)", "Invalid JSON"),
        ("import sys\nsys.stdout.buffer.write(b'\\xff\\xfe')", "Invalid JSON"),
        ('print(\'{"facts": [{"kind": "A b", "text": "c"}]}\')', "facts.0.kind"),
        ('print(\'{"facts": [{"kind": "a", "text": ""}], "b": 1}\')', "(and 1 more)"),
        ("import sys\nwhile True: sys.stdout.write('x' * 65536)", "wrote more than"),
    ],
)
def test_what_goes_wrong_is_one_fact(
    script: Callable[[str], list[str]], text: str, reason: str
) -> None:
    """Whatever a program does instead of answering is said, as a suggestion, and raised nowhere."""
    fact = ask(script(text))
    assert fact.kind == "investigator_failed"
    assert fact.suggested
    assert reason in fact.text


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(60)",
        "import os\nos.close(1)\nos.close(2)\nimport time\ntime.sleep(60)",
        "import sys\nwhile True: sys.stderr.write('x' * 65536)",
    ],
)
def test_a_program_that_does_not_end_is_ended(
    script: Callable[[str], list[str]], text: str
) -> None:
    """It gets its time and no more, whether it is silent, deaf or talks without end."""
    began = time.monotonic()
    assert "did not end within 0.5 s" in ask(script(text), seconds=0.5).text
    assert time.monotonic() - began < 10


def test_what_it_started_ends_with_it(script: Callable[[str], list[str]], tmp_path: Path) -> None:
    """A child that is left running, and holds the pipes, is ended and not waited for."""
    mark = tmp_path / "pid"
    began = time.monotonic()
    fact = ask(
        script(
            "import subprocess, sys\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
            f"print({TOLD!r})"
        )
    )
    assert fact.kind == "claim_cause"
    assert time.monotonic() - began < 20
    assert _is_gone(int(mark.read_text()))


def _is_gone(pid: int) -> bool:
    """Return whether a process has ended, waiting a little for it."""
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.05)
    return False


def test_a_secret_in_its_complaint_is_redacted_before_it_is_cut(
    script: Callable[[str], list[str]],
) -> None:
    """The end of standard error is quoted, and half a secret is none that anybody could find."""
    text = f"import sys\nsys.stderr.write('password=hunter2hunter2' + ' x' * {149})\nsys.exit(1)"
    fact = ask(script(text))
    assert "hunter2" not in fact.text
    assert "it said: " in fact.text


@pytest.mark.parametrize("command", [["/no/such/program"], ["\0"], [str(Path(__file__).parent)]])
def test_a_program_that_is_none_is_told_of(command: list[str]) -> None:
    """A command that cannot be started says why."""
    assert "could not be started: " in ask(command).text


def test_only_the_most_urgent_incidents_are_asked_about(
    script: Callable[[str], list[str]],
) -> None:
    """Beyond the number, and beyond the time, an incident is told that it was left out."""
    cases = [case(incident(name)) for name in ("one", "two")]
    command = script(f"print({TOLD!r})")
    for most, in_all, left_out in ((1, 60.0, 1), (5, 0.0, 2)):
        made = Command(command, reduced(os.environ), Redactor().text, 20, in_all, most)
        found = made.investigate(cases)
        assert {one.incident.id for one in cases} == found.keys()
        texts = [fact.text for facts in found.values() for fact in facts]
        assert sum("was not asked" in text for text in texts) == left_out


def test_the_schema_in_the_repository_is_current() -> None:
    """The published schema of what a program may answer is the one that is checked."""
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SCHEMA.write_text(json.dumps(claims_schema(), indent=2) + "\n")
    assert json.loads(SCHEMA.read_text()) == claims_schema(), (
        "UPDATE_SNAPSHOTS=1 pytest tests/investigators/test_command.py writes it anew"
    )
