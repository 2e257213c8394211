# ruff: noqa: T201 - a script: it prints
"""How well incidents are told apart, over generated mornings: `make evaluate`.

    python -m tests.scenarios.evaluate [--mornings 100] [--healthy 200000] [--seed 1]
                                       [--rules DIR]... [--verbose]

Mornings have the seeds from `--seed` on; `--verbose` prints of each the truth beside what was
found. `--healthy` is how many entries the healthy day has, which is replayed last. README.md
beside this file defines the figures. No figure makes it fail.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.bootstrap.reading import load_rules
from pipeline.bootstrap.replaying import ReplayOptions, replay
from pipeline.incident import PRIORITIES
from tests.scenarios.healthy import ENTRIES, healthy_day
from tests.scenarios.kinds import KINDS
from tests.scenarios.morning import make_morning
from tests.scenarios.scoring import (
    Found,
    Result,
    Score,
    holders_of,
    root_is_right,
    score,
    tolerated,
    units_found,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.result import Result as ReplayResult
    from tests.scenarios.truth import Entry, Morning

AIMS: Final = (0.98, 0.98, 0.98)
"""Of precision, recall and right roots."""
EXACT_AIM: Final = 0.95
"""Of mornings with as many incidents as there should be."""
WORST: Final = 8
"""How many seeds are listed as the worst."""
EXCERPT: Final = 110
URGENT: Final = PRIORITIES[:3]
CALM_AIM: Final = 5
"""How many incidents of low priority a healthy day may have; an urgent one it may not."""


def find(morning: Morning, rules: Sequence[str] = ()) -> tuple[Found, ...]:
    """Replay a morning as `fivewhys replay --dry-run` does; return the incidents, context left out.

    `rules` are folders of rules, none for those that come with fivewhys.

    Raises:
        AssertionError: an entry was rejected, so that the figures would mean nothing.

    """
    context = {name for name, rule in load_rules(rules).rules.items() if rule.audit.context}
    entries_written = (item.entry for item in morning.written)
    with replayed(entries_written, morning.catalog, rules) as result:
        lines = list(result.detection_lines())
    entries: dict[str, set[str]] = defaultdict(set)
    roots: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in lines:
        owner, key = line["incident_id"], str(line["insert_id"])
        if owner is not None and line["rule"] not in context:
            entries[owner].add(key)
            roots[owner, str(line["fingerprint"])].append(key)
    return tuple(
        Found(
            name=incident.id,
            priority=incident.priority,
            root=incident.root.rule,
            root_entries=tuple(roots[incident.id, incident.root.fingerprint]),
            entries=frozenset(entries[incident.id]),
        )
        for incident in (outcome.incident for outcome in result.outcomes)
    )


@contextmanager
def replayed(
    entries: Iterable[Entry], catalog: str = "", rules: Sequence[str] = ()
) -> Iterator[ReplayResult]:
    """Replay entries as `fivewhys replay --dry-run` does; `catalog` is what its file says.

    Raises:
        AssertionError: an entry was rejected, so that the figures would mean nothing.

    """
    with tempfile.TemporaryDirectory() as folder:
        export, file = Path(folder, "export.jsonl"), Path(folder, "catalog.yml")
        with export.open("w", encoding="utf-8") as written:
            written.writelines(f"{json.dumps(entry)}\n" for entry in entries)
        file.write_text(catalog, encoding="utf-8")
        options = ReplayOptions([str(export)], rules=rules, catalog=str(file), dry_run=True)
        with replay(options) as (run, source):
            result = run.run(source)
            rejected = result.document().rejections
            assert not rejected, rejected[:3]
            yield result


def false_alarms(entries: Iterable[Entry], rules: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return priority and title of each incident that entries make."""
    with replayed(entries, rules=rules) as result:
        found = [outcome.incident for outcome in result.outcomes]
    return sorted((incident.priority, incident.title) for incident in found)


# --- the report -----------------------------------------------------------------------------------


def render(results: Sequence[Result]) -> str:
    """Render the figures: by kind, in all, as the mean of the kinds, and the worst seeds."""
    by_kind: dict[str, Score] = defaultdict(Score)
    total = Score()
    for result in results:
        total.add(result.total)
        for kind, told in result.by_kind.items():
            by_kind[kind].add(told)
    ordered = [(kind, by_kind[kind]) for kind in KINDS if kind in by_kind]
    exact = sum(result.exact for result in results) / len(results)
    count = f"number of incidents exact: {exact:.1%} of {len(results)} mornings"
    return "\n".join(
        [
            _row("kind", "incidents", "precision", "recall", "root right", "one to one"),
            *(_score_row(kind, told) for kind, told in ordered),
            "",
            _score_row("all pairs", total),
            _mean_row([told for _, told in ordered]),
            _row("aim", "", *(f"{aim:.3f}" for aim in AIMS), ""),
            "",
            f"{count} (aim {EXACT_AIM:.0%})",
            *_quiet_lines(results),
            "",
            "worst mornings (python -m tests.scenarios.evaluate --mornings 1 --verbose --seed N):",
            *_worst(results),
        ]
    )


def render_calm(entries: int, alarms: Sequence[tuple[str, str]]) -> str:
    """Render what became of a healthy day: how many incidents, and the first of them."""
    urgent = sum(priority in URGENT for priority, _ in alarms)
    return "\n".join(
        [
            f"healthy day of {entries:,} entries:",
            f"  {urgent} incidents of {URGENT[0]} to {URGENT[-1]} (aim 0)",
            f"  {len(alarms) - urgent} of lower priority (aim at most {CALM_AIM})",
            *(f"  {priority} {title[:EXCERPT]}" for priority, title in alarms[:WORST]),
        ]
    )


def _quiet_lines(results: Sequence[Result]) -> Iterator[str]:
    quiet = [result for result in results if not result.least]
    if quiet:
        alarms = sum(result.counted for result in quiet)
        yield f"quiet mornings: {len(quiet)}, false incidents in them: {alarms}"


def _worst(results: Sequence[Result]) -> Iterator[str]:
    def badness(result: Result) -> tuple[float, int, int]:
        shares = (result.total.precision, result.total.recall, result.total.root, result.total.one)
        known = [share for share in shares if share is not None]
        return (sum(known) / len(known) if known else 1.0, result.exact, result.seed)

    for result in sorted(results, key=badness)[:WORST]:
        told = result.total
        yield (
            f"  seed {result.seed:4}  {result.kind:28} precision {_percent(told.precision)} "
            f"recall {_percent(told.recall)} roots {told.right} of {told.rooted}, "
            f"{result.counted} incidents for {_range(result)}"
        )


def _range(result: Result) -> str:
    return f"{result.least}" if result.least == result.most else f"{result.least}-{result.most}"


def _row(name: str, *cells: str) -> str:
    return f"{name:28}" + "".join(f"{cell:>12}" for cell in cells)


def _score_row(name: str, told: Score) -> str:
    shares = (told.precision, told.recall, told.root, told.one)
    return _row(name, str(told.incidents), *map(_percent, shares))


def _mean_row(told: Sequence[Score]) -> str:
    columns = zip(
        *((item.precision, item.recall, item.root, item.one) for item in told), strict=True
    )
    means = [[share for share in column if share is not None] for column in columns]
    cells = (_percent(sum(shares) / len(shares) if shares else None) for shares in means)
    return _row("mean of the kinds", "", *cells)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


# --- one morning ----------------------------------------------------------------------------------


def describe(morning: Morning, found: Sequence[Found]) -> str:
    """Print the truth of a morning beside what was found."""
    lines = [f"seed {morning.seed}: {morning.kind}, {len(morning.written)} entries"]
    for truth in morning.truths:
        best, holders = holders_of(truth, morning, found)
        right = best is not None and root_is_right(truth, morning, best)
        cut = "" if truth.rooted else " (its cause was cut off)"
        name, root = (best.name, best.root) if best else ("none", "none")
        lines += [
            "",
            f"TRUE {truth.number} {truth.kind}: {truth.cause} in {truth.service}{cut}",
            f"  held by {holders}, best {name}; root {root} is {'right' if right else 'WRONG'}",
            *_missed(morning, truth.number, found),
        ]
    quiet = tolerated(morning, found)
    for incident in found:
        owners = Counter(_owner_of(morning, key) for key in incident.entries)
        held = ", ".join(f"{count} of {owner}" for owner, count in owners.most_common())
        note = " (noise, tolerated)" if incident in quiet else ""
        lines += ["", f"FOUND {incident.name} {incident.priority} {incident.root}{note}: {held}"]
        lines += _examples(morning, incident.entries)
    return "\n".join(lines)


def _owner_of(morning: Morning, key: str) -> str:
    mark = morning.by_key[key].mark
    return f"true {mark.incident}" if mark.incident else mark.noise or "healthy entries"


def _missed(morning: Morning, number: int, found: Sequence[Found]) -> Iterator[str]:
    """Yield a line for each text that no found incident holds, the most frequent first."""
    members, marks = units_found(morning, found), morning.by_key
    missed = {
        item.unit: _text(morning, key)  # the last line of a traceback speaks for all of it
        for key, item in sorted(marks.items(), key=lambda pair: pair[1].at)
        if item.mark.incident == number and item.mark.asked and item.unit not in members
    }
    for text, count in Counter(missed.values()).most_common(12):
        yield f"  missed {count:4}x {text}"


def _examples(morning: Morning, entries: frozenset[str]) -> Iterator[str]:
    for text, count in Counter(_text(morning, key) for key in entries).most_common(8):
        yield f"  {count:4}x {text}"


def _text(morning: Morning, key: str) -> str:
    """Return what an entry says, short, with digits blotted so that the same texts count once."""
    entry = morning.by_key[key].entry
    payload = entry.get("jsonPayload", {})
    status = entry.get("protoPayload", {}).get("status", {})
    text = str(entry.get("textPayload") or payload.get("message") or status.get("message") or "")
    told = entry.get("httpRequest", {})
    where = entry["resource"]["labels"]
    name = where.get("service_name", where.get("job_name"))
    request = f"[{told['status']}] " if told else ""
    flat = "".join("0" if letter.isdigit() else letter for letter in " / ".join(text.split("\n")))
    tail = flat if len(flat) <= EXCERPT else f"{flat[:50]} ... {flat[-55:]}"
    return f"{name}: {request}{tail}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the evaluation and print its report."""
    parser = argparse.ArgumentParser(description="How well incidents are told apart.")
    parser.add_argument("--mornings", type=int, default=100)
    parser.add_argument("--healthy", type=int, default=ENTRIES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rules", action="append", default=[])
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    results = []
    for seed in range(options.seed, options.seed + options.mornings):
        morning = make_morning(seed)
        found = find(morning, options.rules)
        results.append(score(morning, found))
        if options.verbose:
            print(describe(morning, found), end="\n\n")
    if results:
        print(render(results))
    if options.healthy:
        day = healthy_day(options.seed, options.healthy)
        print(f"\n{render_calm(options.healthy, false_alarms(day, options.rules))}")


if __name__ == "__main__":
    main()
