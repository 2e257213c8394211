"""Settings of a run: three places, one order, and every mistake at once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.audit import SECOND
from pipeline.lifecycle import MINUTE
from pipeline.redaction import Redactor
from pipeline.retrying import Retrying
from pipeline.settings import KNOWN, read_settings, table
from pipeline.settings.model import FREE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.settings import Read

    Set = Callable[..., None]
    Write = Callable[[str], Path]

ROOT = Path(__file__).parent.parent
SUBSCRIPTION = "projects/test-project/subscriptions/fivewhys"
SUBSCRIBED = "name the subscription of the log sink: projects/P/subscriptions/S"
NAMED = "write projects/P/subscriptions/S, with names of 3 characters or more"
KEPT = "name a store that outlasts the process: sqlite:///FILE or postgresql://HOST/DATABASE"
HIDDEN = "it has no place here, as it is secret; name its file as"
NEEDED = {"subscription": SUBSCRIPTION, "store": "sqlite:///store.db"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FIVEWHYS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Return what sets variables, given without FIVEWHYS_."""

    def say(**variables: str) -> None:
        for name, text in variables.items():
            monkeypatch.setenv(f"FIVEWHYS_{name}", text)

    return say


@pytest.fixture
def write(tmp_path: Path, say: Set) -> Write:
    """Return what writes the file of settings, and names it."""

    def write(text: str) -> Path:
        path = tmp_path / "settings.yml"
        path.write_text(text, encoding="utf-8")
        say(SETTINGS=str(path))
        return path

    return write


def told(read: Read) -> list[str]:
    """Return what is wrong, with the file by its name."""
    return [re.sub(r"^\S*/", "", str(mistake)) for mistake in read.mistakes]


def test_a_dry_run_needs_a_sink(say: Set) -> None:
    """Else nothing would be written anyhow, and nothing said."""
    assert read_settings({**NEEDED, "sinks": ("github",), "dry_run": True}).mistakes == ()
    (mistake,) = read_settings({**NEEDED, "dry_run": True}).mistakes
    text = "nothing is written without a sink; set FIVEWHYS_SINKS to github, too"
    assert str(mistake) == f"--dry-run: {text}"
    say(DRY_RUN="true", SINKS="mail")
    (mistake,) = read_settings(NEEDED).mistakes
    assert str(mistake).startswith("FIVEWHYS_SINKS: ")


def test_the_defaults_will_do() -> None:
    """Two settings are needed."""
    read = read_settings(NEEDED)
    assert read.mistakes == ()
    assert (read.settings.environment, read.settings.receivers) == ("staging", 1)
    assert read.settings.retrying == Retrying(10, 5)
    assert read.settings.report_every == MINUTE


def test_what_is_needed_says_what_to_write() -> None:
    """If nobody said it."""
    assert told(read_settings({})) == [
        f"FIVEWHYS_SUBSCRIPTION: it is not set; {SUBSCRIBED}",
        f"FIVEWHYS_STORE: it is not set; {KEPT}",
    ]


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(
    write: Write, say: Set
) -> None:
    """Setting by setting."""
    write("min_priority: p1\nreceivers: 2\ntries: 7\nsinks: [github]\n")
    say(MIN_PRIORITY="p2", RECEIVERS="3")
    read = read_settings({**NEEDED, "min_priority": "p3"})
    assert read.mistakes == ()
    found = read.settings
    assert (found.min_priority, found.receivers, found.tries) == ("P3", 3, 7)
    assert found.sinks == ("github",)


def test_an_empty_variable_takes_back_what_the_file_says(write: Write, say: Set) -> None:
    """The default holds."""
    write("receivers: 2\ncatalog: catalog.yml\n")
    say(RECEIVERS="", CATALOG="")
    found = read_settings(NEEDED).settings
    assert (found.receivers, found.catalog) == (1, "")


def test_every_kind_of_value_can_be_said_in_both_places(write: Write, say: Set) -> None:
    """As YAML has it, and as a text."""
    write(
        "timeout: 20s\nuntil_idle: true\nrules: [a, b]\ninvestigators: ['ask, it', tell]\n"
        "poison: dead-letter\npull_bytes: 5000\n"
    )
    written = read_settings(NEEDED)
    say(
        TIMEOUT="20s",
        UNTIL_IDLE="True",
        RULES="a, b",
        INVESTIGATORS="ask, it\ntell",
        POISON="Dead-Letter",
        PULL_BYTES="5000",
        SETTINGS="",
    )
    assert read_settings(NEEDED) == written
    assert written.mistakes == ()
    found = written.settings
    assert (found.timeout, found.until_idle, found.rules) == (20 * SECOND, True, ("a", "b"))
    assert (found.investigators, found.pull_bytes) == (("ask, it", "tell"), 5_000)
    assert (found.poison, found.retrying.timeout) == ("dead-letter", 20)


def test_0_is_a_span_where_it_means_something_only(write: Write) -> None:
    """What is done every so often, or after so long, would be done without end."""
    others = ("stalled_after", "silent_after", "report_every")
    write("timeout: 0\nmax_runtime: 0\n" + "".join(f"{key}: 0\n" for key in others))
    read = read_settings(NEEDED)
    hint = "0 is no time span; write it like 30s, 10m, 2h or 1d"
    assert told(read) == [f"settings.yml:{at}: {key}: {hint}" for at, key in enumerate(others, 3)]
    assert (read.settings.timeout, read.settings.max_runtime) == (0, 0)
    assert read.settings.report_every == MINUTE


def test_a_span_is_no_longer_than_anybody_can_wait(say: Set) -> None:
    """Threads cannot wait for centuries; ten years do for whoever means never."""
    say(REPORT_EVERY="3650d", MAX_RUNTIME="3651d", TIMEOUT="99999999999d")
    read = read_settings(NEEDED)
    assert told(read) == [
        "FIVEWHYS_TIMEOUT: '99999999999d' is too long; write 3650d at most",
        "FIVEWHYS_MAX_RUNTIME: '3651d' is too long; write 3650d at most",
    ]
    assert read.settings.report_every == 3650 * 24 * 60 * MINUTE


def test_time_outs_and_tries_are_of_the_environment(say: Set) -> None:
    """Unless they are said."""
    say(ENVIRONMENT="local")
    assert read_settings(NEEDED).settings.retrying == Retrying(5, 3)
    say(TRIES="9")
    assert read_settings(NEEDED).settings.retrying == Retrying(5, 9)


@pytest.mark.parametrize(
    ("key", "said"), [("7", "7"), ("on", "True"), ("~", "None"), ("1.5", "1.5")]
)
def test_a_key_that_is_no_text_is_a_mistake_as_any_other(write: Write, key: str, said: str) -> None:
    """YAML reads some words as something else."""
    write(f"{key}: 1\nreceivers: 2\n")
    read = read_settings(NEEDED)
    (found,) = told(read)
    assert found.startswith(f"settings.yml:1: '{said}' is no setting; ")
    assert read.settings.receivers == 2


def test_all_mistakes_are_said_at_once_each_in_its_place(write: Write, say: Set) -> None:
    """A wrong setting has its default, so that what follows can be checked, too."""
    write("receivers: many\nrules: 3\ncatalog:\nsubscriptoin: x\nworkers: 2\ngithub_storm: {}\n")
    say(
        HTTP_PORT="99999",
        MAX_RUNTIME="3",
        SINKS="github,jira",
        SUBSCRIPTION="fivewhys",
        STORE="sqlite://",
        UNTIL_IDLE="perhaps",
        ENVIRONMENT="moon",
        INVESTIGATORS="fine\nit's",
        REPORT_EVERY="often",
        MIN_PRIORTY="P1",
        QUX="1",
        INVESTIGATOR_KEY="for a program of the user's",
    )
    read = read_settings({"min_priority": "P9", "repo": ""})
    assert told(read) == [
        "FIVEWHYS_MIN_PRIORTY: there is no such setting; FIVEWHYS_MIN_PRIORITY is meant?",
        "FIVEWHYS_QUX: there is no such setting; unset it",
        "settings.yml:4: 'subscriptoin' is no setting; subscription is meant?",
        "settings.yml:5: 'workers' is no setting; unset it",
        f"FIVEWHYS_SUBSCRIPTION: 'fivewhys' is none; {NAMED}",
        f"FIVEWHYS_STORE: {KEPT}",
        "FIVEWHYS_ENVIRONMENT: 'moon' is none of local, staging",
        "FIVEWHYS_HTTP_PORT: '99999' is no number from 0 to 65,535",
        "FIVEWHYS_SINKS: 'jira' is no sink; there is github",
        "settings.yml:3: catalog: wanted is a text, and there is nothing",
        "--min-priority: 'P9' is none of P0, P1, P2, P3, P4",
        "FIVEWHYS_INVESTIGATORS: its line 2 is no command: No closing quotation",
        "settings.yml:1: receivers: 'many' is no number from 1 to 32",
        "FIVEWHYS_REPORT_EVERY: 'often' is no time span; write it like 30s, 10m, 2h or 1d",
        "FIVEWHYS_MAX_RUNTIME: '3' is no time span; write it like 30s, 10m, 2h or 1d",
        "FIVEWHYS_UNTIL_IDLE: 'perhaps' is neither true nor false",
        "settings.yml:6: github_storm: wanted is a text, not a mapping",
    ]
    assert (read.settings.report_every, read.settings.receivers) == (MINUTE, 1)
    assert read.settings.rules == ("3",)


@pytest.mark.parametrize(
    "name",
    [
        "demo",
        "example.com:demo",
        "projects/demo",
        "folders/12",
        "organizations/7",
        "billingAccounts/A-B",
        "projects/demo/locations/global/buckets/_Default/views/_AllLogs",
    ],
)
def test_whose_logs_are_read_has_one_of_some_forms(say: Set, name: str) -> None:
    """A project, by its id, or what else has logs; what is none of them is refused at once."""
    say(LOGGING_PROJECT=name)
    read = read_settings(NEEDED)
    assert (read.settings.logging_project, read.mistakes) == (name, ())
    for wrong in (f"{name} x", f"/{name}", f'{name}"', "é"):
        say(LOGGING_PROJECT=wrong)
        said = f"{wrong!r:.60} is none; write a project, folders/N or organizations/N"
        assert told(read_settings(NEEDED)) == [f"FIVEWHYS_LOGGING_PROJECT: {said}"]


@pytest.mark.parametrize(
    "wrong", ["http://localhost:8085", "https://a", "localhost", "127.0.0.1", "a:8085/"]
)
def test_an_emulator_that_is_no_address_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """Nothing could be pulled from there, and it would be tried for ever."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", wrong)
    assert told(read_settings(NEEDED)) == [
        f"PUBSUB_EMULATOR_HOST: {wrong!r} is no address; write HOST:PORT, as localhost:8085"
    ]
    assert told(read_settings({}, needed=())) == []


@pytest.mark.parametrize(
    "right", ["", "localhost:8085", "127.0.0.1:1", "[::1]:8432", "dns:///a:8085", "unix:/tmp/a"]
)
def test_an_emulator_that_is_an_address_is_none(
    monkeypatch: pytest.MonkeyPatch, right: str
) -> None:
    """However gRPC may be told of one."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", right)
    assert told(read_settings(NEEDED)) == []


def test_a_number_is_read_to_its_end(say: Set) -> None:
    """Zeros at its beginning say nothing, however many there are."""
    zeros = "0" * 5_000
    say(HTTP_PORT="000000000000999999", RECEIVERS=f"{zeros}9", TRIES=zeros, PULL_BYTES="9" * 5_000)
    read = read_settings(NEEDED)
    assert told(read) == [
        "FIVEWHYS_HTTP_PORT: '000000000000999999' is no number from 0 to 65,535",
        f"FIVEWHYS_PULL_BYTES: '{'9' * 59} is no number from 1,000 to 1,000,000,000",
    ]
    assert (read.settings.receivers, read.settings.tries) == (9, 0)


def test_an_empty_command_is_none(write: Write) -> None:
    """Wherever it stands."""
    write("investigators: [ask, '', tell]\n")
    assert told(read_settings(NEEDED)) == ["settings.yml:1: investigators: its line 2 is empty"]


def test_a_text_that_is_no_utf_8_is_refused(write: Write, say: Set) -> None:
    """The Logging API, GitHub and the store take no other; what it says is not shown."""
    write('repo: "a\\udcff"\nrules: [a, "b\\udcff"]\ngithub_title: "c\\udcff"\n')
    say(LOGGING_FILTER="sev\udcff", PULL_BYTES="5000\udcff")
    read = read_settings(NEEDED)
    assert told(read) == [
        "FIVEWHYS_LOGGING_FILTER: it is not UTF-8 text",
        "settings.yml:2: rules: it is not UTF-8 text",
        "settings.yml:1: repo: it is not UTF-8 text",
        "FIVEWHYS_PULL_BYTES: it is not UTF-8 text",
        "settings.yml:3: github_title: it is not UTF-8 text",
    ]
    assert read.settings.logging_filter == ""


def test_a_file_that_cannot_be_read(tmp_path: Path, say: Set) -> None:
    """It says why, and who named it."""
    missing = tmp_path / "none.yml"
    say(SETTINGS=str(missing))
    assert told(read_settings(NEEDED)) == [
        "none.yml: FIVEWHYS_SETTINGS: cannot be read: No such file or directory"
    ]
    (tmp_path / "bytes.yml").write_bytes(b"\xff")
    assert told(read_settings(NEEDED, str(tmp_path / "bytes.yml"))) == [
        "bytes.yml: --settings: cannot be read: it is not UTF-8 text"
    ]
    (tmp_path / "list.yml").write_text("- 1\n", encoding="utf-8")
    (found,) = told(read_settings(NEEDED, str(tmp_path / "list.yml")))
    assert found.startswith("list.yml:1: wanted is a mapping with keys of subscription, store")


def test_what_others_read_can_stand_in_the_file(write: Write, say: Set) -> None:
    """They are given file and environment in one."""
    write(
        "github_repository: example/platform\ngithub_labels: ['{{ priority }}', bug]\n"
        "github_close: true\ngithub_storm: 30\nmarker_key: sm://projects/p/secrets/s\n"
    )
    say(GITHUB_STORM="", REDACT_EMAILS="false")
    read = read_settings(NEEDED)
    assert read.mistakes == ()
    assert read.environment == {
        "FIVEWHYS_GITHUB_REPOSITORY": "example/platform",
        "FIVEWHYS_GITHUB_LABELS": "{{ priority }}\nbug",
        "FIVEWHYS_GITHUB_CLOSE": "true",
        "FIVEWHYS_GITHUB_STORM": "",
        "FIVEWHYS_MARKER_KEY": "sm://projects/p/secrets/s",
        "FIVEWHYS_REDACT_EMAILS": "false",
    }


def test_no_secret_is_shown(write: Write, say: Set) -> None:
    """Nor has one a place in the file."""
    write('github_token: ghp_secret\nmarker_key: secret-of-ours\ninvestigators: "ask \'secret"\n')
    say(STORE="postgresql://me:secret@host/db", GITHUB_TOKEN="secret", INVESTIGATOR_KEY="secret")
    read = read_settings({})
    assert told(read)[:2] == [
        f"settings.yml:1: github_token: {HIDDEN} github_token_file, or its sm:// name",
        f"settings.yml:2: marker_key: {HIDDEN} marker_key_file, or its sm:// name",
    ]
    shown = f"{read!r} {read.settings!r}"
    assert not re.search("secret@|ghp_secret|secret-of|'secret", shown)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{value: ghp_secret}", "wanted is a text, not a mapping"),
        ("[1, ghp_secret]", "wanted is a text, not a list"),
    ],
)
@pytest.mark.parametrize("key", ["store", "timeout", "github_title"])
def test_what_a_list_or_a_mapping_holds_is_not_shown(
    write: Write, key: str, written: str, said: str
) -> None:
    """It may be a secret: whoever writes it there takes a setting for another one."""
    write(f"{key}: {written}\n")
    read = read_settings({}, needed=())
    assert told(read)[-1] == f"settings.yml:1: {key}: {said}"
    assert "ghp_secret" not in f"{read!r} {read.settings!r}"


@pytest.mark.parametrize("written", ["ghp_secret", "{value: ghp_secret}", "[1, ghp_secret]", "{}"])
def test_the_log_takes_nothing_out_of_what_is_said_about_a_secret(
    write: Write, written: str
) -> None:
    """And it is said once, whatever stands there."""
    write(f"github_token: {written}\nmarker_key: {written}\n")
    read = read_settings({}, needed=())
    assert told(read) == [
        f"settings.yml:1: github_token: {HIDDEN} github_token_file, or its sm:// name",
        f"settings.yml:2: marker_key: {HIDDEN} marker_key_file, or its sm:// name",
    ]
    assert [Redactor().text(one) for one in told(read)] == told(read)


def test_what_a_list_of_texts_holds_is_not_shown_either(write: Write) -> None:
    """Where one text is wanted."""
    keys = {
        "subscription": f"none; {NAMED}",
        "environment": "none of local, staging",
        "http_port": "no number from 0 to 65,535",
        "timeout": "no time span; write it like 30s, 10m, 2h or 1d",
        "dry_run": "neither true nor false",
    }
    write("".join(f"{key}: [ghp_secret]\n" for key in keys))
    read = read_settings({}, needed=())
    assert sorted(one.partition(": ")[2] for one in told(read)) == sorted(
        f"{key}: a list is {said}" for key, said in keys.items()
    )


@pytest.mark.parametrize("text", ["- github_token: ghp_secret\n", "GITHUB_TOKEN=ghp_secret\n"])
def test_a_file_that_is_written_in_another_way_is_not_shown(write: Write, text: str) -> None:
    """As a list, or like a file of variables."""
    write(text)
    (found,) = told(read_settings({}, needed=()))
    assert found.startswith("settings.yml:1: wanted is a mapping with keys of subscription, ")
    assert "ghp_secret" not in found


def read_variables() -> Iterator[str]:
    """Yield the variables that our code names."""
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        yield from re.findall(r"FIVEWHYS_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))


def test_every_variable_that_is_read_is_known() -> None:
    """So that no right setting is called a mistake; and those of the README are all there is."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"FIVEWHYS_[A-Z_]*[A-Z]\b", readme)) - {FREE.rstrip("_")}
    assert {*read_variables()} <= {*KNOWN, FREE.rstrip("_")}
    assert named == {*KNOWN}


def test_the_readme_has_all_settings() -> None:
    """As the model has them."""
    assert table() in (ROOT / "README.md").read_text(encoding="utf-8")
