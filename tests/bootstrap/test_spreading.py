"""Work on batches in several processes comes to what it comes to in one."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pipeline.bootstrap.spreading import ALONE, spread_over
from pipeline.cli import app
from pipeline.entry import Rejection
from pipeline.errors import SourceError
from pipeline.flow import in_turn
from pipeline.sources.files.blocks import Block, read_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.ports import Batch

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")

HERE = os.getpid()


def block(number: int) -> Block:
    """Make a block that says which it is."""
    (made,) = read_blocks(f"{number}", [b"{}\n"], None)
    assert isinstance(made, Block)
    return made


def batches(count: int, after: int = ALONE) -> Iterator[Batch]:
    """Yield as many blocks as are worked on here, then some more, every third of them a list."""
    for number in range(after + count):
        if number >= after and number % 3 == 0:
            yield [Rejection(f"{number}", "no JSON")]
        else:
            yield block(number)


def name_of(batch: Batch) -> str:
    """Return what a batch is called."""
    return batch[0].place if isinstance(batch, list) else batch.name  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [0, 1, 40])
def test_results_come_in_the_order_of_the_batches(count: int) -> None:
    """However long each takes, of a few batches and of many."""
    found = list(spread_over(2)(name_of, batches(count)))
    assert found == [f"{number}" for number in range(ALONE + count)]


def test_only_blocks_go_to_other_processes() -> None:
    """And those only once there are many of them."""
    told = list(spread_over(2)(lambda batch: (isinstance(batch, list), os.getpid()), batches(40)))
    assert {pid for _, pid in told[:ALONE]} == {HERE}
    assert {pid for is_list, pid in told if is_list} == {HERE}
    away = {pid for is_list, pid in told[ALONE:] if not is_list}
    assert HERE not in away
    assert 1 <= len(away) <= 2


def test_one_job_works_here() -> None:
    """One after the other."""
    assert spread_over(1) is in_turn


def test_by_default_each_processor_has_a_job() -> None:
    """Which must not change what comes out."""
    assert list(spread_over(0)(name_of, batches(5))) == [f"{number}" for number in range(ALONE + 5)]


def test_batches_are_not_all_read_ahead() -> None:
    """Memory holds a few of them, not the whole export."""
    read: list[int] = []

    def noted() -> Iterator[Batch]:
        for number in range(200):
            read.append(number)
            yield block(number)

    found = spread_over(2)(name_of, noted())
    for _ in range(ALONE + 1):
        next(found)
    assert len(read) < ALONE + 20
    found.close()  # type: ignore[attr-defined] # a generator


def test_what_goes_wrong_elsewhere_goes_wrong_here() -> None:
    """An error of the work is the error of the run."""

    def work(batch: Batch) -> str:
        if name_of(batch) == f"{ALONE + 1}":
            message = "this batch"
            raise ValueError(message)
        return name_of(batch)

    with pytest.raises(ValueError, match="this batch"):
        list(spread_over(2)(work, batches(10)))


def test_a_file_that_is_gone_when_it_is_read_again_ends_the_run(tmp_path: Path) -> None:
    """With its name, and not as if a process had been killed."""

    def blocks() -> Iterator[Batch]:
        for number in range(ALONE + 10):
            path = tmp_path / f"{number}"
            (made,) = read_blocks(str(path), [b"{}\n"], 0)
            assert isinstance(made, Block)
            yield made

    with pytest.raises(SourceError, match=rf"{ALONE} could not be read again: No such file"):
        list(spread_over(2)(len, blocks()))


def test_a_process_that_was_killed_ends_the_run() -> None:
    """Nothing is reported of half an export; what to do is said."""

    def work(_: Batch) -> int:
        if os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return 1

    with pytest.raises(SourceError, match=r"was killed.*nothing was reported.*--jobs 1"):
        list(spread_over(2)(work, batches(10)))


def export(path: Path) -> None:
    """Write an export of some megabytes: entries, copies, a traceback in lines, broken lines."""
    texts = (
        *["all is well " + "x" * 500] * 60,
        "Missing critical user tables: ['users']",
        "Traceback (most recent call last):",
        '  File "/app/main.py", line 3, in start',
        "ModuleNotFoundError: No module named 'reports'",
    )
    with path.open("w", encoding="utf-8") as file:
        for number in range(12_000):
            record = {
                "insertId": f"id{number % 11_000}",
                "logName": "projects/p/logs/run.googleapis.com%2Fstderr",
                "timestamp": f"2025-09-10T{number // 3600 % 3:02}:{number // 60 % 60:02}"
                f":{number % 60:02}.{number % 1000:03}Z",
                "severity": ("INFO", "LOUD", "ERROR")[number % 3],
                "textPayload": texts[number % len(texts)],
                "resource": {"type": "cloud_run_revision", "labels": {"service_name": "backend"}},
            }
            file.write(json.dumps(record) + "\n")
            if number % 5_000 == 0:
                file.write("{broken\n")


def replayed(path: Path, *words: str) -> tuple[str, str]:
    """Return the document and the detections of a replay."""
    detections = path.with_suffix(".detections")
    words = (*words, "--format", "json", "--dry-run", "--detections", str(detections))
    result = CliRunner().invoke(app, ["replay", str(path), *words])
    assert result.exit_code == 0, result.output
    return result.stdout, detections.read_text(encoding="utf-8")


def test_the_output_is_the_same_whatever_the_number_of_jobs(tmp_path: Path) -> None:
    """Accounts, rejections, detections, incidents."""
    path = tmp_path / "export.jsonl"
    export(path)
    one = replayed(path, "--jobs", "1")
    assert replayed(path, "--jobs", "2") == one
    document = json.loads(one[0])
    assert document["entries"]["rejected"] == 3
    assert document["incidents"]
    assert len(one[1].splitlines()) > 100


def test_a_number_of_jobs_that_cannot_be_is_a_usage_error(tmp_path: Path) -> None:
    """Before anything is read."""
    result = CliRunner().invoke(app, ["replay", str(tmp_path), "--jobs", "-1"])
    assert result.exit_code == 2
    assert "--jobs" in result.stderr
