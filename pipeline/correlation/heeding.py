"""What people decided, and how long an incident may last, applied to components.

Verdicts are heeded one after the other, in the order given, so that of two that contradict each
other the later one holds. All of it is a function of the components and the verdicts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.correlation.components import Component
from pipeline.incident import Link
from pipeline.verdicts import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.verdicts import Handle, Verdict

    Times = Sequence[int]


def heed(
    components: Iterable[Component], verdicts: Iterable[Verdict], times: Times
) -> list[Component]:
    """Merge and split components as people decided; `times` are those of rows."""
    found = list(components)
    for verdict in verdicts:
        if verdict.kind is Kind.MERGE and verdict.other is not None:
            found = _merged(found, verdict, verdict.other, times)
        elif verdict.kind is Kind.SPLIT:
            found = _split(found, verdict.handle, times)
    return found


def cut(components: Iterable[Component], longest: int, times: Times) -> list[Component]:
    """Cut what lasts longer than `longest` (ns) into parts, each of which knows the one before."""
    return [part for component in components for part in _parts(component, longest, times)]


def verdicts_by_component(
    components: Sequence[Component], verdicts: Iterable[Verdict], times: Times
) -> dict[int, tuple[Verdict, ...]]:
    """Return the verdicts that are about each component, by its index, in the order given."""
    found: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        ends = (verdict.handle, verdict.other)
        holders = {holder(components, end, times) for end in ends if end is not None}
        for index in holders - {None}:
            found[index].append(verdict)  # type: ignore[index]  # None was taken out
    return {index: tuple(items) for index, items in found.items()}


def holder(components: Sequence[Component], handle: Handle, times: Times) -> int | None:
    """Return the index of the component that a handle is about, None if there is none.

    It has the fingerprint before and after its time; of several, it has it nearest.
    """
    name, time = handle
    held = []
    for index, component in enumerate(components):
        rows = component.rows.get(name)
        if rows and times[rows[0]] <= time <= times[rows[-1]]:
            after = bisect_left(rows, time, key=times.__getitem__)
            distance = min(abs(times[row] - time) for row in rows[max(after - 1, 0) : after + 1])
            held.append((distance, times[rows[0]], times[rows[-1]], index))
    return min(held)[-1] if held else None


# --- verdicts -------------------------------------------------------------------------------------


def _merged(
    components: list[Component], verdict: Verdict, other: Handle, times: Times
) -> list[Component]:
    left, right = (holder(components, end, times) for end in (verdict.handle, other))
    if left is None or right is None or left == right:
        return components
    one, two = components[left], components[right]
    rest = [item for index, item in enumerate(components) if index not in {left, right}]
    rows = {
        name: sorted([*one.rows.get(name, ()), *two.rows.get(name, ())], key=times.__getitem__)
        for name in {**one.rows, **two.rows}
    }
    effect, cause = sorted((verdict.handle, other), key=lambda end: end[::-1], reverse=True)
    link = Link("decided", effect[0], cause[0], verdict.text)
    links = {**one.links, **two.links, (link.kind, link.effect, link.cause): link}
    return [*rest, Component(rows, links, one.roots | two.roots)]


def _split(components: list[Component], handle: Handle, times: Times) -> list[Component]:
    """Part a symptom from its incident; what held together only through it falls apart as well."""
    index = holder(components, handle, times)
    if index is None:
        return components
    whole, name = components[index], handle[0]
    apart = Component({name: whole.rows[name]}, {}, {name})
    links = [link for link in whole.links.values() if name not in {link.effect, link.cause}]
    groups = _connected([item for item in whole.rows if item != name], links)
    parts = [_within(whole, {one: whole.rows[one] for one in group}) for group in groups]
    return [*components[:index], *components[index + 1 :], apart, *parts]


def _connected(names: Iterable[str], links: Iterable[Link]) -> list[set[str]]:
    """Return the fingerprints that links connect."""
    groups = [{name} for name in names]
    for link in links:
        joined = [group for group in groups if group & {link.effect, link.cause}]
        groups = [group for group in groups if group not in joined]
        groups.append(set[str]().union(*joined))
    return groups


def _within(whole: Component, rows: dict[str, list[int]]) -> Component:
    """Return a part of a component, with the links that it has both ends of."""
    links = {
        ends: link
        for ends, link in whole.links.items()
        if link.effect in rows and link.cause in rows
    }
    return Component(rows, links, whole.roots & rows.keys())


# --- the longest an incident may last -------------------------------------------------------------


def _parts(component: Component, longest: int, times: Times) -> Iterator[Component]:
    start, end = _span(component.rows, times)
    if end - start < longest:
        yield component
        return
    by_part: dict[int, dict[str, list[int]]] = defaultdict(dict)
    for name, rows in component.rows.items():
        for row in rows:
            by_part[(times[row] - start) // longest].setdefault(name, []).append(row)
    previous: Component | None = None
    for number in sorted(by_part):
        part = _within(component, by_part[number])
        part.previous = previous
        if previous is not None:
            previous.ended = True
        previous = part
        yield part


def _span(rows: Mapping[str, Sequence[int]], times: Times) -> tuple[int, int]:
    return min(times[one[0]] for one in rows.values()), max(times[one[-1]] for one in rows.values())
