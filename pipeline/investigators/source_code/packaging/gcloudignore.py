"""What gcloud does not upload: by `.gcloudignore`, else by `.gitignore` at the top of the upload.

See `gcloud topic gcloudignore`: gitignore's syntax, `#!include:FILE` puts the lines of another file
in, only the files at the top of what is uploaded count, and what lies in an ignored folder cannot
be brought back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.investigators.source_code.checkout import Checkout

OWN = ".gcloudignore"
GIT = ".gitignore"
_INCLUDE = "#!include:"

LONGEST = 1_000
"""Letters of a line; where one is longer, nothing is said of any path."""

MOST = 5_000
"""Lines that are read; where there are more, nothing is said of any path."""


@dataclass(frozen=True, slots=True)
class Line:
    """A pattern, with the file and the number of the line that it stands in."""

    path: str
    number: int
    pattern: str


def lines(checkout: Checkout, root: str) -> list[Line]:
    """Return the patterns for an upload of a folder ("" for all); none if nothing is ignored."""
    for name in (OWN, GIT):
        path = f"{root}/{name}" if root else name
        if path in checkout:
            return list(_lines(checkout, root, path, included=name == GIT))
    return []


def ignoring(found: Sequence[Line], path: str) -> Line | None:
    """Return the line by which a path of the upload is not uploaded; None if it is.

    None, too, where one of the lines is no pattern, or one that nobody writes.
    """
    import pathspec  # noqa: PLC0415 - few runs come here

    if len(found) > MOST or any(len(line.pattern) > LONGEST for line in found):
        return None
    try:
        spec = pathspec.GitIgnoreSpec.from_lines((one.pattern for one in found), backend="re2")
    except (ValueError, re2.error):
        return None
    parts = path.split("/")
    for end in range(1, len(parts) + 1):
        place = "/".join(parts[:end]) + ("/" if end < len(parts) else "")
        result = spec.check_file(place)
        if result.include and result.index is not None:
            return found[result.index]
    return None


def read(checkout: Checkout, path: str) -> Iterator[Line]:
    """Yield the patterns of one file, for the folder that it lies in."""
    yield from _lines(checkout, "", path, included=True)


def _lines(checkout: Checkout, root: str, path: str, *, included: bool) -> Iterator[Line]:
    for number, raw in enumerate(checkout.text(path).splitlines(), start=1):
        if raw.startswith(_INCLUDE) and not included:
            name = raw.removeprefix(_INCLUDE).strip()
            other = f"{root}/{name}" if root else name
            yield from _lines(checkout, root, other, included=True)
        elif raw.strip() and not raw.startswith("#"):
            yield Line(path, number, raw)
