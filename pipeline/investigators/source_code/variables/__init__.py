"""Variables that an error names: where the code reads them, where they are set, whether both agree.

What a service sees is its own tree and what lies in no service's; other services' files are told as
theirs. Of each group exactly one kind is yielded for a variable:

* `variable_read`, `variable_never_read`, `variable_read_unclear`;
* `variable_set`, `variable_never_set`, `variable_set_unclear`, `no_deployment_files`.

All say whether the entry tells that the variable is `missing`, and where it is read without a
default (`needed_at`). No fact has the value of a variable, or the default of one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.facts import Fact
from pipeline.investigators.source_code.variables import misnamed
from pipeline.investigators.source_code.variables.names import asked
from pipeline.investigators.source_code.variables.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.investigators.source_code.code import Code
    from pipeline.investigators.source_code.variables.names import Asked
    from pipeline.investigators.source_code.variables.places import Set
    from pipeline.investigators.source_code.variables.reads import Read
    from pipeline.ports import Case

MOST = 4
"""Lines that are told of each kind."""


def facts(case: Case, code: Code) -> Iterator[Fact]:
    """Yield what the repository shows of the variables that the root names."""
    root = case.incident.root
    wanted = asked(root)
    if not wanted:
        return
    seen = code.kept(Survey, root.services)
    model = str(root.fields.get("model") or "")
    for one in wanted:
        for name, found in _variables(seen, one, model).items():
            needed = (seen.code.ref(path, read.line) for path, read in found if read.is_needed)
            shared = {"missing": one.missing, "needed_at": next(needed, "")}
            for fact in _of_variable(seen, one, name, found):
                yield replace(fact, data={**fact.data, **shared})


def _variables(seen: Survey, one: Asked, model: str) -> dict[str, list[tuple[str, Read]]]:
    """Return by variable what reads it; a setting of a model may take several.

    What only looks like a variable counts if the code reads it.
    """
    name = one.name.partition(".")[0]
    found: dict[str, list[tuple[str, Read]]] = {}
    for path, read in seen.reads({name, name.lower()}):
        is_model = not model or read.how == f"{model}.{read.field}"
        if read.name == name.upper() or (one.told and read.field == name and is_model):
            found.setdefault(read.name, []).append((path, read))
    if not found and one.told and name.isupper():
        found[name] = []
    return found


def _of_variable(
    seen: Survey, one: Asked, name: str, found: list[tuple[str, Read]]
) -> Iterator[Fact]:
    if one.told or one.missing:
        kind = "variable_missing" if one.missing else "variable_refused"
        state = "is not there" if one.missing else "is refused"
        data = {"variable": name, "setting": one.name}
        yield Fact(kind, f"the entry says that {one.name} {state}", one.ref, data)
    yield from _read(seen, name, found)
    is_absent = True
    for fact in _set(seen, name):
        is_absent = is_absent and fact.kind == "variable_never_set"
        yield fact
    if found and is_absent and all(read.sure for _, read in found):
        yield from misnamed.facts(seen, name, found[0])


def _read(seen: Survey, name: str, found: list[tuple[str, Read]]) -> Iterator[Fact]:
    for path, read in found[:MOST]:
        how = f"by {read.how}"
        how += {None: "", True: ", with a default", False: ", without a default"}[read.fallback]
        data = {
            "variable": name,
            "how": read.how,
            "field": read.field,
            "fallback": read.fallback,
            "needed": read.is_needed,
        }
        text = f"{seen.code.ref(path, read.line)} reads {name} {how}"
        yield seen.code.fact("variable_read", text, path, read.line, data, suggested=not read.sure)
    if found:
        yield from _since(seen, name, *found[0])
        return
    here = [path for path in seen.sources if seen.is_here(path)]
    mention = next(seen.mentions(name, here), None)
    if mention is not None:
        path, line, _ = mention
        text = f"{seen.code.ref(path, line)} names {name}, and does not seem to read it"
        yield seen.code.fact("variable_read_unclear", text, path, line, {"variable": name})
        return
    text = f"no file of code names {name} ({len(here)} searched)"
    yield Fact("variable_never_read", text, "--repo", {"variable": name, "searched": len(here)})


def _since(seen: Survey, name: str, path: str, read: Read) -> Iterator[Fact]:
    """Yield the commit that brought the name of a variable into the file that reads it."""
    word = (read.field or name).encode()
    if not seen.code.commit or word not in seen.code.checkout.data(path):
        return
    change = seen.code.repository.appeared(path, word, seen.code.commit)
    if change is not None:
        text = f"{path} names {word.decode()} since commit {change}"
        place = seen.code.ref(path, read.line)
        data = {"variable": name, "word": word.decode(), "path": path, "line": read.line}
        data["place"] = place
        yield seen.code.of_commit("variable_read_since", text, change, data)


def _set(seen: Survey, name: str) -> Iterator[Fact]:
    found = seen.sets(name)
    here = [item for item in found if seen.is_here(item[0])]
    for path, one in here[:MOST]:
        yield from _set_here(seen, name, path, one)
    if not any(one.runs for _, one in here):
        yield _not_set(seen, name)
    for path, one in [item for item in found if item not in here][:MOST]:
        service = seen.code.service_of(path)
        text = f"{seen.code.ref(path, one.line)} sets {name} ({one.how}), in the tree of {service}"
        data = {"variable": name, "how": one.how, "service": service}
        yield seen.code.fact("variable_set_elsewhere", text, path, one.line, data)


def _set_here(seen: Survey, name: str, path: str, one: Set) -> Iterator[Fact]:
    data = {"variable": name, "how": one.how}
    place = seen.code.ref(path, one.line)
    if one.runs:
        text = f"{place} sets {name} ({one.how})"
        yield seen.code.fact("variable_set", text, path, one.line, data)
    else:
        text = f"{place} sets {name} only while the image is built ({one.how})"
        yield seen.code.fact("variable_set_at_build", text, path, one.line, data)
    if one.spaced:
        text = f"the value that {place} gives {name} begins or ends with white space"
        yield seen.code.fact("variable_spaced", text, path, one.line, data)


def _not_set(seen: Survey, name: str) -> Fact:
    """State that nothing here sets a variable that is there when the service runs."""
    here = [path for path in seen.deployment if seen.is_here(path)]
    data = {"variable": name, "searched": len(here)}
    if not here:
        text = "the repository has no file of the service's that sets variables"
        return Fact("no_deployment_files", text, "--repo", data)
    built = {(path, one.line) for path, one in seen.sets(name)}
    for path, line, _ in seen.mentions(name, here):
        if (path, line) not in built:
            text = f"{seen.code.ref(path, line)} names {name}; whether it sets it is not clear"
            return seen.code.fact("variable_set_unclear", text, path, line, data)
    if (place := seen.is_set_by_code(name)) is not None:
        text = f"{seen.code.ref(*place)} names {name}, and may set it"
        return seen.code.fact("variable_set_unclear", text, *place, data)
    unread = len(seen.code.checkout.unread.intersection(here))
    text = f"no deployment file sets {name} ({len(here)} searched"
    text += f", {unread} of them could not be read)" if unread else ")"
    return Fact("variable_never_set", text, ", ".join(here[:MOST]), {**data, "unread": unread})
