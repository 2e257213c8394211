# ruff: noqa: T201 - a script: it prints
"""Kills processes of `fivewhys run` at random, and sees that nothing comes of it: `make chaos`.

    python -m tests.chaos [--kills 200] [--entries 20000] [--seed 3] [--logs FOLDER]

Entries with copies and out of order are published to the Pub/Sub emulator while one or two
processes are killed and the connections to the database (a real PostgreSQL) and to the fake GitHub
are cut. Then what is left is drained, and the incidents, their counts and their issues have to be
those of a single process that nobody disturbed. The exit status is 1 if they are not.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.storm import SEED, Plan, storm
from tests.fakes import postgresql, pubsub


def main() -> int:
    """Do it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--logs", type=Path, help="the folder where to keep what the processes say")
    options = parser.parse_args()
    begun = time.monotonic()
    with ExitStack() as stack:
        emulator = stack.enter_context(pubsub.emulator())
        os.environ["PUBSUB_EMULATOR_HOST"] = emulator.address
        server = stack.enter_context(postgresql.server())
        folder = options.logs or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        plan = Plan(options.kills, options.entries, options.seed)
        result = storm(emulator, server, plan, folder, lambda text: print(text, flush=True))
    print(f"{result.summary}; {time.monotonic() - begun:,.0f} s")
    for problem in result.problems:
        print(f"WRONG: {problem}")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
