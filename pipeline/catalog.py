"""The service catalog: its model and its questions.

`catalog.yml` says which services there are, which tables each owns, what each depends on, where its
code lives and who looks after it. Everything in it is optional.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline.audit import SECOND, parse_span
from pipeline.errors import CatalogError, ConfigurationError
from pipeline.validating import read_single, validation_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.errors import Mistake
    from pipeline.yamltext import Document, Path

_HOST = re.compile(r"https?://([^/:?#]+)", re.IGNORECASE)

MINUTE = 60 * SECOND
LEAST = 10
"""Minutes of silence that are told, at least: the span in which a steady service logs."""

SIMILAR_ENOUGH = 65.0
"""Least RapidFuzz score (0 to 100) at which one table name is offered as another's likeness."""

HOPS = 3
"""Dependencies that lead from one service to another, at most, for it to depend on it."""


def _minutes(value: object) -> object:
    """Read `15m`, `2h`, `never`; return minutes, 0 for never."""
    if value == "never":
        return 0
    minutes = parse_span(value) // MINUTE
    if minutes < LEAST:
        message = f"{value!r} is shorter than {LEAST} minutes"
        raise ValueError(message)
    return minutes


QuietAfter = Annotated[int | None, BeforeValidator(_minutes)]


class _Model(BaseModel):
    # Built when first used: a run needs few of them, and those within another are built with it.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Tables(_Model):
    """The tables a service owns in one database."""

    database: str = ""
    own: tuple[str, ...] = ()


class Service(_Model):
    """A service: how its entries are recognised, where its tree lies, what it owns and needs.

    `repository` is its name at GitHub ("owner/name"), `path` its tree in there, `checkout` a folder
    with a copy of the repository, relative to the catalog's.
    """

    match: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    repository: str = ""
    path: str = ""
    checkout: str = ""
    tables: Tables = Field(default_factory=Tables)
    depends_on: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    health: str = ""
    quiet_after: QuietAfter = Field(
        None, description="Minutes after which its silence is told, as `15m`; `never`."
    )


class Resource(_Model):
    """Something services depend on that is no service: a database, a cache, an outside API.

    `match.database` has the `database_id` (`project:instance`) of its Cloud SQL instances.
    """

    kind: str = ""
    match: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class _File(_Model):
    services: dict[str, Service] = Field(default_factory=dict)
    resources: dict[str, Resource] = Field(default_factory=dict)
    bookkeeping_tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose a table is; `ref` is the place in the catalog that says so."""

    table: str
    service: str
    database: str
    ref: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """A table of the catalog whose name resembles another; `score` is RapidFuzz's, 0 to 100."""

    table: str
    owner: Ownership
    score: float


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalog and the questions one can ask it."""

    name: str = ""
    file: _File = field(default_factory=_File)
    _document: Document | None = None

    def __bool__(self) -> bool:
        """Return whether a catalog was given at all."""
        return self._document is not None

    def service_of(self, name: str) -> str:
        """Return the catalog's name for a Cloud Run service name, "" if it knows none."""
        for key, service in self.file.services.items():
            if name == key or name in service.match.get("service", ()):
                return key
        return ""

    def named(self, text: str) -> str:
        """Return the catalog's name for the service that a host, or a name, means; "" if unknown.

        A host means the service whose health URL has it, or the one with whose name Cloud Run's
        hosts begin: `backend-abc123-ez.a.run.app`. Of several the longest name counts.
        """
        host = text.lower()
        if known := self.service_of(host):
            return known
        fits = [""]
        for key, service in self.file.services.items():
            health = _HOST.match(service.health)
            if health and health[1].lower() == host:
                return key
            names = (key, *service.match.get("service", ()))
            fits += [name for name in names if host.startswith(f"{name}-")]
        return self.service_of(max(fits, key=len)) if host.endswith(".run.app") else ""

    def quiet_after(self, name: str) -> int | None:
        """Return after how many minutes the silence of a service is told.

        0 means never, None that the catalog does not say.
        """
        key = self.service_of(name)
        return self.file.services[key].quiet_after if key else None

    def resources(self, name: str) -> tuple[str, ...]:
        """Return the resources that a Cloud Run service depends on, by catalog name."""
        key = self.service_of(name)
        needed = self.file.services[key].depends_on if key else ()
        return tuple(one for one in needed if one in self.file.resources)

    def databases(self, name: str) -> frozenset[str]:
        """Return the Cloud SQL instances that a Cloud Run service depends on, by `database_id`."""
        used = (self.file.resources[one] for one in self.resources(name))
        return frozenset(chain.from_iterable(one.match.get("database", ()) for one in used))

    def repositories(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the repositories of some Cloud Run services, each once, in their order."""
        keys = [key for key in map(self.service_of, names) if key]
        told = (self.file.services[key].repository for key in keys)
        return tuple(dict.fromkeys(name for name in told if name))

    def service(self, key: str) -> Service:
        """Return a service by its catalog name."""
        return self.file.services[key]

    def dependency(self, name: str, other: str) -> tuple[str, ...]:
        """Return how one Cloud Run service depends on another: by catalog name, both ends included.

        The shortest way over at most `HOPS` dependencies; () if there is none.
        """
        start, end = self.service_of(name), self.service_of(other)
        if not start or not end or start == end:
            return ()
        paths: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        for _ in range(HOPS):
            paths = [
                (*path, needed)
                for path in paths
                if path[-1] in self.file.services
                for needed in self.file.services[path[-1]].depends_on
                if needed not in seen
            ]
            for path in paths:
                if path[-1] == end:
                    return path
            seen.update(path[-1] for path in paths)
        return ()

    def owners_of(self, table: str) -> tuple[Ownership, ...]:
        """Return every service that owns a table of that name."""
        return tuple(item for item in self._ownerships() if item.table == table)

    @property
    def lists_tables(self) -> bool:
        """Whether any service says which tables it owns."""
        return any(True for _ in self._ownerships())

    def is_bookkeeping(self, table: str) -> bool:
        """Return whether a table belongs to a tool (a migration tool's version table, say)."""
        return table in self.file.bookkeeping_tables

    def resembling(self, table: str) -> Likeness | None:
        """Return the owned table whose name is most like `table`, if any is like enough."""
        from rapidfuzz import fuzz, process  # noqa: PLC0415 - loads much; few runs come here

        owned = {item.table: item for item in self._ownerships() if item.table != table}
        best = process.extractOne(
            table, sorted(owned), scorer=fuzz.ratio, score_cutoff=SIMILAR_ENOUGH
        )
        return None if best is None else Likeness(best[0], owned[best[0]], best[1])

    def place(self, *path: str | int) -> str:
        """Return `file:line` of a key of the catalog."""
        return self._document.place(path) if self._document else self.name

    def _ownerships(self) -> Iterator[Ownership]:
        for key, service in self.file.services.items():
            for index, table in enumerate(service.tables.own):
                ref = self.place("services", key, "tables", "own", index)
                yield Ownership(table, key, service.tables.database, ref)


def load_catalog(text: str, name: str) -> Catalog:
    """Read a catalog file; `name` is shown in messages and references.

    Raises:
        CatalogError: every mistake in it, with file and line.

    """
    try:
        document = read_single(text, name, _File)
    except ConfigurationError as error:
        raise CatalogError(error.mistakes) from error
    if document is None:
        return Catalog(name)
    try:
        file = _File.model_validate(document.value)
    except ValidationError as error:
        raise CatalogError(validation_mistakes(error, document, _File)) from error
    checks = (_name_mistakes, _table_mistakes, _dependency_mistakes)
    mistakes = sorted(mistake for check in checks for mistake in check(file, document))
    if mistakes:
        raise CatalogError(mistakes)
    return Catalog(name, file, document)


def _name_mistakes(file: _File, document: Document) -> Iterator[Mistake]:
    """Yield the Cloud Run names that a second service claims, by its key or by its match."""
    first: dict[str, tuple[str, Path]] = {}
    for key, service in file.services.items():
        claims: list[tuple[str, Path]] = [(key, ("services", key))]
        for index, name in enumerate(service.match.get("service", ())):
            claims.append((name, ("services", key, "match", "service", index)))
        for name, path in claims:
            owner, place = first.setdefault(name, (key, path))
            if owner != key:
                yield document.mistake(
                    f"{key} matches the service {name!r}, and so does {owner} "
                    f"({document.place(place)}); let one of them match it",
                    path,
                )


def _table_mistakes(file: _File, document: Document) -> Iterator[Mistake]:
    """Yield the tables that are owned twice, or owned and a tool's bookkeeping, too.

    A database without a name is each service's own.
    """
    first: dict[tuple[str, str, str], tuple[str, Path]] = {}
    for key, service in file.services.items():
        database = service.tables.database
        for index, table in enumerate(service.tables.own):
            path: Path = ("services", key, "tables", "own", index)
            identity = (database, "" if database else key, table)
            owner, place = first.setdefault(identity, (key, path))
            if place != path:
                how = "twice" if owner == key else f"of database {database!r}, as {owner} does"
                yield document.mistake(
                    f"{key} owns the table {table!r} {how} "
                    f"({document.place(place)}); keep one of them",
                    path,
                )
            if table in file.bookkeeping_tables:
                listed = ("bookkeeping_tables", file.bookkeeping_tables.index(table))
                yield document.mistake(
                    f"{key} owns the table {table!r}, which is in bookkeeping_tables, too "
                    f"({document.place(listed)}); keep one of them",
                    path,
                )


def _dependency_mistakes(file: _File, document: Document) -> Iterator[Mistake]:
    """Yield what a service cannot depend on: itself, and what the catalog does not know."""
    known = {*file.services, *file.resources}
    for key, service in file.services.items():
        for index, other in enumerate(service.depends_on):
            path = ("services", key, "depends_on", index)
            if other == key:
                yield document.mistake(f"{key} depends on itself; remove it from the list", path)
            elif other not in known:
                yield document.mistake(
                    f"{key} depends on {other!r}, which is neither a service nor a resource here",
                    path,
                )
