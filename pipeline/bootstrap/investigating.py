"""Building what looks into the world for facts, from what the command line and catalog name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigurationError, Mistake

if TYPE_CHECKING:
    from pipeline.catalog import Catalog
    from pipeline.ports import Investigator


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


def investigators(checkouts: dict[str, Path], catalog: Catalog) -> tuple[Investigator, ...]:
    """Return all that were asked for."""
    if not checkouts:
        return ()
    # Loading libgit2 takes longer than a small replay without source code should.
    from pipeline.investigators.source_code import SourceCode
    from pipeline.investigators.source_code.history import Repository

    repositories = {key: Repository(folder) for key, folder in checkouts.items()}
    return (SourceCode(repositories, catalog),)
