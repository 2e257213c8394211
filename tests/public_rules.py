"""Rules as they are published: thousands that differ in logsource, fields, modifiers, conditions.

`python tests/public_rules.py [COUNT]` says how long a rule set of that size takes to load.
"""

from __future__ import annotations

import random
import sys
from time import process_time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = (
    "powershell", "mimikatz", "certutil", "rundll32", "AppData", "Temp", "http", "download",
    "encode", "bypass", "hidden", "lsass", "registry", "service", "delete", "create", "admin",
)  # fmt: skip
FIELDS = (
    "Image", "CommandLine", "ParentImage", "TargetObject", "QueryName", "User", "OriginalFileName",
    "gcp.audit.method_name", "data.protoPayload.serviceName", "eventName", "c-uri", "sc-status",
)  # fmt: skip
LOGSOURCES: tuple[dict[str, str], ...] = (
    {"category": "process_creation", "product": "windows"},
    {"product": "gcp", "service": "gcp.audit"},
    {"product": "linux", "service": "auditd", "definition": "needs a policy"},
    {"category": "proxy"},
)
CONDITIONS = (
    "selection",
    "selection and not filter_main",
    "all of selection* and not 1 of filter_*",
    "selection and (keywords or not filter_main)",
    "1 of selection*",
)


def public_rules(count: int) -> Iterator[tuple[str, str]]:
    """Yield `count` rule files, the same ones each time."""
    chance = random.Random(7)  # noqa: S311 - a fixed seed is the point; nothing here is a secret
    for index in range(count):
        yield f"rule_{index:04}.yml", yaml.safe_dump(_rule(chance, index), sort_keys=False)


def _rule(chance: random.Random, index: int) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "title": f"Published rule {index}",
        "id": str(UUID(int=chance.getrandbits(128), version=4)),
        "related": [{"id": str(UUID(int=index, version=4)), "type": "derived"}],
        "status": chance.choice(["stable", "test", "experimental"]),
        "description": "Detects what it says\nin several lines.\n",
        "references": [f"https://example.com/{index}"],
        "author": "Somebody",
        "date": "2024-01-12",
        "modified": "2025/03/04",
        "tags": ["attack.execution", "attack.t1059.001"],
        "logsource": chance.choice(LOGSOURCES),
        "detection": _detection(chance, index),
        "falsepositives": ["Unknown"],
        "level": chance.choice(["low", "medium", "high"]),
    }
    extra = {"fields": ["User"], "license": "DRL-1.1", "scope": ["server"], "taxonomy": "sigma"}
    rule |= dict(chance.sample(sorted(extra.items()), k=2))
    return rule


def _detection(chance: random.Random, index: int) -> dict[str, Any]:
    return {
        "selection": dict(_item(chance, index) for _ in range(chance.randint(1, 3))),
        "selection_also": [dict([_item(chance, index)]), dict([_item(chance, index)])],
        "filter_main": dict([_item(chance, index)]),
        "keywords": chance.sample(WORDS, k=2),
        "condition": chance.choice(CONDITIONS),
    }


def _item(chance: random.Random, index: int) -> tuple[str, Any]:
    field, words = chance.choice(FIELDS), chance.sample(WORDS, k=3)
    return chance.choice(
        [
            (f"{field}|endswith", [f"\\{word}.exe" for word in words]),
            (f"{field}|contains", words),
            (f"{field}|contains|all", words),
            (f"{field}|contains|windash", [f" -{word} " for word in words]),
            (f"{field}|startswith", words[0]),
            (f"{field}|re", rf"(?i){words[0]}\s+[a-z]{{2,{index % 40 + 3}}}\.exe"),
            (f"{field}|re|i", rf"{words[1]}.*{words[2]}{index}"),
            (f"{field}|base64offset|contains", words[:2]),
            (f"{field}|cidr", ["10.0.0.0/8", "192.168.0.0/16"]),
            (field, [f"v{index}*.{words[0]}.?", words[1], index]),
            (field, None),
            (f"{field}|exists", True),
            (f"{field}|gte", index),
        ]
    )


def main() -> None:
    """Load and compile, and say how long each took."""
    from pipeline.matching import compile_rule  # noqa: PLC0415 - a script
    from pipeline.rule import load_ruleset  # noqa: PLC0415 - a script

    files = list(public_rules(int(sys.argv[1]) if len(sys.argv) > 1 else 4000))
    begun = process_time()
    rules = load_ruleset(files).rules.values()
    loaded = process_time()
    for rule in rules:
        compile_rule(rule)
    done = process_time()
    print(f"{len(rules)} rules: read {loaded - begun:.1f} s, compiled {done - loaded:.1f} s")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
