"""Folders that a command takes for the whole file system, without a container engine.

It takes Linux's mount namespaces: what is mounted is seen by the command alone, and is gone with
it. As root the command may become any user; others are root of a user namespace of their own, where
the system lets them have one, and there can only become nobody.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_ROOT = os.geteuid() == 0
KERNEL = {path: Path(path) for path in ("/dev", "/proc", "/sys")}
"""What every room has of the machine."""


@dataclass(frozen=True, slots=True)
class Room:
    """A folder that is to be `/`, and what of the machine is seen where in it.

    What is mounted is read-only, unless `shared` names it.
    """

    root: Path
    mounts: Mapping[str, Path] = field(default_factory=dict)
    shared: Collection[str] = tuple(KERNEL)

    def inside(self, path: str) -> Path:
        """Return where on this machine an absolute path of the room lies."""
        return self.root / path.lstrip("/")

    def command(
        self,
        words: list[str],
        *,
        folder: str = "/",
        user: int = 0,
        writable: Collection[str] | None = None,
    ) -> list[str]:
        """Return the command that runs another one in here, from a folder and as a user.

        With `writable` nothing may be written but in these folders, which are empty and in memory.
        """
        enter = [_tool("unshare"), f"--root={self.root}", f"--wd={folder}"]
        script = self._mounting()
        if writable is not None:
            script += self._closing(writable)
        if user:
            enter += [f"--setgid={user}", f"--setuid={user}"] if _ROOT else ["--user"]
        script.append(["exec", *enter, "--", *words])
        return [*_OWN_MOUNTS, _tool("sh"), "-euc", "\n".join(shlex.join(line) for line in script)]

    def _mounting(self) -> list[list[str]]:
        """Return the commands that show what of the machine is seen in here."""
        mount, root = _tool("mount"), str(self.root)
        commands = [[mount, "--bind", root, root]]
        for target, source in self.mounts.items():
            place = self.inside(target)
            place.mkdir(parents=True, exist_ok=True)
            commands.append([mount, "--rbind", str(source), str(place)])
            if target not in self.shared:
                commands.append([mount, "-o", "remount,bind,ro", str(place)])
        return commands

    def _closing(self, writable: Collection[str]) -> list[list[str]]:
        """Return the commands after which only some folders may be written."""
        mount = _tool("mount")
        closed = [[mount, "-o", "remount,bind,ro", str(self.root)]]
        memory = ("-t", "tmpfs", "-o", "mode=1777", "tmpfs")
        return closed + [[mount, *memory, str(self.inside(path))] for path in writable]


def _tool(name: str) -> str:
    """Return a program by its path, as the environment of an image names other folders."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") or name


_OWN_MOUNTS = [
    _tool("unshare"),
    "--mount",
    *([] if _ROOT else ["--map-root-user"]),
]


def why_not() -> str:
    """Return why this machine can't have such rooms, "" if it can."""
    if sys.platform != "linux":
        return "it takes Linux"
    if not Path(_tool("unshare")).exists():
        return "it takes util-linux's unshare"
    trial = [*_OWN_MOUNTS, _tool("mount"), "-t", "tmpfs", "tmpfs", "/mnt"]
    done = subprocess.run(trial, check=False, capture_output=True, text=True)
    return f"no mount namespace: {done.stderr.strip()}" if done.returncode else ""


def build_room(root: Path) -> Room:
    """Return a room with all of this machine in it, which only below /tmp and home may be changed.

    What the folder has itself is not covered by what the machine has of that name.
    """
    root.mkdir(parents=True, exist_ok=True)
    mounts = {}
    for path in sorted(Path("/").iterdir()):
        own = root / path.name
        if path.is_symlink():
            if not own.is_symlink():
                own.symlink_to(path.readlink())
        elif path.is_dir() and not own.exists():
            mounts[str(path)] = path
    kept = {f"/{Path(name).parts[1]}" for name in (str(Path.home()), tempfile.gettempdir())}
    return Room(root, mounts, {*KERNEL, *kept})


def bare_room(root: Path, python: Path) -> Room:
    """Return a room like a distroless image: a Python, its libraries, certificates, and no shell.

    Only the Python and what it and packages are linked with is taken from this machine.
    """
    asked = (
        "import sys, sysconfig as s; v = s.get_config_var; "
        "print(sys.base_prefix, v('INSTSONAME'), v('MULTIARCH'), 'python' + v('VERSION'))"
    )
    told = subprocess.check_output([python, "-c", asked], text=True).split()
    prefix, library, machine, version = Path(told[0]), *told[1:]
    for folder in ("usr/bin", "usr/lib", "usr/share", "tmp", "etc"):
        (root / folder).mkdir(parents=True)
    shutil.copy(prefix / "bin" / version, root / "usr/bin")
    if (prefix / "lib" / library).exists():
        shutil.copy(prefix / "lib" / library, root / "usr/lib")
    for name, target in (("lib", "usr/lib"), ("lib64", "usr/lib64"), ("bin", "usr/bin")):
        (root / name).symlink_to(target)
    seen = {f"/usr/lib/{version}": prefix / "lib" / version}
    for name in (f"/usr/lib/{machine}", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ssl", *KERNEL):
        seen[name] = Path(name)
    return Room(root, {target: source for target, source in seen.items() if source.is_dir()})
