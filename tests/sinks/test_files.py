"""The folder of issues: one Markdown file an incident, as the issue should read now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import SinkError
from pipeline.report import Action, Decision
from pipeline.sinks.files import FileSink
from tests.stores.support import outcome

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.ports import Outcome


def decided(action: Action, *, reported: bool = False, body: str = "It failed.") -> Outcome:
    """Make an outcome about `inc-1`."""
    made = outcome("inc-1", body=body)
    return replace(made, decision=Decision(action, "a reason"), reported=reported)


def test_an_issue_is_a_file_of_its_incident(tmp_path: Path) -> None:
    """Title, labels, body; folders are made where there are none."""
    folder = tmp_path / "reports/today"
    FileSink(str(folder)).send(decided(Action.CREATE))
    (file,) = folder.iterdir()
    assert file.name == "inc-1.md"
    assert file.read_text(encoding="utf-8") == "# [P1] inc-1\n\nLabels: fivewhys\n\nIt failed."


def test_an_update_replaces_the_file(tmp_path: Path) -> None:
    """It shows what the issue should say now; no draft is left beside it."""
    sink = FileSink(str(tmp_path))
    sink.send(decided(Action.CREATE))
    sink.send(decided(Action.UPDATE, reported=True, body="It failed again."))
    (file,) = tmp_path.iterdir()
    assert "It failed again." in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("reported", [True, False])
def test_what_was_left_alone_has_a_file_if_it_was_reported(
    tmp_path: Path, *, reported: bool
) -> None:
    """A new folder shows the issues that did not change, but none that was never filed."""
    FileSink(str(tmp_path)).send(decided(Action.LEAVE, reported=reported))
    assert bool(list(tmp_path.iterdir())) is reported


def test_an_update_has_its_comment_beside_it(tmp_path: Path) -> None:
    """Only where the issue is updated, and something is news."""
    made = decided(Action.UPDATE, reported=True)
    told = made.document.report.model_copy(update={"update": "It went on."})
    told_of = made.document.model_copy(update={"report": told})
    FileSink(str(tmp_path)).send(replace(made, document=told_of))
    assert (tmp_path / "inc-1.update.md").read_text(encoding="utf-8") == "It went on."
    assert (tmp_path / "inc-1.md").is_file()
    assert len(list(tmp_path.iterdir())) == 2
    left = replace(made, decision=Decision(Action.LEAVE, "a reason"), document=told_of)
    FileSink(str(tmp_path / "left")).send(left)
    assert [file.name for file in (tmp_path / "left").iterdir()] == ["inc-1.md"]


def test_text_that_is_no_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    """Half a character is no reason to lose a report."""
    FileSink(str(tmp_path)).send(decided(Action.CREATE, body="half \ud83d"))
    assert (tmp_path / "inc-1.md").read_text(encoding="utf-8").endswith("half ?")


def test_a_folder_that_is_none_is_an_error_that_no_retry_helps(tmp_path: Path) -> None:
    """It says which file and why."""
    taken = tmp_path / "taken"
    taken.touch()
    with pytest.raises(
        SinkError, match=r"taken/inc-1\.md: the report cannot be written: "
    ) as caught:
        FileSink(str(taken)).send(decided(Action.CREATE))
    assert not caught.value.recoverable


def test_what_was_absorbed_says_so_in_its_file(tmp_path: Path) -> None:
    """It looks like no open issue; what never had a file gets none."""
    sink = FileSink(str(tmp_path))
    sink.send(outcome("inc-2"))
    made = outcome("inc-1", absorbed=("inc-2", "inc-3"))
    (tmp_path / "inc-2.update.md").write_text("It went on.", encoding="utf-8")
    root = replace(made.incident.root, title="@all <b>gone</b>")
    sink.send(replace(made, incident=replace(made.incident, root=root)))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "inc-1.md",
        "inc-2.md",
        "inc-2.update.md",
    ]
    for file in ("inc-2.md", "inc-2.update.md"):
        assert (tmp_path / file).read_text(encoding="utf-8") == (
            "# `inc-2` became part of `inc-1`: backend: @\u200ball \\<b\\>gone\\</b\\>\n"
        )


@pytest.mark.parametrize("name", ["../outside", "sub/inc-2", "{tmp}/outside", "", "\x00"])
def test_an_absorbed_id_never_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Whatever a store says it is."""
    folder = tmp_path / "reports"
    (folder / "sub").mkdir(parents=True)
    others = (tmp_path / "outside.md", folder / "sub/inc-2.md")
    for file in others:
        file.write_text("mine", encoding="utf-8")
    FileSink(str(folder)).send(outcome("inc-1", absorbed=(name.format(tmp=tmp_path),)))
    assert [file.read_text(encoding="utf-8") for file in others] == ["mine", "mine"]
    assert sorted(file.name for file in folder.iterdir()) == ["inc-1.md", "sub"]
