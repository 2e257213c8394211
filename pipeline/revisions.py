"""Which of two revisions is the older one, as far as their names tell."""

from __future__ import annotations

DIGITS = 18
"""Longest number of a revision that is read as one."""


def is_older(revision: str, than: str) -> bool:
    """Return whether a Cloud Run revision came before another of its service.

    Their names end in a number that counts and a random word (`backend-00042-abc`); of other names,
    and of those of two services, nothing is known, and they are not older.
    """
    service, number = _generation(revision)
    other, limit = _generation(than)
    return service == other != "" and number < limit


def check_revision(name: str) -> None:
    """Check that others can be older or newer than a revision.

    Raises:
        ValueError: its name does not tell.

    """
    if not _generation(name)[0]:
        message = f"{name!r:.80} is no revision with a number, such as backend-00042-abc"
        raise ValueError(message)


def _generation(revision: str) -> tuple[str, int]:
    """Return service and number of a revision name, "" and 0 if it has none."""
    service, _, rest = revision.rpartition("-")
    service, _, number = service.rpartition("-")
    known = rest and number.isascii() and number.isdecimal() and len(number) <= DIGITS
    return (service, int(number)) if known else ("", 0)
