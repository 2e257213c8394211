"""What the benchmark works on: expressions, their rules for three programs, and log entries.

All of it follows from a seed: the same sizes give the same bytes. Entries are rendered from
templates that are rendered once, so that a gigabyte takes seconds.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE: Final = 1_000_000
BATCH: Final = 1_000
"""Entries rendered at once."""
MATCHING: Final = 3
"""How many entries of a batch match a rule: 0.3 %."""
TEMPLATES: Final = 2_000
"""How many entries there are that match nothing, but for their ids and times."""
VARIANTS: Final = 4
"""How many there are that match an expression."""
MOST: Final = 3_000
"""How many expressions there are at most."""

_BEGIN = datetime(2025, 9, 10, tzinfo=UTC)
_STEP = 3_000  # microseconds between entries
_SERVICES = ("accounts", "billing", "catalog", "checkout", "search", "shipping", "tickets", "web")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_THINGS = _words("""
    account batch bucket bundle cache campaign cart channel checkout cluster consent coupon cursor
    customer dataset device digest document export feature folder gateway import index invoice
    journal ledger lease license mailbox manifest message metric migration notice offer order
    parcel partition payment pipeline playlist policy quota receipt refund replica report schedule
    schema segment session shard shipment snapshot stream tenant ticket token upload
""")
_FATES = _words("""
    abandoned aborted banned blocked bounced broken cancelled clobbered collapsed corrupted crashed
    declined degraded denied deserted detached disowned displaced dropped drowned evicted exhausted
    expired failed fenced forbidden forfeited frozen garbled halted interrupted invalidated jammed
    killed lost mangled misplaced misrouted orphaned overrun poisoned purged refused rejected
    revoked scrambled severed shadowed spoiled stranded
""")
_CALM = ("accepted", "archived", "closed", "created", "delivered", "indexed", "renewed", "updated")
_PATHS = ("cart", "health", "items/7", "orders?page=2", "profile", "search?q=lamp", "sessions")


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression that means the same in RE2, Rust and Perl, and a text it matches."""

    pattern: str
    example: str


def expressions(count: int) -> tuple[Expression, ...]:
    """Make up to 3,000 expressions, no two of which match one text; fewer are a beginning of more.

    In turn: plain words, words around a number, an alternation, both.
    """
    return tuple(_expression(index) for index in range(count))


def _expression(index: int) -> Expression:
    # 37 and 3,000 have no common divisor: every pair comes once, and neighbours differ in both.
    fate, thing = divmod(index * 37 % MOST, len(_THINGS))
    words = f"{_THINGS[thing]} {_FATES[fate]}"
    return (
        Expression(f"{words} by its keeper", f"{words} by its keeper"),
        Expression(rf"{words} after \d+ attempts", f"{words} after {index % 90 + 2} attempts"),
        Expression(f"{words} in (?:region|zone) [a-z]+", f"{words} in zone north"),
        Expression(
            rf"(?:stale|second) {words} \(code \d+\)", f"stale {words} (code {index % 500 + 1})"
        ),
    )[index % 4]


def sigma_rule(index: int, expression: Expression) -> str:
    """Write the rule file of an expression."""
    return (
        f"title: Benchmark {index}\nname: bench_{index}\nlogsource: {{product: gcp}}\n"
        f"detection:\n  seen:\n    message|re: '{expression.pattern}'\n  condition: seen\n"
        "level: high\n"
    )


def sec_rule(index: int, expression: Expression, out: str) -> str:
    """Write an expression as a rule of SEC, which adds a line to the file `out` at each match."""
    return (
        f"type=Single\nptype=RegExp\npattern={expression.pattern}\ndesc=bench_{index}\n"
        f"action=write {out} %s\n"
    )


def entries(size: int, told: tuple[Expression, ...], seed: int = 1) -> Iterator[bytes]:
    """Yield JSON lines in chunks of 1,000 entries, at least `size` bytes in all.

    0.3 % of the entries carry the example of one of the expressions, in turn; each of them fails in
    one service only.
    """
    chance = random.Random(seed)  # noqa: S311 - the same bytes each time are the point
    quiet = [_template(chance, chance.choice(_SERVICES), _quiet(chance)) for _ in range(TEMPLATES)]
    loud = [
        _template(chance, _SERVICES[index % len(_SERVICES)], _loud(chance, one.example))
        for _ in range(VARIANTS)
        for index, one in enumerate(told)
    ]
    written = batch = 0
    while written < size:
        chunk = _batch(chance, batch, quiet, loud)
        yield chunk
        written += len(chunk)
        batch += 1


def _batch(chance: random.Random, batch: int, quiet: list[bytes], loud: list[bytes]) -> bytes:
    chosen = chance.choices(quiet, k=BATCH)
    for turn, place in enumerate(chance.sample(range(BATCH), MATCHING)):
        chosen[place] = loud[(batch * MATCHING + turn) % len(loud)]
    first = batch * BATCH
    return b"".join(
        template % (first + index, time)
        for index, (template, time) in enumerate(zip(chosen, _times(first), strict=True))
    )


def _times(first: int) -> Iterator[bytes]:
    """Yield the times of a batch's entries, 3 ms apart; a batch ends within its 3 seconds."""
    begin = _BEGIN + timedelta(microseconds=first * _STEP)
    seconds = [f"{begin + timedelta(seconds=step):%Y-%m-%dT%H:%M:%S}".encode() for step in range(4)]
    for index in range(BATCH):
        past, rest = divmod(begin.microsecond + index * _STEP, MEGABYTE)
        yield b"%s.%06dZ" % (seconds[past], rest)


def _template(chance: random.Random, service: str, content: dict[str, Any]) -> bytes:
    """Render an entry with places for its number and its time."""
    log = "requests" if "httpRequest" in content else chance.choice(("stdout", "stderr"))
    record = {
        "insertId": "NUMBER",
        "logName": f"projects/example-bench/logs/run.googleapis.com%2F{log}",
        "resource": {
            "type": "cloud_run_revision",
            "labels": {
                "configuration_name": service,
                "location": "us-central1",
                "project_id": "example-bench",
                "revision_name": f"{service}-{chance.randint(1, 40):05}-abc",
                "service_name": service,
            },
        },
        "timestamp": "TIME",
        "labels": {
            "instanceId": f"{chance.getrandbits(256):064x}",
            "commit-sha": f"{chance.getrandbits(160):040x}",
        },
        "trace": f"projects/example-bench/traces/{chance.getrandbits(128):032x}",
        **content,
    }
    text = json.dumps(record, separators=(",", ":")).replace("%", "%%")
    return text.replace("NUMBER", "%024x").replace("TIME", "%s").encode() + b"\n"


def _quiet(chance: random.Random) -> dict[str, Any]:
    """Make what no rule matches: half requests, else messages, of which one in ten nearly does."""
    if chance.random() < 0.5:
        return {"severity": "INFO", "httpRequest": _request(chance)}
    thing, state = chance.choice(_THINGS), chance.choice(_CALM)
    if chance.random() < 0.1:
        return {
            "severity": "WARNING",
            "textPayload": f"{thing} {chance.choice(_FATES)} after some attempts",
        }
    message = f"{thing} {chance.randint(1, 9999)} {state} in {chance.randint(2, 900)} ms"
    if chance.random() < 0.3:
        return {"severity": "INFO", "textPayload": f"[INFO] {message}"}
    context = {"request_id": f"{chance.getrandbits(64):016x}", "user": chance.randint(1, 9999)}
    return {"severity": "INFO", "jsonPayload": {"message": message, "context": context}}


def _request(chance: random.Random) -> dict[str, Any]:
    return {
        "requestMethod": chance.choice(("GET", "GET", "POST")),
        "requestUrl": f"https://{chance.choice(_SERVICES)}.example.com/v1/{chance.choice(_PATHS)}",
        "requestSize": str(chance.randint(200, 2_000)),
        "status": chance.choice((200, 200, 200, 204, 304, 404)),
        "responseSize": str(chance.randint(200, 50_000)),
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
        "remoteIp": f"192.0.2.{chance.randint(1, 250)}",
        "latency": f"{chance.random():.9f}s",
        "protocol": "HTTP/1.1",
    }


def _loud(chance: random.Random, example: str) -> dict[str, Any]:
    text = f"worker {chance.randint(1, 9)}: {example}"
    if chance.random() < 0.5:
        return {"severity": "ERROR", "textPayload": text}
    return {"severity": "ERROR", "jsonPayload": {"message": text, "attempt": 1}}
