"""Building what looks into the world for facts, from what the command line and catalog name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigurationError, Mistake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.facts import Fact
    from pipeline.ports import Case, Investigator


def find_checkouts(repo: str, catalog: Catalog) -> dict[str, Path]:
    """Return the folders with source code by catalog name of a service; "" is any other.

    A `checkout` of the catalog is relative to the catalog's own folder.

    Raises:
        ConfigurationError: one of them is no folder.

    """
    folders = {"": Path(repo)} if repo else {}
    places = {"": ("--repo", 0)}
    for key, service in catalog.file.services.items():
        if service.checkout:
            folders[key] = Path(catalog.name).parent / service.checkout
            name, _, line = catalog.place("services", key, "checkout").rpartition(":")
            places[key] = (name, int(line))
    missing = [
        Mistake(*places[key], f"{str(folder)!r} is no folder")
        for key, folder in folders.items()
        if not folder.is_dir()
    ]
    if missing:
        raise ConfigurationError(missing)
    return folders


@dataclass(frozen=True, slots=True)
class Only:
    """`ports.Investigator` that looks into one incident of many."""

    incident: str
    investigator: Investigator

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return what could be established about the one incident."""
        wanted = [case for case in cases if case.incident.id == self.incident]
        return self.investigator.investigate(wanted)


def investigators(
    checkouts: dict[str, Path], catalog: Catalog, only: str = ""
) -> tuple[Investigator, ...]:
    """Return all that were asked for; `only` is the incident they look into, "" is each."""
    found = _investigators(checkouts, catalog)
    return tuple(Only(only, item) for item in found) if only else found


def _investigators(checkouts: dict[str, Path], catalog: Catalog) -> tuple[Investigator, ...]:
    if not checkouts:
        return ()
    # Loading libgit2 takes longer than a small replay without source code should.
    from pipeline.investigators.source_code import SourceCode
    from pipeline.investigators.source_code.history import Repository

    repositories = {key: Repository(folder) for key, folder in checkouts.items()}
    return (SourceCode(repositories, catalog),)
