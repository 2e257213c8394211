"""What a rule set must keep to beyond the form of each Sigma document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.audit import COMPONENT, PATTERN, SERVICE
from pipeline.errors import TemplateError
from pipeline.rule.model import LEVELS, Draft, name_of
from pipeline.templating import used_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.audit import Audit, Edge
    from pipeline.errors import Mistake
    from pipeline.rule.model import Correlation, Filter
    from pipeline.yamltext import Document, Path

QUIET = LEVELS[:2]
"""What noise may be."""
_NOT_OF_NOISE: Mapping[str, str] = {
    "context": "tells nothing of an incident",
    "fallback": "is known, not what no rule knows",
    "caused_by": "is explained by nothing",
    "about": "is about nothing that services share",
}


def audit_mistakes(
    document: Document, audit: Audit, groups: tuple[str, ...] | None
) -> Iterator[Mistake]:
    """Yield names that nothing bears, and templates that are none; groups None: not known."""
    for name in audit.captures:
        if groups is not None and name not in groups:
            message = f"captures names {name!r}, but no expression has a group (?P<{name}>...)"
            yield document.mistake(message, ("audit", "captures", name))
    if audit.context and audit.caused_by:
        message = "a rule that only gives context is explained by nothing; drop one of the two"
        yield document.mistake(message, ("audit", "caused_by"))
    if audit.context and audit.fallback:
        message = "a rule that only gives context says nothing of what no rule knows; drop one"
        yield document.mistake(message, ("audit", "fallback"))
    for word in ("share", "surge", "rising"):
        if getattr(audit, word) and "correlation" not in document.value:
            yield document.mistake(f"{word} is for a correlation", ("audit", word))
    yield from _noise_mistakes(document, audit) if audit.noise else ()
    known = None if groups is None else {*groups, *audit.entity, "service"}
    if known is not None and audit.fallback:
        known.add(PATTERN)
    templates: dict[Path, str] = {
        ("audit", "title"): audit.title,
        ("audit", "impact"): audit.impact,
    }
    templates |= {("audit", "state", key): text for key, text in audit.state.items()}
    for path, text in templates.items() if any(templates.values()) else ():
        yield from _template_mistakes(document, text, path, known)


def _noise_mistakes(document: Document, audit: Audit) -> Iterator[Mistake]:
    for word, reason in _NOT_OF_NOISE.items():
        if getattr(audit, word):
            yield document.mistake(f"noise {reason}; drop one of the two", ("audit", word))
    if str(document.value.get("level", "")).lower() not in QUIET:
        message = f"noise is of level {' or '.join(QUIET)}; what is worse belongs into an incident"
        yield document.mistake(message, ("audit", "noise"))


def _template_mistakes(
    document: Document, text: str, path: Path, known: set[str] | None
) -> Iterator[Mistake]:
    try:
        used = used_names(text, document.place(path))
    except TemplateError as error:
        yield from error.mistakes
        return
    for name in sorted(used - known) if known is not None else ():
        message = f"the template uses {name!r}, which is neither a named group nor in entity"
        yield document.mistake(message, path)


def set_mistakes(
    drafts: Sequence[Draft],
    correlations: Sequence[Correlation],
    filters: Sequence[Filter],
) -> Iterator[Mistake]:
    """Yield what only the whole set shows: names used twice, names that lead nowhere."""
    documents = [draft.document for draft in drafts]
    documents += [correlation.document for correlation in correlations]
    yield from _repeated("name", [(name_of(document), document) for document in documents])
    documents += [item.document for item in filters]
    with_id = [document for document in documents if "id" in document.value]
    yield from _repeated("id", [(document.value["id"].lower(), document) for document in with_id])
    makers: list[Draft | Correlation] = [*drafts, *correlations]
    by_name = {item.name: item for item in makers}
    for maker in makers:
        for index, edge in enumerate(maker.audit.caused_by):
            place: Path = ("audit", "caused_by", index, "rule")
            for name in edge.rule:
                yield from _reference(maker.document, place, name, by_name)
            if shared := _never(maker, edge, by_name):
                message = (
                    f"an edge via depends_on never holds on the same {shared}: no service depends "
                    "on itself; drop one of the two"
                )
                yield maker.document.mistake(message, (*place[:-1], "same"))
    by_name |= {item.id: item for item in makers if item.id}
    for correlation in correlations:
        for name in correlation.rules:
            yield from _reference(correlation.document, ("correlation", "rules"), name, by_name)


def _repeated(kind: str, named: Sequence[tuple[str, Document]]) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for name, document in named:
        if name in seen:
            message = f"the {kind} {name!r} is taken by the rule at {seen[name]}"
            yield document.mistake(message, (kind,))
        seen.setdefault(name, document.place((kind,)))


def _never(
    effect: Draft | Correlation, edge: Edge, makers: Mapping[str, Draft | Correlation]
) -> str:
    """Return the field by which both ends of an edge have to be one service, though it wants two.

    A rule may have a group of that name, and a correlation shows what its rules do: "" then.
    """
    if edge.via is None:
        return ""
    if COMPONENT in edge.same:
        return COMPONENT
    ends = (effect, *(makers.get(name) for name in edge.rule))
    own = all(isinstance(end, Draft) and SERVICE not in end.groups for end in ends)
    return SERVICE if own and SERVICE in edge.same else ""


def _reference(
    document: Document, path: Path, name: str, makers: Mapping[str, Draft | Correlation]
) -> Iterator[Mistake]:
    owner = "caused_by" if path[0] == "audit" else "the correlation"
    if name not in makers:
        yield document.mistake(f"{owner} names {name!r}, but no rule has this name", path)
    elif makers[name].audit.noise:
        yield document.mistake(f"{owner} names {name!r}, which is noise and has no links", path)
    elif makers[name].audit.context:
        message = f"{owner} names {name!r}, which only gives context and explains nothing"
        yield document.mistake(message, path)
