"""Two folders of rules over one export."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.bootstrap.reading import rule_files
from pipeline.bootstrap.replaying import ReplayOptions, replay
from pipeline.bootstrap.settled import settled
from pipeline.bootstrap.shipped import rules_version
from pipeline.errors import ConfigurationError, Mistake
from pipeline.rulediff import Side, compare
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rulediff import Difference

SHIPPED = "shipped"
"""Stands for the rules that come along; a folder of that name is `./shipped`."""


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What the command line says about a comparison, unchecked; the rest the settings say."""

    old: str
    new: str
    sources: Sequence[str]
    catalog: str = ""
    placeholders: str = ""


def diff_rules(options: DiffOptions) -> Difference:
    """Replay an export under both rules, writing nothing; return what differs.

    Raises:
        ConfigurationError: every mistake in rules, catalog, placeholders and settings, or standard
            input is the export: it is read twice.
        SourceError: a source that cannot be read.

    """
    if "-" in options.sources:
        message = "standard input can be read only once; name a file"
        raise ConfigurationError([Mistake("--on", 0, message)])
    run = settled(
        ReplayOptions(
            sources=options.sources,
            catalog=options.catalog,
            placeholders=options.placeholders,
            min_priority="",
            dry_run=True,
        )
    )
    return compare(_side(options.old, run), _side(options.new, run))


def _side(folder: str, options: ReplayOptions) -> Side:
    folders = [] if folder == SHIPPED else [folder]
    with replay(replace(options, rules=folders)) as (run, source):
        document = run.run(source).document()
    rules = [one for name, text in rule_files(folders) for one in parse(text, name)]
    return Side(rules_version(folders), rules, document)
