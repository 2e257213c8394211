"""Which Dockerfiles build a service, from which folder, and what becomes of a file in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.packaging import dockerignore
from pipeline.investigators.source_code.packaging.dockerfile import Dockerfile, parse, takes
from pipeline.investigators.source_code.packaging.dockerignore import BadPatternError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.investigators.source_code.checkout import Checkout
    from pipeline.investigators.source_code.packaging.dockerignore import Line, Verdict

MOST = 12
"""Dockerfiles of a service that are read; where there are more, nothing is said."""

_IGNORE = ".dockerignore"
_APART = ("dev", "test", "local", "debug", "lint", "ci", "docs", "example")
"""Words in the names of Dockerfiles that build something else than what is deployed."""


@dataclass(frozen=True, slots=True)
class Image:
    """A Dockerfile, and the folder that it is built from ("" is the top)."""

    path: str
    context: str
    file: Dockerfile
    ignore: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a file: `excluded`, `not_copied`, `copied` or `unclear`.

    `lines` are those of the Dockerfile that show it.
    """

    what: str
    image: Image
    verdict: Verdict | None = None
    lines: tuple[int, ...] = ()
    why: str = ""


def dockerfiles(checkout: Checkout, tree: str, service: str) -> list[str]:
    """Return the Dockerfiles of a service: in its tree, else of its name, else all others'."""
    found = [path for path in checkout.paths if _is_dockerfile(path)]
    inside = [path for path in found if tree and path.startswith(f"{tree}/")]
    names = {name for name in (PurePosixPath(tree).name, service) if name}
    named = [path for path in found if any(name in path for name in names)]
    chosen = inside or named or found
    deployed = [path for path in chosen if not _is_apart(path)]
    return deployed or chosen


def outcomes(checkout: Checkout, paths: Iterable[str], file: str, tree: str) -> list[Outcome]:
    """Return what becomes of a file in each Dockerfile, and each folder that it may build from."""
    return [
        _outcome(checkout, image, file) for path in paths for image in _images(checkout, path, tree)
    ]


def _images(checkout: Checkout, path: str, tree: str) -> list[Image]:
    """Return a Dockerfile with the folders that have all that it copies.

    Of several the one with a `.dockerignore` is taken, which only counts at the top of a context.
    """
    file = parse(checkout.text(path))
    folder = str(PurePosixPath(path).parent)
    folders = dict.fromkeys(("",) if folder == "." else (folder, tree, ""))
    images = [Image(path, one, file, _ignore(checkout, path, one)) for one in folders]
    fitting = [one for one in images if _fits(checkout, one)]
    ignoring = [one for one in fitting if one.ignore]
    return ignoring if len(ignoring) == 1 else fitting or images


def _fits(checkout: Checkout, image: Image) -> bool:
    """Say whether a folder has all that is copied from it by name."""
    for copy in image.file.copies:
        for source in copy.sources:
            whole = "/".join(filter(None, (image.context, source)))
            known = whole in checkout or whole in checkout.folders or not whole
            if not known and not copy.unclear and not _is_pattern(source):
                return False
    return True


def _is_pattern(source: str) -> bool:
    return any(letter in source for letter in "*?[")


def _outcome(checkout: Checkout, image: Image, file: str) -> Outcome:
    beginning = f"{image.context}/" if image.context else ""
    if not file.startswith(beginning):
        return _left_out(image)
    inner = file.removeprefix(beginning)
    try:
        verdict = dockerignore.verdict(_lines(checkout, image), inner)
    except BadPatternError as error:
        return Outcome("unclear", image, why=f"{image.ignore} has “{error}”")
    if verdict.doubt is not None:
        return Outcome("unclear", image, verdict)
    taking = tuple(one.line for one in image.file.copies if takes(one, inner))
    if verdict.excluded and taking:
        return Outcome("excluded", image, verdict, lines=taking)
    if image.file.places(inner) and not verdict.excluded:
        return Outcome("copied", image, lines=taking)
    return _left_out(image)


def _left_out(image: Image) -> Outcome:
    """Return that nothing copies a file, if no command may bring it."""
    doubts = tuple(image.file.doubts())
    if doubts or not image.file.copies:
        return Outcome("unclear", image, lines=doubts, why="its commands may bring it")
    last = image.file.stages[-1].copies or image.file.copies
    return Outcome("not_copied", image, lines=tuple(copy.line for copy in last))


def _lines(checkout: Checkout, image: Image) -> tuple[Line, ...]:
    return dockerignore.read(checkout.text(image.ignore)) if image.ignore else ()


def _ignore(checkout: Checkout, path: str, context: str) -> str:
    """Return the file that says what is kept out: that of the Dockerfile comes first."""
    top = f"{context}/{_IGNORE}" if context else _IGNORE
    return next((one for one in (f"{path}{_IGNORE}", top) if one in checkout), "")


def _is_dockerfile(path: str) -> bool:
    name = PurePosixPath(path).name
    if name.endswith((_IGNORE, ".md", ".txt", ".j2", ".py")):
        return False
    return name.startswith(("Dockerfile", "Containerfile")) or name.lower().endswith(".dockerfile")


def _is_apart(path: str) -> bool:
    words = path.lower().replace("/", ".").replace("-", ".").replace("_", ".").split(".")
    return any(word in _APART or word in {"tests", "testing"} for word in words)
