"""A variable that is read under one name, and set under another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.investigators.source_code.variables.names import ALIKE, alike, is_meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.facts import Fact
    from pipeline.investigators.source_code.variables.places import Set
    from pipeline.investigators.source_code.variables.reads import Read
    from pipeline.investigators.source_code.variables.survey import Survey

MOST = 3
"""Names that are told."""

# What libraries and platforms read without any code that says so.
_FOREIGN = (
    "AWS_", "CLOUDSDK_", "DD_", "GCLOUD_", "GOOGLE_", "GUNICORN_", "JAVA_", "K_", "NODE_", "NPM_",
    "OTEL_", "PG", "PIP_", "PYTHON", "REQUESTS_", "SENTRY_", "SSL_", "UVICORN_", "WEB_CONCURRENCY",
)  # fmt: skip


def facts(seen: Survey, name: str, read: tuple[str, Read]) -> Iterator[Fact]:
    """Yield the variables that are set and nowhere read, and may be what is read and nowhere set.

    It is established only of one, and where nothing may read it in a way that does not show.
    """
    found: dict[str, tuple[str, Set]] = {}
    for path, one in seen.set_here:
        if one.runs and one.name != name and one.name not in found and _fits(one.name, name):
            found[one.name] = path, one
    unread = {other: place for other, place in found.items() if _is_unread(seen, other)}
    meant = [other for other in unread if is_meant(other, name)]
    for other, place in sorted(unread.items(), key=lambda item: -alike(item[0], name))[:MOST]:
        sure = meant == [other] and not _may_be_read(seen, other)
        yield _fact(seen, name, read, place, sure=sure)


def _fits(one: str, other: str) -> bool:
    return is_meant(one, other) or alike(one, other) >= ALIKE


def _is_unread(seen: Survey, name: str) -> bool:
    """Say whether no code names a variable, no model takes it, and no script uses it."""
    if any(name.upper() == read.name.upper() for _, read in seen.models):
        return False
    if next(seen.mentions(name, seen.sources), None) is not None:
        return False
    used = re.compile(
        rf"\$(?:\{{|\(|env:)?{re.escape(name)}(?!\w)|(?:env|var)\.{re.escape(name)}(?!\w)"
    )
    return not any(used.search(text) for _, _, text in seen.mentions(name, seen.deployment))


def _may_be_read(seen: Survey, name: str) -> bool:
    """Say whether a library, a model of an unknown prefix or a name of parts may stand for it."""
    unread = seen.code.checkout.unread.intersection(seen.sources)
    if name.startswith(_FOREIGN) or any(path.endswith(".py") for path in unread):
        return True
    if any(not read.sure and name.upper().endswith(read.name) for _, read in seen.models):
        return True
    part = re.compile("|".join(_parts(name)) or "(?!)")
    return any(
        part.search(seen.code.checkout.text(path))
        for path in {path for word in ("env", "ENV") for path in seen.sources_with(word)}
    )


def _parts(name: str) -> Iterator[str]:
    """Yield expressions for texts that a name may begin or end with where it is put together."""
    words = name.split("_")
    for at in range(1, len(words)):
        begin, end = "_".join(words[:at]), "_".join(words[at:])
        yield rf"[\"'`]{begin}_(?:[\"'`{{]|[$%#])"
        yield rf"[\"'`}}]_{end}[\"'`]"


def _fact(
    seen: Survey, name: str, read: tuple[str, Read], place: tuple[str, Set], *, sure: bool
) -> Fact:
    path, one = place
    code = len(seen.sources)
    at, there = seen.code.ref(read[0], read[1].line), seen.code.ref(path, one.line)
    deploying = sum(map(seen.is_here, seen.deployment))
    text = (
        f"{name} is read at {at} and set nowhere (deployment files searched: {deploying}); "
        f"{one.name} is set at {there} and read nowhere (files of code searched: {code})"
    )
    data = {
        "variable": name,
        "like": one.name,
        "read_at": at,
        "set_at": there,
        "how": one.how,
        "sure": sure,
    }
    return seen.code.fact("variable_misnamed", text, path, one.line, data, suggested=not sure)
