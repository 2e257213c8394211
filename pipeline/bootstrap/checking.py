"""What a run that never ends is told, read and checked before anything is touched.

What it is made of is not loaded for that: it takes longer than to find a mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.bootstrap.investigating import Looking, investigators, read_looking
from pipeline.bootstrap.keeping import check_store
from pipeline.bootstrap.logs import LOGGING_FILTER, logging_client
from pipeline.bootstrap.reading import (
    Mistakes,
    load_rules,
    read_catalog,
    read_redactor,
    read_suppressions,
)
from pipeline.catalog import Catalog
from pipeline.redaction import Redactor
from pipeline.rule import RuleSet
from pipeline.settings import GITHUB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.ports import Investigator
    from pipeline.settings import Read
    from pipeline.suppressions import Placed


@dataclass(frozen=True, slots=True)
class House:
    """What a run works with, however often it is built of it."""

    ruleset: RuleSet
    catalog: Catalog
    redactor: Redactor
    suppressions: Sequence[Placed]
    looks: Sequence[Investigator]

    @property
    def counting(self) -> bool:
        """Whether a rule asks how many requests there were."""
        return any(item.audit.share for item in self.ruleset.correlations)


def read_house(read: Read) -> House:
    """Read and check everything before anything is touched.

    Raises:
        ConfigurationError: every mistake in the settings and in all files they name.

    """
    settings, environment, mistakes = read.settings, read.environment, Mistakes(read.located)
    for mistake in read.mistakes:
        mistakes.note(mistake)
    ruleset = mistakes.attempt(
        lambda: load_rules(settings.rules, settings.placeholders, read.named), RuleSet()
    )
    catalog = mistakes.attempt(
        lambda: read_catalog(settings.catalog, read.named("catalog")), Catalog()
    )
    none: tuple[Placed, ...] = ()
    suppressions = mistakes.attempt(
        lambda: read_suppressions(settings.suppressions, read.named("suppressions")), none
    )
    redactor = mistakes.attempt(lambda: read_redactor(environment), Redactor())
    looks = read_looks(read, catalog, redactor, mistakes)
    if settings.store:
        mistakes.attempt(lambda: check_store(settings.store), None)
    if settings.logging_filter:
        mistakes.attempt(lambda: logging_client(LOGGING_FILTER), None)
    if GITHUB in settings.sinks:
        from pipeline.bootstrap.reporting import read_tracker

        mistakes.attempt(lambda: read_tracker(environment=environment), None)
    mistakes.raise_if_any()
    return House(ruleset, catalog, redactor, suppressions, looks)


def read_looks(
    read: Read, catalog: Catalog, redactor: Redactor, mistakes: Mistakes
) -> Sequence[Investigator]:
    """Return who looks into incidents, as the settings say; note every mistake in that."""
    settings = read.settings
    nobody: tuple[Investigator, ...] = ()
    looking = mistakes.attempt(
        lambda: read_looking(
            catalog,
            repo=settings.repo,
            logs=(),
            probe=settings.probe,
            commands=settings.investigators,
            only="",
            environment=read.environment,
            where=read.places.mistake,
        ),
        Looking({}),
    )
    return mistakes.attempt(lambda: investigators(looking, catalog, redactor.text), nobody)
