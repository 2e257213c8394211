"""Serves a fake GitHub until it is interrupted: `python -m tests.fakes.github --help`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from .control import DEEDS
from .fake import FakeGithub
from .faults import FAULTS, Faults, parse
from .server import running
from .state import TOKEN, State, beginning, load

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Serve; 1 if a request or an answer was not as GitHub describes it, else 0."""
    options = _options(arguments)
    faults = Faults(options.faults, Random(options.seed))  # noqa: S311 - it is to be repeatable
    github = FakeGithub(_state(options), faults=faults, file=options.state)
    if options.client is not None:
        github.kill = lambda: os.kill(options.client, signal.SIGKILL)
    github.save()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(github, port=options.port, prefix=options.prefix):
            print(github.base, flush=True)
            print(f"token: {TOKEN}", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        if options.print_state:
            print(github.state.dumped().decode())
    for problem in github.violations:
        print(problem, file=sys.stderr)
    return 1 if github.violations else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fakes.github",
        epilog=f"faults: {', '.join(FAULTS)}. DEED of /_people/DEED: {', '.join(sorted(DEEDS))}.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes a free one; the address is printed")
    add("--prefix", default="", help="a path before all others, such as /api/v3")
    add(
        "--faults",
        type=parse,
        default=[],
        metavar="RULES",
        help="WHERE [#CALLS|%%CHANCE] = FAULT; ...",
    )
    add("--seed", type=int, default=0, help="of the faults that happen by chance")
    add("--repository", action="append", metavar="OWNER/NAME", help="default: example/platform")
    add(
        "--state",
        type=Path,
        metavar="FILE",
        help="read at the start if there is one, then kept up to date",
    )
    add("--print-state", action="store_true", help="print the state as JSON at the end")
    add("--app-key", type=Path, metavar="FILE", help="the App's public key (PEM)")
    add(
        "--client",
        type=int,
        metavar="PID",
        help="the process that `kill-before` and `kill-after` end",
    )
    return parser.parse_args(arguments)


def _state(options: argparse.Namespace) -> State:
    if options.state is not None and options.state.exists():
        state = load(options.state)
    else:
        state = beginning(*(options.repository or ()))
    if options.app_key is not None:
        state.app.public_key = options.app_key.read_text("utf-8")
    return state


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
