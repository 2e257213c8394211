"""The fake's own addresses, for whoever uses it as a program: people, state, faults, time."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from .fake import FakeGithub, Outcome, Request
from .people import People

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEEDS = frozenset(name for name in vars(People) if name[0] != "_" and callable(vars(People)[name]))
"""What `/_people/...` knows: the methods of `People`."""


def control(github: FakeGithub, request: Request) -> Outcome:
    """Answer a request to an address that begins with `/_`."""
    try:
        said = json.loads(request.body or b"{}")
        body = _answered(github, request.target, said)
    except (LookupError, TypeError, ValueError) as error:
        return _packed(400, {"message": str(error)})
    return _packed(200, body)


def _answered(github: FakeGithub, target: str, said: Mapping[str, Any]) -> object:
    with github.lock:
        if target.startswith("/_people/"):
            return _deed(github.people, target.removeprefix("/_people/"), said)
        if target not in _PLACES:
            message = f"there is no {target}; there are: {', '.join(_PLACES)}, /_people/DEED"
            raise LookupError(message)
        return _PLACES[target](github, said)


def _deed(people: People, name: str, said: Mapping[str, Any]) -> object:
    if name not in DEEDS:
        message = f"people don't {name}; they do: {', '.join(sorted(DEEDS))}"
        raise LookupError(message)
    result = getattr(people, name)(**said)
    return asdict(result) if is_dataclass(result) and not isinstance(result, type) else {}


def _state(github: FakeGithub, _: Mapping[str, Any]) -> object:
    return json.loads(github.state.dumped())


def _calls(github: FakeGithub, _: Mapping[str, Any]) -> object:
    return [asdict(call) for call in github.seen]


def _violations(github: FakeGithub, _: Mapping[str, Any]) -> object:
    return github.violations


def _faults(github: FakeGithub, said: Mapping[str, Any]) -> object:
    if said.get("clear"):
        github.faults.rules.clear()
    github.fail(said.get("rules", ""))
    return [f"{rule.where} = {rule.fault.name}" for rule in github.faults.rules]


def _clock(github: FakeGithub, said: Mapping[str, Any]) -> object:
    github.clock.advance(float(said.get("advance", 0)))
    return {"now": github.clock.now().isoformat()}


_PLACES: Mapping[str, Callable[[FakeGithub, Mapping[str, Any]], object]] = {
    "/_calls": _calls,
    "/_clock": _clock,
    "/_faults": _faults,
    "/_state": _state,
    "/_violations": _violations,
}


def _packed(status: int, body: object) -> Outcome:
    content = json.dumps(body, indent=1).encode() + b"\n"
    return Outcome(status, {"Content-Type": "application/json"}, content)
