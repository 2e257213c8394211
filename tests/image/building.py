"""The stages of a Dockerfile, carried out in rooms of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tests.image.rooms import KERNEL, Room, bare_room, build_room

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image.dockerfile import Instruction, Stage

RUNTIME = "gcr.io/distroless/"
"""What the images begin with that hold no shell."""
DISTROLESS = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/home/nonroot"}
"""The environment of such an image."""


@dataclass(slots=True)
class Image:
    """A stage so far: its room, its environment, and the folder that it works in."""

    room: Room
    environment: dict[str, str]
    folder: str = "/"


@dataclass(slots=True)
class Builder:
    """Carries out stages, in order, with a Python of the images' version, or a base, unpacked."""

    context: Path
    folder: Path
    python: Path
    base: Path | None
    images: dict[str, Image] = field(default_factory=dict)

    def build(self, stages: list[Stage]) -> Image:
        """Carry out all stages; return what the last one comes to."""
        bases = {stage.name: stage.base for stage in stages}
        for number, stage in enumerate(stages):
            name = bases.get(stage.base, stage.base)
            image = self._begin(self.folder / f"stage-{number}", name)
            for instruction in stage.instructions:
                self._carry_out(image, instruction)
            self.images[stage.name] = image
        return image

    def _begin(self, folder: Path, name: str) -> Image:
        """Begin a stage with an image: one that has no shell, or one that builds."""
        if not name.startswith(RUNTIME):
            return Image(build_room(folder), self._building())
        if self.base is None:
            return Image(bare_room(folder, self.python), dict(DISTROLESS))
        shutil.copytree(self.base, folder, symlinks=True)
        return Image(Room(folder, KERNEL), dict(DISTROLESS))

    def _building(self) -> dict[str, str]:
        """Return our own environment, where `python` and `pip` are those of the image's version."""
        tools = self.folder / "tools"
        if not tools.exists():
            subprocess.run([self.python, "-m", "venv", tools], check=True)
        own = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
        return own | {"PATH": f"{tools / 'bin'}:{own['PATH']}"}

    def _carry_out(self, image: Image, instruction: Instruction) -> None:
        """Carry out one instruction, if it changes files or what others see."""
        match instruction.keyword:
            case "ENV":
                image.environment |= instruction.settings
            case "WORKDIR":
                image.folder = instruction.text
                image.room.inside(image.folder).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(image, instruction)
            case "RUN":
                _run(image, instruction)

    def _copy(self, image: Image, instruction: Instruction) -> None:
        """Copy files and the contents of folders, as the builder does."""
        *sources, target = instruction.words
        place = image.room.inside(str(PurePosixPath(image.folder, target)))
        for source in sources:
            path = self.context / source
            if instruction.origin:
                path = self.images[instruction.origin].room.inside(source)
            if path.is_dir():
                unwanted = shutil.ignore_patterns("__pycache__", "*.py[co]")
                ignore = None if instruction.origin else unwanted
                shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True, ignore=ignore)
                continue
            into = len(sources) > 1 or target.endswith("/")
            (place if into else place.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)


def _run(image: Image, instruction: Instruction) -> None:
    """Carry out a RUN as root; its output is shown, and its failure ends the script."""
    words = instruction.words if instruction.exec_form else ["/bin/sh", "-c", instruction.text]
    command = image.room.command(words, folder=image.folder)
    done = subprocess.run(command, env=image.environment, check=False)
    if done.returncode:
        sys.exit(f"exit {done.returncode}: RUN {instruction.text}")
