"""The command that finds templates: what a user gives it and gets."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app

LINES = [
    "user 7 gone, really",
    'said "hello" to 10.0.0.1',
    "",
    "user 8 gone, really",
    "link up",
    "link down",
]


def run(*words: object, stdin: bytes = b"") -> Result:
    """Run `fivewhys templates`."""
    return CliRunner().invoke(app, ["templates", *map(str, words)], input=stdin)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a file of messages."""
    path = tmp_path / "messages.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def rows(result: Result) -> list[list[str]]:
    """Return the rows of the CSV that was printed."""
    assert result.exit_code == 0, result.output
    return list(csv.reader(result.stdout.splitlines()))


def test_csv_names_the_template_of_each_line(file: Path) -> None:
    """One row a line, without a header: its number from 1, the template's id, the template."""
    found = rows(run(file, "--format", "csv"))
    assert [row[0] for row in found] == ["1", "2", "3", "4", "5", "6"]
    assert [row[2] for row in found] == [
        "user <*> gone, really",
        'said "hello" to <*>',
        "",
        "user <*> gone, really",
        "link up",
        "link down",
    ]
    assert found[0][1] == found[3][1]
    assert len({row[1] for row in found}) == 5


def test_json_explains_the_parameters(file: Path) -> None:
    """One object a line, with what its template's parameters are."""
    result = run(file, "--format", "json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert found[1] == {
        "line": 2,
        "id": found[1]["id"],
        "template": 'said "hello" to <*>',
        "parameters": [{"kind": "ip", "example": "10.0.0.1"}],
    }
    assert [item["line"] for item in found] == [1, 2, 3, 4, 5, 6]


def test_the_table_counts(file: Path) -> None:
    """Without a format each template is shown once, the most frequent first."""
    first = run(file).stdout.splitlines()[0].split("\t")
    assert (first[0], first[2]) == ("2", "user <*> gone, really")


def test_standard_input_of_any_bytes_is_read() -> None:
    """A line is what ends with a line feed, whatever bytes it has; nothing of it acts."""
    data = b"a\xff 1\r\nb\x00\x1c\x1b[31m \xe2\x80\xa8 2\nlast 3"
    found = rows(run("-", "--format", "csv", stdin=data))
    assert [row[2] for row in found] == ["a\\xff <*>", "b⟨U+0000⟩⟨U+001C⟩ ⟨U+2028⟩ <*>", "last <*>"]
    assert rows(run("-", "--format", "csv")) == []


def test_the_order_of_lines_does_not_matter(tmp_path: Path) -> None:
    """The same lines in another order have the same templates."""
    lines = [
        f"job {name} of {number}" for number in range(9) for name in ("a.b", "c.d", "e_f", "g1")
    ]
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("\n".join(lines), encoding="utf-8")
    other.write_text("\n".join(reversed(lines)), encoding="utf-8")
    ids = [Counter(row[1] for row in rows(run(path, "--format", "csv"))) for path in (one, other)]
    assert ids[0] == ids[1]
    assert list(ids[0].values()) == [36]


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    """Templates and examples are redacted."""
    path = tmp_path / "messages.txt"
    path.write_text("login with password=hunter-two ok\n", encoding="utf-8")
    for format_ in ("table", "csv", "json"):
        assert "hunter" not in run(path, "--format", format_).stdout


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The message says which file and why."""
    result = run(tmp_path / "none", "--format", "csv")
    assert result.exit_code == 2
    assert result.stderr.endswith("none: cannot be read: No such file or directory\n")
