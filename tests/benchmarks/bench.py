# ruff: noqa: T201 - a script: it prints
"""How fast fivewhys is, beside ripgrep and SEC, in one run on one generated file: `make bench`.

    python -m tests.benchmarks.bench

`BENCH_MB` is the size of the file in megabytes (1,000). Nothing is left behind; no figure makes it
fail. README.md beside this file explains the rows.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.corpus import (
    BATCH,
    MATCHING,
    MEGABYTE,
    entries,
    expressions,
    sec_rule,
    sigma_rule,
)
from tests.benchmarks.measuring import FailedError, Measured, best, measure
from tests.benchmarks.profiling import read_profile
from tests.benchmarks.table import Row, at_least, below, number, render, skipped

if TYPE_CHECKING:
    from collections.abc import Callable

FEW: Final = 40
MANY: Final = 3_000
SLICE: Final = 20
"""SEC gets one part in so many of the file."""
LEAST: Final = 10 * MEGABYTE
"""But not less than this of it."""
LARGER: Final = 4
"""The second size at which memory is measured."""
SHOWN: Final = 12
"""How many modules of the profile are shown."""

FIVEWHYS: Final = Path(sys.executable).with_name("fivewhys")
PARSE: Final = (
    "import sys; from pipeline.sources.files import FileSource; "
    "print(sum(1 for _ in FileSource(sys.argv[1:]).read()))"
)


class Bench:
    """One run: files in a folder, and each row measured on them when it is asked for."""

    def __init__(self, folder: Path, size: int) -> None:
        """Write the rules and the file of `size` bytes, and its slice."""
        self.folder = folder
        self.told = expressions(MANY)
        for count in (FEW, MANY):
            self._write_rules(count)
        self.patterns = folder / "patterns.txt"
        self.patterns.write_text("".join(f"{one.pattern}\n" for one in self.told[:FEW]))
        self.file, self.slice = folder / "entries.jsonl", folder / "slice.jsonl"
        self.count = self._write_entries(self.file, size)
        self.size = self.file.stat().st_size
        least = min(size, LEAST)
        self.sliced = self._write_entries(self.slice, max(size // SLICE, least))

    def _write_rules(self, count: int) -> None:
        rules = self.folder / f"rules-{count}"
        rules.mkdir()
        for index, one in enumerate(self.told[:count]):
            (rules / f"bench_{index}.yml").write_text(sigma_rule(index, one))

    def _write_entries(self, path: Path, size: int) -> int:
        """Write entries and return their number."""
        _say(f"writing {size / MEGABYTE:,.0f} MB of entries")
        with path.open("wb") as file:
            return sum(
                chunk.count(b"\n") for chunk in entries(size, self.told[:FEW]) if file.write(chunk)
            )

    def command(self, rules: int, file: Path, *options: str) -> list[str | Path]:
        """Return the command that replays a file with so many rules."""
        out = str(self.folder / "issues")
        where = ("--rules", str(self.folder / f"rules-{rules}"), "--out", out)
        return [FIVEWHYS, "replay", file, *where, "--format", "json", "--no-progress", *options]

    def replay(self, rules: int, file: Path, *options: str) -> Measured:
        """Replay a file with so many rules."""
        _say(f"replaying {file.name} with {rules:,} rules {' '.join(options)}")
        return measure(self.command(rules, file, *options), self.folder)

    @cached_property
    def few(self) -> Measured:
        """The run that the others are compared with."""
        return self.replay(FEW, self.file)

    def versus_ripgrep(self) -> Row:
        """Compare with ripgrep, searching for the same expressions."""
        what = f"{FEW} rules: throughput, of ripgrep's"
        program = shutil.which("rg")
        if program is None:
            return skipped(what, ">= 1.00", "needs ripgrep (Debian package ripgrep)")
        expect("fivewhys", counted(self.few.output), matching(self.count))
        _say("ripgrep")
        run = best([program, "-c", "-f", self.patterns, self.file], self.folder, 2)
        expect("ripgrep", int(run.output), matching(self.count))
        return at_least(
            what,
            run.seconds / self.few.seconds,
            1.0,
            detail=f"{self._speed(self.few)}; ripgrep {self._speed(run)}",
        )

    def versus_sec(self) -> Row:
        """Compare with SEC on a slice of the file, both by megabytes a second."""
        what = f"{FEW} rules: throughput, of SEC's"
        program = shutil.which("sec")
        if program is None:
            return skipped(what, ">= 20.0", "needs SEC (Debian package sec)")
        _say("SEC")
        rules, matched = self.folder / "sec.conf", self.folder / "sec.out"
        rules.write_text(
            "\n".join(sec_rule(*one, str(matched)) for one in enumerate(self.told[:FEW]))
        )
        options = (f"--conf={rules}", f"--input={self.slice}", "--notail")
        run = measure([program, *options], self.folder)
        expect("SEC", len(matched.read_text().splitlines()), matching(self.sliced))
        size = self.slice.stat().st_size
        return at_least(
            what,
            (self.size / self.few.seconds) / (size / run.seconds),
            20,
            detail=f"SEC {self._speed(run, size / self.size)}, on {size / MEGABYTE:,.0f} MB",
        )

    def many_rules(self) -> Row:
        """Compare many rules with few."""
        run = self.replay(MANY, self.file)
        expect("fivewhys", counted(run.output), matching(self.count))
        start = self.replay(MANY, self._ten)
        return at_least(
            f"{MANY:,} rules: throughput, of {FEW} rules'",
            self.few.seconds / run.seconds,
            0.5,
            detail=f"{self._speed(run)}; {start.seconds:.1f} s to start",
        )

    def memory(self) -> Row:
        """Take the peak memory."""
        return below(
            f"{FEW} rules: peak memory",
            self.few.peak / MEGABYTE,
            300,
            unit=" MB",
            detail=f"at {self.size / MEGABYTE:,.0f} MB of entries",
        )

    def memory_growth(self) -> Row:
        """Take the peak memory of a larger file, which should not be larger."""
        larger = self.folder / "larger.jsonl"
        count = self._write_entries(larger, self.size * LARGER)
        run = self.replay(FEW, larger)
        larger.unlink()
        expect("fivewhys", counted(run.output), matching(count))
        return below(
            f"{FEW} rules: peak memory at {LARGER} times the size",
            run.peak / self.few.peak,
            1.1,
            unit=" times",
            detail=f"{run.peak / MEGABYTE:,.0f} MB; {self._speed(run, LARGER)}",
        )

    def two_jobs(self) -> Row:
        """Compare two processes with one; what they print has to be the same."""
        what = "two processes: throughput, of one's"
        usage = measure([FIVEWHYS, "replay", "--help"], self.folder)
        if "--jobs" not in usage.output:
            return skipped(what, ">= 1.70", "--jobs is not built yet")
        one, two = (self.replay(FEW, self.file, "--jobs", jobs) for jobs in ("1", "2"))
        same = "the same" if one.output == two.output else "DIFFERENT"
        detail = f"{self._speed(two)}; output {same}; {os.cpu_count()} cores"
        return at_least(what, one.seconds / two.seconds, 1.7, detail=detail)

    def parse_everything(self) -> Row:
        """Read every entry and do nothing with it."""
        _say("parsing")
        run = measure([sys.executable, "-c", PARSE, self.file], self.folder)
        expect("fivewhys", int(run.output), self.count)
        return at_least(
            "parse everything: entries a second",
            self.count / run.seconds,
            200_000,
            detail=f"{self._speed(run)}; peak {run.peak / MEGABYTE:,.0f} MB",
        )

    def start(self) -> Row:
        """Time what does nothing."""
        run = best([FIVEWHYS, "version"], self.folder, 10)
        return below("fivewhys version", run.seconds * 1_000, 150, unit=" ms", detail="best of 10")

    def few_entries(self) -> Row:
        """Time a replay that has hardly anything to do, with the rules that come along."""
        options = ("--out", str(self.folder / "issues"), "--no-progress")
        run = best([FIVEWHYS, "replay", self._ten, *options], self.folder, 5)
        detail = "best of 5, with fivewhys' own rules"
        return below("a replay of ten entries", run.seconds * 1_000, 500, unit=" ms", detail=detail)

    @cached_property
    def _ten(self) -> Path:
        path = self.folder / "ten.jsonl"
        with self.file.open("rb") as file:
            path.write_bytes(b"".join(file.readline() for _ in range(10)))
        return path

    def _speed(self, run: Measured, times: float = 1) -> str:
        speed = self.size * times / MEGABYTE / run.seconds
        return f"{number(speed)} MB/s in {number(run.seconds)} s, {number(run.cpu)} s of CPU"

    def profile(self) -> str:
        """Profile a replay and say which modules its time goes to."""
        _say("profiling")
        path = self.folder / "profile"
        command = self.command(FEW, self.file, "--jobs", "1")
        try:
            measure([sys.executable, "-m", "cProfile", "-o", path, *command], self.folder)
        except FailedError as error:
            return str(error)
        lines = [f"{share:6.1%}  {module}" for module, share in read_profile(path).items()]
        return "\n".join(lines[:SHOWN])


ROWS: tuple[Callable[[Bench], Row], ...] = (
    Bench.versus_ripgrep,
    Bench.versus_sec,
    Bench.many_rules,
    Bench.memory,
    Bench.memory_growth,
    Bench.two_jobs,
    Bench.parse_everything,
    Bench.start,
    Bench.few_entries,
)


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def matching(count: int) -> int:
    """Return how many of so many entries match."""
    return count * MATCHING // BATCH


def counted(output: str) -> int:
    """Return how many detections the JSON of a replay counts."""
    incidents = json.loads(output)["incidents"]
    return sum(symptom["count"] for incident in incidents for symptom in incident["symptoms"])


def expect(who: str, found: int, wanted: int) -> None:
    """Hold what a program found against what was written: else its figure means nothing."""
    if found != wanted:
        message = f"{who} found {found:,} entries, not {wanted:,}"
        raise FailedError(message)


def _room(folder: Path, size: int) -> None:
    needed = size * (LARGER + 2)
    free = shutil.disk_usage(folder).free
    if free < needed:
        sys.exit(
            f"bench: {folder} has {free / MEGABYTE:,.0f} MB free and {needed / MEGABYTE:,.0f} MB "
            "are needed; set BENCH_MB to less, or TMPDIR to another folder"
        )


def size_of(text: str) -> int:
    """Read BENCH_MB; return bytes, or end with what is wrong."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        sys.exit(f"bench: BENCH_MB is a number of megabytes, not {text!r}")
    return int(text) * MEGABYTE


def main() -> None:
    """Measure all rows and print them, then where the time of a replay goes."""
    size = size_of(os.environ.get("BENCH_MB") or "1000")
    with tempfile.TemporaryDirectory(prefix="fivewhys-bench-") as name:
        folder = Path(name)
        _room(folder, size)
        bench = Bench(folder, size)
        rows = [_row(bench, measured) for measured in ROWS]
        print(f"\n{bench.count:,} entries, {size / MEGABYTE:,.0f} MB, 0.3 % matching\n")
        print(render(rows))
        print(f"\nWhere the time of a replay goes (cProfile):\n\n{bench.profile()}")


def _row(bench: Bench, measured: Callable[[Bench], Row]) -> Row:
    """Measure a row; what fails is shown in its place."""
    try:
        return measured(bench)
    except FailedError as error:
        return Row(measured.__name__, "", "failed", met=None, detail=str(error).replace("\n", " "))


if __name__ == "__main__":
    main()
