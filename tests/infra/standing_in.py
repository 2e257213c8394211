"""Stands in for gcloud, terraform and docker: notes each call, and knows secrets and executions.

Run as a program by a link of the program's name, in a folder that is first on the PATH; beside it
lie `calls` (JSON, one a line), `secrets/NAME/VERSION`, `executions` (one a line, the newest first)
`there`, if what is described is there already, `ill`, if `doctor` finds something wrong, `failing`,
words of a call that ends with 3, and `begun`, the executions that such a call leaves behind.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OUTPUTS = {
    "store": "postgresql://fivewhys@/fivewhys?host=/cloudsql/my-project:europe-west1:fivewhys",
    "log_filter": 'severity>=DEFAULT\nNOT principalEmail="a@b,c"',
}
DIGEST = "europe-west1-docker.pkg.dev/my-project/fivewhys/fivewhys@sha256:" + "5" * 64


def main() -> int:
    """Note the call and answer it; return the exit status."""
    here, words = Path(sys.argv[0]).parent, sys.argv[1:]
    with (here / "calls").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps([Path(sys.argv[0]).name, *words]) + "\n")
    bare = " ".join(word for word in words if not word.startswith("-"))
    if _is_failing(here, words):
        if (here / "begun").exists():
            (here / "begun").rename(here / "executions")
        return 3
    for beginning, answer in ANSWERS.items():
        if bare.startswith(beginning):
            return answer(here, words)
    return 0


def _is_failing(here: Path, words: list[str]) -> bool:
    failing = here / "failing"
    said = failing.read_text(encoding="utf-8").split() if failing.exists() else [""]
    return {*said} <= {*words}


def _describe(here: Path, _words: list[str]) -> int:
    return 0 if (here / "there").exists() else 1


def _digest(_here: Path, _words: list[str]) -> int:
    print(DIGEST)
    return 0


def _output(_here: Path, words: list[str]) -> int:
    sys.stdout.write(OUTPUTS[words[-1]])
    return 0


def _execute(here: Path, words: list[str]) -> int:
    return int("--args=doctor" in words and (here / "ill").exists())


def _executions(here: Path, _words: list[str]) -> int:
    listed = here / "executions"
    sys.stdout.write(listed.read_text(encoding="utf-8") if listed.exists() else "")
    return 0


def _flag(words: list[str], name: str) -> str:
    return next((word.partition("=")[2] for word in words if word.startswith(f"--{name}=")), "")


def _versions(here: Path, secret: str) -> list[Path]:
    return sorted((here / "secrets" / secret).glob("*"))


def _add(here: Path, words: list[str]) -> int:
    source = _flag(words, "data-file")
    text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    folder = here / "secrets" / words[3]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(len(_versions(here, words[3])) + 1)).write_text(text, encoding="utf-8")
    return 0


def _list(here: Path, words: list[str]) -> int:
    for one in _versions(here, words[3])[-1:]:
        print(one.name)
    return 0


def _access(here: Path, words: list[str]) -> int:
    sys.stdout.write(_versions(here, _flag(words, "secret"))[-1].read_text(encoding="utf-8"))
    return 0


ANSWERS: dict[str, Callable[[Path, list[str]], int]] = {
    "storage buckets describe": _describe,
    "artifacts repositories describe": _describe,
    "artifacts docker images describe": _digest,
    "output": _output,
    "run jobs execute ": _execute,
    "run jobs executions list": _executions,
    "secrets versions add": _add,
    "secrets versions list": _list,
    "secrets versions access": _access,
}

if __name__ == "__main__":
    sys.exit(main())
