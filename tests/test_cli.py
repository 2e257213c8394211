"""The command line: what a user types, reads and gets as exit status."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.document import RunDocument
from tests.support import FAILING_JOB

ROOT = Path(__file__).resolve().parents[1]
EXPORT = ROOT / "examples/staging-2025-09-10.jsonl"
CATALOG = ROOT / "examples/catalog.yml"

MISSING: dict[str, Any] = {
    "insertId": "a1",
    "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
    "timestamp": "2025-09-10T00:33:54Z",
    "severity": "ERROR",
    "resource": {
        "type": "cloud_run_revision",
        "labels": {"service_name": "backend", "revision_name": "backend-00001-abc"},
    },
    "textPayload": "Missing critical user tables: ['user_sessions']",
}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Write an export of one entry that makes one incident."""
    path = tmp_path / "export.jsonl"
    path.write_text(json.dumps(MISSING) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return empty


def run(*words: object, stdin: bytes = b"") -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(word) for word in words], input=stdin)


def document(result: Result) -> dict[str, Any]:
    """Return the JSON document a run printed, after checking it against the published schema."""
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    schema = RunDocument.model_json_schema()
    Draft202012Validator(schema, format_checker=None).validate(found)
    assert isinstance(found, dict)
    return found


def test_the_example_makes_two_incidents_and_their_issues(folder: Path) -> None:
    """The example morning holds two faults; each becomes one issue file."""
    result = run("replay", EXPORT, "--catalog", CATALOG)
    assert result.exit_code == 0, result.output
    assert "2 incidents in" in result.stdout
    assert len(list((folder / "fivewhys-out").glob("inc-*.md"))) == 2


def test_json_is_the_public_contract(export: Path, folder: Path) -> None:
    """`--format json` prints one document that its schema describes."""
    found = document(run("replay", export, "--format", "json"))
    assert found["entries"] == {
        "read": 1,
        "accepted": 1,
        "duplicates": 0,
        "rejected": 0,
        "outside": 0,
        "unknown_severities": 0,
    }
    (incident,) = found["incidents"]
    assert incident["root_symptom"] == "missing_table"
    assert incident["report"]["action"] == "create"
    assert (folder / "fivewhys-out" / f"{incident['id']}.md").is_file()


def test_markdown_is_the_issue(export: Path, folder: Path) -> None:
    """`--format markdown` prints what the issue would say."""
    assert folder.is_dir()
    result = run("replay", export, "--format", "markdown")
    assert result.stdout.startswith("# [P1] backend: Missing critical tables: user_sessions")
    assert "## Five whys" in result.stdout


@pytest.mark.usefixtures("folder")
def test_standard_input_is_a_source() -> None:
    """`-`, and no source at all, read standard input."""
    line = json.dumps(MISSING).encode()
    for words in (["-"], []):
        found = document(run("replay", *words, "--format", "json", stdin=line))
        assert len(found["incidents"]) == 1


def test_a_dry_run_writes_nothing(export: Path, folder: Path) -> None:
    """`--dry-run` decides and prints, but writes no file and no store."""
    result = run("replay", export, "--dry-run", "--store", "sqlite:///state.db")
    assert result.exit_code == 0, result.output
    assert "create: first report" in result.stdout
    assert list(folder.iterdir()) == []


def test_a_store_remembers_between_replays(export: Path, folder: Path) -> None:
    """The second replay of the same export finds nothing to do, and the incident can be shown."""
    words = ("replay", export, "--store", "sqlite:///state.db", "--format", "json")
    first, second = (document(run(*words)) for _ in range(2))
    (one,), (two,) = first["incidents"], second["incidents"]
    assert (one["id"], one["report"]["action"]) == (two["id"], "create")
    assert (two["report"]["action"], two["report"]["reason"]) == (
        "leave",
        "nothing changed since the last report",
    )
    assert one["symptoms"] == two["symptoms"]
    listed = run("incidents", "list", "--store", "sqlite:///state.db")
    assert one["id"] in listed.stdout
    shown = run("incidents", "show", one["id"][:8], "--store", "sqlite:///state.db")
    assert shown.stdout.startswith("# [P1] backend")
    assert (folder / "state.db").is_file()


def test_an_unknown_incident_is_named(export: Path, folder: Path) -> None:
    """`incidents show` of an id that is not there says so and how to find one."""
    run("replay", export, "--store", "sqlite:///state.db")
    result = run("incidents", "show", "inc-none", "--store", "sqlite:///state.db")
    assert result.exit_code == 2
    assert "no incident 'inc-none'" in result.stderr
    assert (folder / "state.db").is_file()


def test_a_store_that_is_not_there_is_not_made_by_looking(folder: Path) -> None:
    """`incidents` over a file that does not exist says so, and leaves no file behind."""
    for words in (("list",), ("show", "inc-none")):
        result = run("incidents", *words, "--store", "sqlite:///gone.db")
        assert result.exit_code == 2
        assert "sqlite:///gone.db does not exist" in result.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("priority", "status"), [("P1", 3), ("p4", 3), ("P0", 0)])
def test_fail_on_stops_a_pipeline(export: Path, folder: Path, priority: str, status: int) -> None:
    """`--fail-on` exits 3 when an open incident is that urgent."""
    assert folder.is_dir()
    assert run("replay", export, "--fail-on", priority).exit_code == status


def test_min_priority_leaves_the_less_urgent_alone(export: Path, folder: Path) -> None:
    """Below `--min-priority` nothing is reported, and the reason is named."""
    found = document(run("replay", export, "--min-priority", "P0", "--format", "json"))
    (incident,) = found["incidents"]
    assert incident["report"]["action"] == "leave"
    assert incident["report"]["reason"] == "below the minimum priority P0"
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_since_and_until_bound_the_run(export: Path) -> None:
    """Entries before `--since` or from `--until` on are outside, and are counted as that."""
    for option, time in (("--since", "2025-09-10T00:33:55Z"), ("--until", "2025-09-10T00:33:54Z")):
        found = document(run("replay", export, option, time, "--format", "json"))
        assert found["incidents"] == []
        assert found["entries"]["outside"] == 1
    assert document(run("replay", export, "--since", "520w", "--format", "json"))["incidents"]


def test_detections_are_written_as_json_lines(folder: Path) -> None:
    """`--detections` writes each detection with the incident it belongs to."""
    assert run("replay", EXPORT, "--detections", "found.jsonl").exit_code == 0
    lines = [json.loads(line) for line in (folder / "found.jsonl").read_text().splitlines()]
    assert {tuple(line) for line in lines} == {
        ("insert_id", "log_name", "timestamp", "rule", "fingerprint", "incident_id")
    }
    assert {line["incident_id"] for line in lines if line["rule"] == "missing_table"} == {
        path.stem
        for path in (folder / "fivewhys-out").iterdir()
        if "user" in path.read_text().splitlines()[0]
    } & {line["incident_id"] for line in lines}
    assert lines == sorted(lines, key=lambda line: line["timestamp"])


def test_every_mistake_is_listed_at_once(folder: Path) -> None:
    """Wrong options and wrong files are all named in one go, before anything is read."""
    (folder / "rules").mkdir()
    bad = FAILING_JOB.replace("contains", "contain") + "audit: {signatur: x}\n"
    (folder / "rules/a.yml").write_text(bad, encoding="utf-8")
    (folder / "catalog.yml").write_text("services: {a: {depends_on: [b]}}", encoding="utf-8")
    result = run(
        *("replay", "nowhere.json", "none-*.json", "--rules", "rules", "--catalog", "catalog.yml"),
        *(
            "--store",
            "mysql://app:hunter2@db/x",
            "--since",
            "yesterday",
            "--min-priority",
            "P9",
            "--fail-on",
            "high",
            "--repo",
            "gone",
            "--hold-rollout",
            "soon",
        ),
    )
    assert result.exit_code == 2
    assert not (folder / "state.db").exists()
    for part in (
        "rules/a.yml:8: Unknown modifier 'contain'",
        "rules/a.yml:11: unknown key 'signatur'",
        "catalog.yml:1: a depends on 'b'",
        "--since: 'yesterday' is neither a time",
        "the store's URL is of the kind mysql",
        "--min-priority: 'P9' is no priority",
        "--fail-on: 'high' is no priority",
        "--repo: 'gone' is no folder",
        "--hold-rollout: 'soon' is no time span",
        "nowhere.json: no such file or folder",
        "none-*.json: no file matches",
    ):
        assert part in result.stderr


BAD_RULES = {
    "a wrong key": ("level: high", "level: high\naudit: {entitty: [service]}", "unknown key"),
    "an expression RE2 cannot run": ("contains: job", "re: (?=a)job", "look-around"),
    "an unknown modifier": ("contains", "resembles", "Unknown modifier 'resembles'"),
    "a caused_by that names no rule": (
        "level: high",
        "level: high\naudit: {caused_by: [{rule: nobody}]}",
        "caused_by names 'nobody'",
    ),
    "a whys template that is not there": (
        "level: high",
        "level: high\naudit: {whys: nothing}",
        "whys names the template 'nothing'",
    ),
}


@pytest.mark.parametrize("case", BAD_RULES)
def test_a_wrong_rule_is_named_with_file_and_line(folder: Path, case: str) -> None:
    """`rules lint` says what is wrong, in which file and line."""
    old, new, message = BAD_RULES[case]
    (folder / "bad.yml").write_text(FAILING_JOB.replace(old, new), encoding="utf-8")
    result = run("rules", "lint", ".")
    assert result.exit_code == 2
    assert message in result.stderr
    assert re.search(r"bad\.yml:\d+: ", result.stderr)


def test_what_can_hardly_be_meant_is_a_doubt_and_no_mistake(folder: Path) -> None:
    """`rules lint` says so with file and line; the rules run all the same, and ours raise none."""
    (folder / "odd.yml").write_text(f"{FAILING_JOB}audit: {{entity: [sevice]}}\n", encoding="utf-8")
    result = run("rules", "lint", "odd.yml")
    assert result.exit_code == 0
    assert re.search(r"odd\.yml:\d+: entity names 'sevice', .* \(only a doubt\)", result.stderr)
    assert result.stdout == "1 rules and 0 correlations are right\n"
    assert run("rules", "lint").stderr == ""


def test_a_template_that_raises_fails_the_run(export: Path, folder: Path) -> None:
    """A rule whose title raises on what was captured is named; the run fails, having read."""
    text = FAILING_JOB.replace("contains: job failed", "re: (?P<domain>user) tables")
    (folder / "raises.yml").write_text(
        text + "audit: {title: '{{ domain / 0 }}'}\n", encoding="utf-8"
    )
    result = run("replay", export, "--rules", ".")
    assert result.exit_code == 1
    assert "raises.yml:1: the template raised: TypeError" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.json", b"", "empty file"),
        ("binary.json", bytes(range(256)) * 20, "binary"),
        ("cut.jsonl.gz", gzip.compress(b'{"insertId": "a"}\n' * 5000, mtime=0)[:-20], "truncated"),
    ],
)
def test_bad_files_are_rejections(folder: Path, name: str, content: bytes, reason: str) -> None:
    """A file that holds nothing readable is accounted for with its reason; the run goes on."""
    (folder / name).write_bytes(content)
    result = run("replay", name, "--format", "json")
    found = document(result)
    reasons = [item["reason"] for item in found["rejections"]]
    assert any(reason in text for text in reasons), reasons


def test_a_folder_without_logs_is_a_usage_error(folder: Path) -> None:
    """A folder in which nothing looks like a log is said to be one."""
    (folder / "logs").mkdir()
    result = run("replay", "logs")
    assert result.exit_code == 2
    assert "no logs in this folder" in result.stderr


@pytest.mark.usefixtures("folder")
def test_a_store_that_is_none_is_a_usage_error(export: Path) -> None:
    """A store URL that leads nowhere is said before anything is read."""
    result = run("replay", export, "--store", "nonsense")
    assert result.exit_code == 2
    assert "the store's URL is none" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "taken"), "--out: 'taken' is no folder"),
        (("--out", "taken/below"), "--out: 'taken/below' cannot be written here"),
        (("--out", ""), "--out: '' is no folder"),
        (("--detections", "."), "--detections: '.' is no file"),
        (("--detections", "none/x"), "--detections: 'none/x' lies in a folder that does not exist"),
        (("--since", "2h", "--until", "3h"), "--until: --until is not after --since"),
    ],
)
def test_what_cannot_be_written_or_held_is_said_before_anything_is_read(
    export: Path, folder: Path, words: tuple[str, ...], message: str
) -> None:
    """A run whose outputs have no place does not begin, and leaves nothing behind."""
    (folder / "taken").write_text("a file", encoding="utf-8")
    result = run("replay", export, *words, "--store", "sqlite:///state.db")
    assert result.exit_code == 2
    assert message in result.stderr
    assert [path.name for path in folder.iterdir()] == ["taken"]


def test_one_entry_of_the_future_does_not_end_every_incident(export: Path, folder: Path) -> None:
    """An entry may claim any time; neither the clock nor its arrival lets it move all others."""
    future = {
        **MISSING,
        "insertId": "f",
        "textPayload": "well",
        "timestamp": "9999-01-01T00:00:00Z",
    }
    early = {
        **future,
        "timestamp": "2025-10-10T00:00:00Z",
        "receiveTimestamp": MISSING["timestamp"],
    }
    more = folder / "more.jsonl"
    more.write_text(f"{json.dumps(future)}\n{json.dumps(early)}\n", encoding="utf-8")
    assert run("replay", export, more, "--fail-on", "P1").exit_code == 3


def test_what_is_cited_and_rejected_holds_no_secret(folder: Path) -> None:
    """Secrets leave neither through an insertId nor through the reason of a rejection."""
    token = "ghp_" + "a1B2" * 9
    (folder / "e.jsonl").write_text(json.dumps({**MISSING, "insertId": token}), encoding="utf-8")
    (folder / "e.yaml").write_text(f"insertId: !{token} x\n", encoding="utf-8")
    words = ("replay", "e.jsonl", "e.yaml", "--detections", "d", "--store", "sqlite:///s.db")
    printed = document(run(*words, "--format", "json"))
    assert len(printed["incidents"]) == len(printed["rejections"]) == 1
    left = [path for path in folder.rglob("*") if path.is_file() and path.stem != "e"]
    texts = [json.dumps(printed).encode(), *(path.read_bytes() for path in left)]
    texts += [run("rules", "match", ROOT / "rules", "e.jsonl", "e.yaml").output.encode()]
    texts += [run("rules", "capture", "e.jsonl", "--insert-id", token).output.encode()]
    assert not any(token.encode() in text for text in texts)


@pytest.mark.parametrize(("setting", "stays"), [("true", False), ("FALSE", True)])
def test_addresses_go_unless_a_setting_lets_them_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str, *, stays: bool
) -> None:
    """E-mail addresses are personal data by default; everything else goes in any case."""
    monkeypatch.setenv("FIVEWHYS_REDACT_EMAILS", setting)
    text = f"{MISSING['textPayload']} for user@example.com, password=hunter2"
    (folder / "e.jsonl").write_text(json.dumps({**MISSING, "textPayload": text}), encoding="utf-8")
    printed = run("replay", "e.jsonl", "--format", "json").stdout
    assert ("user@example.com" in printed) is stays
    assert "hunter2" not in printed


def test_a_setting_that_is_no_truth_value_is_named(
    export: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read with a setting that might mean either."""
    monkeypatch.setenv("FIVEWHYS_REDACT_EMAILS", "perhaps")
    result = run("replay", export)
    assert result.exit_code == 2
    assert "FIVEWHYS_REDACT_EMAILS: 'perhaps' is neither true nor false" in result.stderr
    assert list(folder.iterdir()) == []


PLACEHOLDER_RULE = FAILING_JOB.replace(
    "message|contains: job failed", "message|expand: '%jobs% failed'"
)


@pytest.fixture
def placeholders(folder: Path) -> Path:
    """Write a rule with a placeholder, its test, an entry it matches, and what fills it."""
    (folder / "rules").mkdir()
    (folder / "rules/failing_job.yml").write_text(PLACEHOLDER_RULE, encoding="utf-8")
    entry = {**MISSING, "textPayload": "night run failed"}
    test = {"matches": [{"name": "it", "entry": entry}]}
    (folder / "rules/failing_job.test.yml").write_text(json.dumps(test), encoding="utf-8")
    (folder / "e.jsonl").write_text(json.dumps(entry), encoding="utf-8")
    path = folder / "placeholders.yml"
    path.write_text("jobs: [night run, day run]\n", encoding="utf-8")
    return path


COMMANDS_WITH_RULES = (
    ("replay", "e.jsonl", "--rules", "rules"),
    ("rules", "list", "--rules", "rules"),
    ("rules", "show", "failing_job", "--rules", "rules"),
    ("rules", "lint", "rules"),
    ("rules", "test", "rules"),
    ("rules", "match", "rules", "e.jsonl"),
)


@pytest.mark.parametrize("words", COMMANDS_WITH_RULES, ids=" ".join)
def test_placeholders_are_filled_by_an_option_or_a_setting(
    placeholders: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that loads rules takes either; without both it says how to fill them."""
    result = run(*words)
    assert result.exit_code == 2
    mistake = "the placeholder %jobs% is filled by no setting; write `jobs: TEXT` in a YAML file"
    assert f"rules/failing_job.yml:8: {mistake}" in result.stderr
    assert run(*words, "--placeholders", placeholders).exit_code == 0
    monkeypatch.setenv("FIVEWHYS_PLACEHOLDERS", str(placeholders))
    assert run(*words).exit_code == 0


def test_a_filled_placeholder_matches(placeholders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the option names goes before what the setting names."""
    monkeypatch.setenv("FIVEWHYS_PLACEHOLDERS", "gone.yml")
    words = ("e.jsonl", "--rules", "rules", "--placeholders", placeholders, "--format", "json")
    assert len(document(run("replay", *words))["incidents"]) == 1
    placeholders.write_text("jobs: day run", encoding="utf-8")
    assert document(run("replay", *words))["incidents"] == []


def test_a_mistake_in_placeholders_is_named(
    placeholders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With file and line; a file that cannot be read with what named it."""
    placeholders.write_text("a: b\njobs: 5\n", encoding="utf-8")
    result = run("rules", "lint", "rules", "--placeholders", "placeholders.yml")
    assert result.exit_code == 2
    assert "placeholders.yml:2: jobs: 5 is no text; put it in quotes" in result.stderr
    gone = run("replay", "e.jsonl", "--placeholders", "gone.yml")
    assert "gone.yml: --placeholders: cannot be read: No such file" in gone.stderr
    monkeypatch.setenv("FIVEWHYS_PLACEHOLDERS", "gone.yml")
    gone = run("rules", "list")
    assert "gone.yml: FIVEWHYS_PLACEHOLDERS: cannot be read: No such file" in gone.stderr


def test_an_older_export_updates_what_a_newer_one_reported(folder: Path) -> None:
    """Every replay is complete in itself: nothing waits for event time to go on."""
    again = {**MISSING, "insertId": "a2", "timestamp": "2025-09-10T00:50:00Z"}
    for name, record in (("late", again), ("early", MISSING)):
        (folder / f"{name}.jsonl").write_text(json.dumps(record), encoding="utf-8")
    words = ("--store", "sqlite:///s.db", "--format", "json")
    run("replay", "late.jsonl", *words)
    (incident,) = document(run("replay", "early.jsonl", *words))["incidents"]
    assert incident["report"]["action"] == "update"


def test_a_working_directory_that_is_gone_is_no_crash(
    export: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules and templates are named by their whole path then."""
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run("replay", export, "--dry-run").exit_code == 0


def test_rules_list_show_lint_and_test() -> None:
    """The rules that come along can be listed, shown, checked and tested."""
    listed = run("rules", "list")
    assert "missing_table\tcritical\tmissing-table\t" in listed.stdout
    assert "name: missing_table" in run("rules", "show", "missing_table").stdout
    assert "are right" in run("rules", "lint").stdout
    tested = run("rules", "test")
    assert tested.exit_code == 0, tested.stdout
    assert tested.stdout.endswith(" passed, 0 failed\n")
    assert run("rules", "show", "nothing").exit_code == 2


def test_rules_match_says_which_rule_matched_which_entry(export: Path) -> None:
    """One object an entry, those that no rule matches included; the table shows the others."""
    words = ("rules", "match", ROOT / "rules", export)
    (line,) = run(*words, "--format", "json").stdout.splitlines()
    assert json.loads(line) == {"insert_id": "a1", "rules": ["missing_table"]}
    assert run(*words).stdout == "a1\tmissing_table\n"
    (export.parent / "broken.jsonl").write_text("{broken", encoding="utf-8")
    assert (
        "rejected" in run("rules", "match", ROOT / "rules", export.parent / "broken.jsonl").stderr
    )
    lines = run("rules", "match", ROOT / "rules", EXPORT, "--format", "json").stdout.splitlines()
    assert len(lines) == 1987
    assert run("rules", "match", "nowhere", export).exit_code == 2
    assert run("rules", "match", ROOT / "rules", "nowhere.json").exit_code == 2


def test_a_captured_entry_is_a_redacted_fixture(folder: Path) -> None:
    """`rules capture` prints the richest copy of an entry, without its secrets, as a test case."""
    secret = {**MISSING, "textPayload": MISSING["textPayload"] + " password=hunter2"}
    poor = {**MISSING, "textPayload": None, "httpRequest": {"status": 503}}
    (folder / "e.jsonl").write_text(f"{json.dumps(poor)}\n{json.dumps(secret)}\n")
    result = run("rules", "capture", "e.jsonl", "--insert-id", "a1")
    (case,) = yaml.safe_load(result.stdout)["matches"]
    assert case["entry"]["resource"] == MISSING["resource"]
    assert "hunter2" not in result.stdout
    rule = yaml.safe_load(run("rules", "show", "missing_table").stdout)
    del rule["audit"]["caused_by"]  # the other rules are not here
    (folder / "missing_table.yml").write_text(yaml.safe_dump(rule))
    (folder / "missing_table.test.yml").write_text(result.stdout)
    assert run("rules", "test", ".").stdout == "1 passed, 0 failed\n"
    unknown = run("rules", "capture", "e.jsonl", "--insert-id", "zzz")
    assert unknown.exit_code == 2
    assert "has the insertId 'zzz'" in unknown.stderr


def test_a_new_rule_is_right_from_the_start(folder: Path) -> None:
    """`rules new` begins a rule and its tests; both pass, and neither is ever overwritten."""
    assert run("rules", "new", "slow_query", "--dir", "mine").exit_code == 0
    assert run("rules", "lint", "mine").exit_code == 0
    assert run("rules", "test", "mine").stdout == "4 passed, 0 failed\n"
    before = (folder / "mine/slow_query.yml").read_text(encoding="utf-8")
    again = run("rules", "new", "slow_query", "--dir", "mine")
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert (folder / "mine/slow_query.yml").read_text(encoding="utf-8") == before
    assert "is no name for a rule" in run("rules", "new", "../x").stderr
    (folder / "taken").write_text("", encoding="utf-8")
    assert "cannot be written" in run("rules", "new", "other", "--dir", "taken").stderr


def test_a_rule_is_drafted_from_an_unknown_pattern(folder: Path) -> None:
    """`rules draft` writes a rule and its test; both are right as they stand."""
    odd = {**MISSING, "textPayload": "ledger page 4711 was closed"}
    (folder / "e.jsonl").write_text(json.dumps(odd) + "\n", encoding="utf-8")
    store = ("--store", "sqlite:///s.db")
    (found,) = document(run("replay", "e.jsonl", *store, "--format", "json"))["incidents"]
    assert found["root_symptom"] == "unknown_pattern"
    assert "drafted_ledger_page_was_closed" in found["report"]["body"]
    made = run("rules", "draft", found["id"], *store, "--dir", "mine").stdout.split()
    assert made == [
        "mine/drafted_ledger_page_was_closed.yml",
        "mine/drafted_ledger_page_was_closed.test.yml",
    ]
    assert run("rules", "test", "mine").stdout == "1 passed, 0 failed\n"
    assert "is there already" in run("rules", "draft", found["id"], *store, "--dir", "mine").stderr
    named = run("rules", "draft", found["id"], *store, "--dir", "mine", "--name", "ledger_closed")
    assert named.stdout.split()[0] == "mine/ledger_closed.yml"


def test_what_rules_know_needs_no_draft(export: Path, folder: Path) -> None:
    """`rules draft` says which rules know it."""
    store = ("--store", f"sqlite:///{folder}/s.db")
    (found,) = document(run("replay", export, *store, "--format", "json"))["incidents"]
    refused = run("rules", "draft", found["id"], *store)
    assert refused.exit_code == 2
    assert "these rules know it: missing_table" in refused.stderr


def test_a_failing_rule_test_says_expected_and_actual(folder: Path) -> None:
    """`rules test` exits 1 and prints the difference."""
    (folder / "failing_job.yml").write_text(FAILING_JOB, encoding="utf-8")
    test = "matches:\n  - name: it is logged\n    entry: {textPayload: all is well}\n"
    (folder / "failing_job.test.yml").write_text(test, encoding="utf-8")
    result = run("rules", "test", ".")
    assert result.exit_code == 1
    assert "failing_job.test.yml:2 failing_job: it is logged" in result.stdout
    assert "- expected: failing_job matches" in result.stdout
    assert "+ actual: matched by no rule; message ['all is well']" in result.stdout


def test_the_committed_schemas_are_current() -> None:
    """The schemas of rule files and of a run's document are what the models say."""
    printed = run("rules", "schema").stdout
    assert json.loads(printed) == json.loads((ROOT / "rules/schema.json").read_text())
    committed = json.loads((ROOT / "pipeline/replay.schema.json").read_text())
    assert RunDocument.model_json_schema() == committed


def test_version_names_the_program() -> None:
    """`version` prints name and version."""
    assert re.fullmatch(r"fivewhys \d+\.\d+\.\d+\n", run("version").stdout)


def test_rules_have_a_version_of_their_own(folder: Path) -> None:
    """`rules version` prints that of those that come along, or of a folder that says one."""
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run("rules", "version").stdout)
    assert run("rules", "version", folder).stdout == "these rules have no version\n"


@pytest.fixture
def stricter(folder: Path) -> Path:
    """Write the rule about missing tables as somebody changed it, with a version of its own."""
    made = folder / "stricter"
    made.mkdir()
    text = (ROOT / "rules/schema/missing_table.yml").read_text(encoding="utf-8")
    alone = re.sub(r"(?m)^  caused_by:\n(    .*\n)+", "", text)
    (made / "missing_table.yml").write_text(alone.replace("critical\n", "high\n"), "utf-8")
    (made / "VERSION").write_text("2.0.0\n", encoding="utf-8")
    return made


def test_a_change_of_rules_is_held_against_an_export(export: Path, stricter: Path) -> None:
    """`rules diff` says what changes in the incidents, and which version that makes."""
    printed = run("rules", "diff", stricter, "shipped", "--on", export)
    assert printed.exit_code == 0, printed.output
    assert "minor\trule\tadded\textra_tables" in printed.stdout
    assert "priority: P2 → P1" in printed.stdout
    told = json.loads(
        run("rules", "diff", stricter, stricter, "--on", export, "--format", "json").stdout
    )
    assert (told["step"], told["old_version"], told["changes"]) == ("none", "2.0.0", [])
    words = ("rules", "diff", "shipped", stricter, "--on", export, "--format", "markdown")
    assert run(*words).stdout.startswith(
        "## What this change of rules changes\n\n**Semantic version: major"
    )


def test_a_comparison_names_every_mistake(export: Path, stricter: Path) -> None:
    """A folder without rules, a version that is none, and an export that is read only once."""
    assert "no such file" in run("rules", "diff", "shipped", "nowhere", "--on", export).stderr
    assert "only once" in run("rules", "diff", "shipped", stricter, "--on", "-").stderr
    (stricter / "VERSION").write_text("newest", encoding="utf-8")
    wrong = run("rules", "diff", "shipped", stricter, "--on", export)
    assert wrong.exit_code == 2
    assert "VERSION:1: 'newest' is no version; write it like 1.4.0" in wrong.stderr


def test_the_version_of_the_rules_stands_in_the_document(export: Path, stricter: Path) -> None:
    """Of the folder that was given; rules without one have none."""
    words = ("replay", export, "--dry-run", "--format", "json", "--rules")
    assert document(run(*words, stricter))["rules_version"] == "2.0.0"
    (stricter / "VERSION").unlink()
    assert document(run(*words, stricter))["rules_version"] == ""


def test_every_command_is_documented() -> None:
    """The README names every command."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    groups = {"": app, **{f"{item.name} ": item.typer_instance for item in app.registered_groups}}
    for prefix, group in groups.items():
        assert group is not None
        for command in group.registered_commands:
            name = command.name or command.callback.__name__  # type: ignore[union-attr]
            assert f"fivewhys {prefix}{name}" in readme
