"""Do what `infra/Dockerfile` says without a container engine, and use what comes of it.

    python -m tests.image [--base FOLDER]

The Dockerfile's own instructions are carried out, stage by stage, in folders that stand for the
images: this machine for the one that builds, and for the one that runs a folder with a Python, the
libraries that it is linked with, and no shell; or `--base`, that image itself, unpacked. What comes
of it is used as another user, who may write to the declared folders only. It takes a minute and
asks the package registry. It ends with status 1 at the first thing that is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes import pubsub
from tests.image.building import Builder
from tests.image.dockerfile import read
from tests.image.rooms import why_not
from tests.try_wheel import EXPORT, ROOT, expect

if TYPE_CHECKING:
    from tests.image.building import Image
    from tests.image.dockerfile import Stage

DOCKERFILE = ROOT / "infra/Dockerfile"
PYTHON = "3.13"
"""The version of the image's Python."""
BASE_MEGABYTES = 60
"""What the base holds, unpacked: the files of its Debian packages, rounded up."""
MOST_MEGABYTES = 250
MOST_SECONDS = 2.0
"""The processor time that a start may take."""
MOST_SECONDS_TO_PULL = 5.0
"""Likewise, until it pulls: loosely, as what else a machine does slows its processors, too."""
STOPS_IN = 10
"""Seconds from SIGTERM to SIGKILL."""
WRITE = """
import os, sys
def try_to_write(path):
    try:
        with open(path, "w"):
            return path
    except OSError:
        return ""
print(os.getuid(), *filter(None, map(try_to_write, sys.argv[1:])))
"""

COMPILE = """
import importlib.util, os, sys
import pipeline.bootstrap.checking, pipeline.bootstrap.running, pipeline.sources.pubsub
from pipeline.stores.sql.store import SqlStore
SqlStore("sqlite://").close()  # makes its tables
for module in list(sys.modules.values()):
    spec = module.__spec__
    if spec and spec.cached and spec.origin.endswith(".py") and not os.path.exists(spec.cached):
        print(module.__name__)
"""


@dataclass(frozen=True, slots=True)
class Container:
    """What was built, as it is run."""

    image: Image
    last: Stage

    @property
    def writable(self) -> tuple[str, ...]:
        """The folders that may be written."""
        return tuple(self.last.last("VOLUME").words)

    def command(self, *words: str) -> list[str]:
        """Return the command that runs a program in here, as its user."""
        room, folder = self.image.room, self.image.folder
        user = int(self.last.last("USER").text.partition(":")[0])
        return room.command(list(words), folder=folder, user=user, writable=self.writable)

    def run(self, *arguments: str, told: str = "") -> subprocess.CompletedProcess[str]:
        """Run the entry point to its end."""
        return self.end(*self.last.last("ENTRYPOINT").words, *arguments, told=told)

    def python(self, program: str, *arguments: str) -> list[str]:
        """Run a program of Python to its end; return the words that it prints."""
        return said(self.end("/app/bin/python", "-c", program, *arguments)).split()

    def end(self, *words: str, told: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            self.command(*words),
            env=self.image.environment,
            input=told,
            capture_output=True,
            text=True,
            check=False,
        )


def untried(reason: str) -> None:
    """Say what can't be tried on this machine; a failure at GitHub, where all is set up for it."""
    if os.environ.get("GITHUB_ACTIONS"):
        sys.exit(f"not tried: {reason}")
    print(f"  NOT TRIED: {reason}")


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a command wrote, or end the script if it failed."""
    if done.returncode:
        command = done.args[-1].splitlines()[-1]
        sys.exit(f"exit {done.returncode}: {command}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(folder: Path, python: Path, base: Path | None) -> Container:
    """Carry out the Dockerfile."""
    stages = read(DOCKERFILE.read_text("utf-8"))
    image = Builder(ROOT, folder, python, base).build(stages)
    return Container(image, stages[-1])


def check_size(container: Container) -> None:
    """Expect the image to be small: the size of all files of its base and of our layer."""
    files = [path for path in container.image.room.inside("/app").rglob("*") if path.is_file()]
    own = sum(path.lstat().st_size for path in files if not path.is_symlink()) / 1e6
    expect(
        own + BASE_MEGABYTES <= MOST_MEGABYTES,
        f"unpacked, our layer has {own:.0f} MB and its base {BASE_MEGABYTES}, of {MOST_MEGABYTES}",
    )
    loose = [path for path in files if path.stat().st_mode & 0o6022]
    expect(not loose, "no file of it can be written by others, or lends its owner's rights")


def check_user(container: Container) -> None:
    """Expect another user than root, and that only the declared folders can be written."""
    places = ["/", "/app", "/app/pycache", "/etc", "/home", "/usr/bin", "/var"]
    files = [f"{place}/trial" for place in (*places, *container.writable)]
    user, *written = container.python(WRITE, *files)
    expect(int(user), f"it runs as user {user}, who is not root")
    wanted = [f"{place}/trial" for place in container.writable]
    expect(written == wanted, f"only {', '.join(container.writable)} can be written")


def check_use(container: Container) -> None:
    """Expect the entry point to work with what the image has alone."""
    expect(said(container.run("version")).strip(), "`version` answers")
    expect("critical" in said(container.run("rules", "list")), "`rules list` has the rules")
    folder = container.writable[0]
    replay = ("replay", "-", "--out", f"{folder}/issues", "--store", f"sqlite:///{folder}/state.db")
    document = json.loads(said(container.run(*replay, "--format", "json", told=json.dumps(EXPORT))))
    expect(len(document["incidents"]) == 1, "`replay` finds an incident and keeps it in a store")
    unset = container.run(*container.last.last("CMD").words)
    expect(
        unset.returncode == 2 and "FIVEWHYS_SUBSCRIPTION" in unset.stderr,
        "without settings it says which ones it needs",
    )


def check_start(container: Container) -> None:
    """Expect a quick start, by the processor's time, as the machine may be busy."""
    expect(not container.python(COMPILE), "whatever `run` imports has its bytecode in the image")
    wrong = ("run", "--subscription", "none")
    for arguments, status in ((("version",), 0), (("run", "--help"), 0), (wrong, 2)):
        times = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            if (done := container.run(*arguments)).returncode != status:
                sys.exit(f"exit {done.returncode}, not {status}: {done.stdout}{done.stderr}")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        expect(
            min(times) < MOST_SECONDS,
            f"`{' '.join(arguments)}` takes {min(times):.2f} s of {MOST_SECONDS:g}",
        )


def check_running(container: Container) -> None:
    """Expect it to reach Pub/Sub and its store quickly, and to end when it is told to."""
    if pubsub.find_jar() is None:
        untried("`run` takes gcloud, its component pubsub-emulator, and java")
        return
    with pubsub.emulator() as emulator:
        os.environ["PUBSUB_EMULATOR_HOST"] = emulator.address
        _, subscription = emulator.subscription()
        told = {
            "PUBSUB_EMULATOR_HOST": emulator.address,
            "FIVEWHYS_SUBSCRIPTION": subscription,
            "FIVEWHYS_STORE": f"sqlite:///{container.writable[0]}/state.db",
        }
        command = container.command(*container.last.last("ENTRYPOINT").words, "run")
        environment = container.image.environment | told
        began = time.monotonic()
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
            used = work_until_started(process)
            seconds = time.monotonic() - began
            process.terminate()
            process.communicate(timeout=STOPS_IN)
    expect(process.returncode == 0, f"`run` ends within {STOPS_IN} s of SIGTERM")
    expect(
        used < MOST_SECONDS_TO_PULL,
        f"it pulls after {used:.1f} s of {MOST_SECONDS_TO_PULL:g} of the processor's time"
        f" ({seconds:.1f} s on this machine now), with a store that it makes first",
    )


def work_until_started(process: subprocess.Popen[bytes]) -> float:
    """Return the seconds of a processor until it said that it began to pull."""
    said_before = b""
    for line in process.stderr or ():
        if b'"started"' in line:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        said_before += line
    sys.exit(f"`run` ended by itself with {process.wait()}\n{said_before.decode()}")


def find_python() -> Path | None:
    """Return a Python of the image's version, if this machine has one."""
    found = subprocess.run(
        [ROOT / "infra/find-python", PYTHON], capture_output=True, text=True, check=False
    )
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def main() -> None:
    """Build, look inside, use; or say why that is impossible here."""
    reader = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    reader.add_argument("--base", type=Path, help="the base image, unpacked")
    asked = reader.parse_args()
    python = find_python()
    reason = why_not() or ("" if python else f"it takes a Python {PYTHON}")
    if python is None or reason:
        untried(f"{DOCKERFILE.relative_to(ROOT)}: {reason}")
        return
    with tempfile.TemporaryDirectory(prefix="fivewhys-image-") as name:
        container = build(Path(name).resolve(), python, asked.base)
        print(f"{DOCKERFILE.relative_to(ROOT)}:")
        for check in (check_size, check_user, check_use, check_start, check_running):
            check(container)


if __name__ == "__main__":
    main()
