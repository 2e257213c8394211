"""A module that the repository has, and that does not get to where the service runs.

It is asked for only where Python says that a module was not found. Of `excluded_from_image`,
`not_copied_to_image`, `in_image` and `image_unclear` at most one is yielded, of
`excluded_from_upload` and `in_upload`, too.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.imports import names
from pipeline.investigators.source_code.imports.asked import asked
from pipeline.investigators.source_code.imports.modules import Modules
from pipeline.investigators.source_code.packaging import gcloudignore
from pipeline.investigators.source_code.packaging.images import MOST, dockerfiles, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.facts import Fact
    from pipeline.investigators.source_code.code import Code
    from pipeline.investigators.source_code.imports.asked import Asked
    from pipeline.investigators.source_code.packaging.images import Outcome
    from pipeline.ports import Case

_SPACE = 50
"""Files of a package without `__init__.py` that are followed."""

_UPLOADS = (("gcloud", "builds submit"), ("gcloud", "run deploy"), ("gcloud", "app deploy"))
_SCRIPTS = (".sh", ".yml", ".yaml", "Makefile", ".py", ".toml", ".json", "justfile")


def facts(case: Case, code: Code) -> Iterator[Fact]:
    """Yield whether a module that was not found is kept out of the image, or of the upload."""
    root = case.incident.root
    wanted = asked(root)
    if wanted is None or not wanted.module or wanted.name or wanted.circular:
        return
    tree = next(filter(None, map(code.tree_of, root.services)), "")
    seen = Modules(code, tree)
    path = names.file_of(seen, wanted)
    space = "" if path else names.space_of(seen, wanted)
    paths = code.checkout.under(space, (".py",))[:_SPACE] if space else [path]
    if not path and not space:
        yield from _never_committed(seen, wanted)
        return
    yield from _not_committed(seen, wanted, paths)
    yield from _image(seen, wanted, paths, _service(code, root.services))
    yield from _upload(seen, wanted, paths)


def _service(code: Code, services: tuple[str, ...]) -> str:
    return next(filter(None, map(code.catalog.service_of, services)), "")


def _image(seen: Modules, wanted: Asked, paths: Sequence[str], service: str) -> Iterator[Fact]:
    """Yield what becomes of all files of a module; a package without `__init__.py` has several."""
    checkout, path = seen.code.checkout, paths[0]
    files = dockerfiles(checkout, seen.tree, service)[: MOST + 1]
    if not files or len(files) > MOST:
        return
    found = [one for file in paths for one in outcomes(checkout, files, file, seen.tree)]
    whats = {one.what for one in found}
    data: dict[str, object] = {
        "by": "image",
        "module": wanted.module,
        "file": path,
        "dockerfiles": files,
    }
    if len(whats) > 1 or whats == {"unclear"}:
        yield _unclear(seen, path, found, data)
    elif whats == {"excluded"}:
        yield from _excluded(seen, path, found[0], data)
    else:
        yield _copied(seen, path, found[0], data)


def _unclear(seen: Modules, path: str, found: list[Outcome], data: dict[str, object]) -> Fact:
    told = [f"{one.image.path} ({_how(one)})" for one in found]
    text = f"whether {path} gets into the image is not clear: {', '.join(dict.fromkeys(told))}"
    one = next((one for one in found if one.what == "unclear"), found[0])
    line = one.lines[0] if one.lines else 0
    return seen.code.fact("image_unclear", text, one.image.path, line, data)


def _how(one: Outcome) -> str:
    """Return what becomes of a file, in words; in doubt both lines are told."""
    if one.verdict is not None and one.verdict.doubt is not None:
        last = f"line {one.verdict.line.number}" if one.verdict.line else "no line"
        doubt = one.verdict.doubt
        return (
            f"the builder goes by {last} of {one.image.ignore}, and the last line that matches is "
            f"{doubt.number}: {doubt.written}"
        )
    words = {"excluded": "kept out", "not_copied": "not copied", "copied": "copied"}
    return words.get(one.what, one.why)


def _excluded(seen: Modules, path: str, one: Outcome, data: dict[str, object]) -> Iterator[Fact]:
    line = one.verdict.line if one.verdict else None
    if line is None:
        return
    ignore = one.image.ignore
    told = {**data, "pattern": line.written, "dockerfile": one.image.path}
    text = f"line {line.number} of {ignore} (`{line.written}`) keeps {path} out of the image"
    yield seen.code.fact("excluded_from_image", text, ignore, line.number, told)
    yield from _ages(seen, path, ignore, line.number, told)


def _copied(seen: Modules, path: str, one: Outcome, data: dict[str, object]) -> Fact:
    image, line = one.image, one.lines[0] if one.lines else 0
    whence = f"{image.context}/" if image.context else "the top of the repository"
    told = {**data, "dockerfile": image.path, "context": whence}
    told["places"] = [f"{image.path}:{number}" for number in one.lines]
    if one.what == "copied":
        text = f"{image.path} copies {path} into the image, when it is built from {whence}"
        return seen.code.fact("in_image", text, image.path, line, told)
    text = f"nothing that {image.path} copies, when it is built from {whence}, holds {path}"
    return seen.code.fact("not_copied_to_image", text, image.path, line, told)


def _ages(
    seen: Modules, path: str, ignore: str, line: int, data: dict[str, object]
) -> Iterator[Fact]:
    """Yield which is older: the line that keeps a file out, or the file."""
    code = seen.code
    if not code.commit or not code.repository.is_committed(
        ignore, code.checkout.data(ignore), code.commit
    ):
        return
    kept = code.repository.last_change(ignore, line, code.commit)
    came = code.repository.appeared(path, b"", code.commit)
    if kept is None or came is None or kept.commit == came.commit:
        return
    if code.repository.is_before(came.commit, kept.commit):
        text = f"commit {kept} wrote line {line} of {ignore}; {path} was there before"
        yield code.of_commit("exclusion_came", text, kept, {**data, "line": line, "path": ignore})
    elif code.repository.is_before(kept.commit, came.commit):
        text = f"commit {came} brought {path}; line {line} of {ignore} was there before"
        told = {**data, "line": line, "path": ignore, "since": str(kept)}
        yield code.of_commit("excluded_came", text, came, told)


def _upload(seen: Modules, wanted: Asked, paths: Sequence[str]) -> Iterator[Fact]:
    """Yield what gcloud would not upload; `used` is where the repository says that gcloud does."""
    checkout, path = seen.code.checkout, paths[0]
    for root in dict.fromkeys((seen.tree, "")):
        lines = gcloudignore.lines(checkout, root)
        beginning = f"{root}/" if root else ""
        if not lines or not path.startswith(beginning):
            continue
        deciding = [gcloudignore.ignoring(lines, one.removeprefix(beginning)) for one in paths]
        line = deciding[0]
        if line is None or None in deciding:
            continue
        own = f"{beginning}{gcloudignore.OWN}"
        used = own if own in checkout else _use(seen)
        data: dict[str, object] = {
            "by": "upload",
            "module": wanted.module,
            "file": path,
            "pattern": line.pattern,
            "used": used,
        }
        place = f"line {line.number} of {line.path} (`{line.pattern}`)"
        text = f"{place} keeps {path} out of what gcloud uploads"
        yield seen.code.fact("excluded_from_upload", text, line.path, line.number, data)
        yield from _ages(seen, path, line.path, line.number, data)
        return


def _use(seen: Modules) -> str:
    """Return a line of the repository that uploads source code with gcloud; "" if there is none."""
    checkout = seen.code.checkout
    for first, second in _UPLOADS:
        for path in checkout.containing([second], "", _SCRIPTS):
            if second == "run deploy" and "--source" not in checkout.text(path):
                continue
            for found in checkout.lines(path, second):
                if first in found.text and not found.text.startswith("#"):
                    return f"{path}:{found.line}"
    return ""


def _not_committed(seen: Modules, wanted: Asked, paths: Sequence[str]) -> Iterator[Fact]:
    """Yield that a file lies in the folder and is in no commit."""
    code = seen.code
    if code.checkout.commit or not code.commit:
        return
    if all(code.repository.text_at(code.commit, one) is None for one in paths):
        path = paths[0]
        text = f"{path} lies in the folder and is not part of commit {code.commit[:12]}"
        data = {"module": wanted.module, **_ignored(seen, path)}
        yield code.fact("module_not_committed", text, path, 0, data)


def _never_committed(seen: Modules, wanted: Asked) -> Iterator[Fact]:
    """Yield that git is told to ignore a file of the name of a module that is not here."""
    if not names.is_own(seen, wanted.module):
        return
    for path in seen.candidates(wanted.module):
        parent = str(PurePosixPath(path).parent.parent)
        told = _ignored(seen, path) if parent in seen.folders else {}
        if told:
            text = f"{told['ignored_by']} (`{told['pattern']}`) has git ignore {path}"
            data = {"module": wanted.module, **told}
            place, _, line = told["ignored_by"].rpartition(":")
            yield seen.code.fact("module_ignored_by_git", text, place, int(line), data)
            return


def _ignored(seen: Modules, path: str) -> dict[str, str]:
    """Return the line of the top `.gitignore` that a path is ignored by; nothing if by none."""
    checkout = seen.code.checkout
    if gcloudignore.GIT not in checkout:
        return {}
    lines = list(gcloudignore.read(checkout, gcloudignore.GIT))
    line = gcloudignore.ignoring(lines, path)
    return {"ignored_by": f"{line.path}:{line.number}", "pattern": line.pattern} if line else {}
