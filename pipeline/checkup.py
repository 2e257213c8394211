"""What a run needs of the world, as it was found -> what is missing, and the command that mends it.

Who looks (`sources/subscribed.py`, `sinks/github/rights.py`, `stores/sql/schema.py`) makes values
of what it sees; here they are judged. What could not be looked at is `UNKNOWN`, and no fault.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pipeline.audit import SECOND
from pipeline.lifecycle import DAY, span_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

FORMAT_VERSION: Final = 1

CONSUME: Final = "pubsub.subscriptions.consume"
GET: Final = "pubsub.subscriptions.get"
ROLES: Final = {CONSUME: "roles/pubsub.subscriber", GET: "roles/pubsub.viewer"}
"""The permissions that a run and its doctor need on a subscription, and the least role of each."""

RIGHTS: Final = {"issues": "write", "metadata": "read"}
"""The permissions that an App, or a fine-grained token, needs on a repository."""

PUBSUB: Final = "pubsub.googleapis.com"
"""Pub/Sub, as a service that is enabled in a project."""

FEW: Final = 20
"""Deliveries that are too few for a dead-letter topic: 20 take minutes where nothing can be kept.

A batch that cannot be kept is given back, and that counts; five are Pub/Sub's default.
"""
_MORE: Final = "--max-delivery-attempts=100"
_GONE: Final = "_deleted-topic_"
LEASED: Final = 15
"""Seconds for which what a process has in hand is kept from others, should it be killed.

With the pause that a subscription may make before it delivers again (10 seconds), that is less than
the half a minute for which lines of one traceback wait for one another.
"""
_FAST, _WRONG = 5 * SECOND, 60 * SECOND
"""From these on a clock is off, and GitHub takes no claim of an App any more."""


class State(StrEnum):
    """What came of a check."""

    OK = "ok"
    NOTE = "note"
    UNKNOWN = "unknown"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was checked, what came of it, and the command that mends it, if one does."""

    check: str
    state: State
    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as Pub/Sub describes it; spans in nanoseconds, 0 and "" where there is none.

    `listeners` are the subscriptions of its dead-letter topic, None if that was not to be learnt.
    """

    name: str
    topic: str
    expires: int = 0
    deadline: int = 10 * SECOND
    kept: int = 7 * DAY
    push: str = ""
    dead_letter: str = ""
    attempts: int = 0
    detached: bool = False
    listeners: int | None = None


@dataclass(frozen=True, slots=True)
class Tracked:
    """A repository as GitHub shows it to us.

    `has_issues` is None if it was not looked at, because our App has not the rights. `scopes` are
    those of a classic token, `granted` the permissions of an App; None: we have none of the kind.
    `may` is what whoever owns the token may do there. `signed` counts the issues whose marker
    verifies, and those whose marker does not. `skew` is how far our clock is ahead of GitHub's
    (ns), None if it said no time.
    """

    name: str
    full_name: str
    has_issues: bool | None = None
    is_archived: bool = False
    is_private: bool = True
    may: Collection[str] = ()
    scopes: Collection[str] | None = None
    granted: Mapping[str, str] | None = None
    app_page: str = ""
    has_label: bool = False
    signed: tuple[int, int] = (0, 0)
    skew: int | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of a store: what it has ("" if it has none) and what this program knows."""

    name: str
    found: str
    newest: str
    lacks: str = ""
    mend: str = ""
    known: Collection[str] = field(default=())


def is_well(findings: Iterable[Finding]) -> bool:
    """Whether nothing that was found keeps a run from working."""
    return all(one.state is not State.WRONG for one in findings)


def document(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings as JSON has them."""
    found = [*findings]
    rows = [
        {"check": one.check, "state": str(one.state), "text": one.text}
        | ({"command": one.command} if one.command else {})
        for one in found
    ]
    return {"format_version": FORMAT_VERSION, "well": is_well(found), "findings": rows}


def subscription(found: Subscribed, *, dead_letters: bool) -> Iterator[Finding]:
    """Judge a subscription; `dead_letters` says that poison is left to its dead-letter topic."""
    check = "subscription"
    faults = [*_faults(check, found)]
    notes = [*_notes(check, found)]
    letters = [*_letters(found, dead_letters=dead_letters)]
    if not faults:
        yield Finding(check, State.OK, f"{found.name} of {found.topic}")
    yield from (*faults, *notes, *letters)


def _faults(check: str, found: Subscribed) -> Iterator[Finding]:
    if found.detached or found.topic == _GONE:
        text = f"{found.name}: its topic is gone, nothing comes any more; make both anew"
        yield Finding(check, State.WRONG, text, _gcloud("delete", found.name))
    if found.push:
        text = f"{found.name}: it pushes to an address, so it cannot be pulled from"
        command = _gcloud("modify-push-config", found.name, "--push-endpoint=")
        yield Finding(check, State.WRONG, text, command)


def _notes(check: str, found: Subscribed) -> Iterator[Finding]:
    if found.expires:
        text = f"it is deleted when nobody pulled for {span_text(found.expires)}"
        command = _gcloud("update", found.name, "--expiration-period=never")
        yield Finding(check, State.NOTE, text, command)
    if found.deadline > LEASED * SECOND:
        text = (
            f"its acknowledgement deadline is {span_text(found.deadline)}: what a process had just "
            "pulled when it was killed may come again no sooner, after what it belongs to was told"
        )
        command = _gcloud("update", found.name, f"--ack-deadline={LEASED}")
        yield Finding(check, State.NOTE, text, command)
    if found.kept < DAY:
        text = f"messages are kept for {span_text(found.kept)}: a longer outage loses some"
        command = _gcloud("update", found.name, "--message-retention-duration=7d")
        yield Finding(check, State.NOTE, text, command)


def _letters(found: Subscribed, *, dead_letters: bool) -> Iterator[Finding]:
    """Judge what becomes of messages that nobody acknowledges."""
    check = "dead letter"
    if not found.dead_letter:
        if dead_letters:
            text = f"{found.name}: it has no dead-letter topic, so poison is kept in the store"
            command = _gcloud("update", found.name, "--dead-letter-topic=TOPIC", _MORE)
            yield Finding(check, State.WRONG, text, command)
        else:
            yield Finding(check, State.OK, "there is none: poison is kept in the store")
        return
    if found.attempts < FEW:
        text = (
            f"after {found.attempts} deliveries entries go to {found.dead_letter} and are not "
            "read: a store that cannot be written may take as many within seconds"
        )
        command = _gcloud("update", found.name, f"--dead-letter-topic={found.dead_letter}", _MORE)
        yield Finding(check, State.NOTE, text, command)
    text = f"{found.dead_letter} after {found.attempts} deliveries"
    if found.listeners is None:
        text += "; whether anybody listens there could not be checked"
        yield Finding(check, State.UNKNOWN, text)
    elif not found.listeners:
        topic = found.dead_letter
        text += ", where nobody listens: what goes there is lost"
        command = f"gcloud pubsub subscriptions create {_short(topic)}-kept --topic={topic}"
        yield Finding(check, State.NOTE, text, f"{command} --expiration-period=never")
    else:
        yield Finding(check, State.OK, text)


def permissions(name: str, held: Collection[str], member: str) -> Iterator[Finding]:
    """Judge which permissions `member` holds on a subscription."""
    check = "permissions"
    for permission, role in ROLES.items():
        if permission in held:
            yield Finding(check, State.OK, f"{member} has {permission}")
            continue
        text = f"{member} lacks {permission} on {name}"
        state = State.WRONG if permission == CONSUME else State.NOTE
        grant = (f"--member={shlex.quote(member)}", f"--role={role}")
        yield Finding(check, state, text, _gcloud("add-iam-policy-binding", name, *grant))


def enabling(service: str, error: object, resource: str) -> str:
    """Return the command that enables a service whose API refused a call, "" if it is enabled.

    `error` is Google's, with what `google.rpc.ErrorInfo` says: where it has to be enabled need not
    be the project of the `resource` that was asked for, which is named if nothing is said.
    """
    if getattr(error, "reason", None) != "SERVICE_DISABLED":
        return ""
    said = getattr(error, "metadata", None) or {}
    kind, _, name = str(said.get("consumer") or resource).partition("/")
    project = name.partition("/")[0] if kind == "projects" else "PROJECT"
    return f"gcloud services enable {service} --project={shlex.quote(project)}"


def logs(resource: str, refused: str = "", denied: str = "") -> Finding:
    """Judge whether the Logging API lets us read the entries of a resource (`projects/P`).

    `refused` is what it says if not, `denied` the member that lacks the right, if that is why.
    """
    check = "logging api"
    if not refused:
        return Finding(check, State.OK, f"entries of {resource} can be read")
    if not denied:
        return Finding(check, State.WRONG, refused)
    kind, _, name = resource.partition("/")
    group = {"projects": "projects", "folders": "resource-manager folders"}.get(kind, kind)
    grant = f"--member={shlex.quote(denied)} --role=roles/logging.viewer"
    command = f"gcloud {group} add-iam-policy-binding {name} {grant}"
    return Finding(check, State.WRONG, refused, command)


def tracked(found: Tracked, label: str) -> Iterator[Finding]:
    """Judge a repository, and what we may do there."""
    yield from _rights(found)
    if found.has_issues is None:
        text = f"{found.name} was not looked at, because the App lacks rights"
        yield Finding("github", State.UNKNOWN, text)
        return
    yield from _repository(found)
    text = "has" if found.has_label else "has no"
    made = "" if found.has_label else "; it is made when first needed"
    yield Finding("labels", State.OK, f"{found.name} {text} label {label}{made}")
    ours, foreign = found.signed
    if foreign:
        text = (
            f"of the last issues of {found.name} that bear our marker {foreign} are signed with "
            "another key, and left alone; name it in FIVEWHYS_MARKER_KEY_FORMER"
        )
        yield Finding("marker key", State.NOTE if ours else State.WRONG, text)
    else:
        told = f"it signed {ours} of the last issues" if ours else "no issue bears it yet"
        yield Finding("marker key", State.OK, f"{found.name}: {told}")


def _repository(found: Tracked) -> Iterator[Finding]:
    check, name = "github", found.full_name
    if found.full_name.casefold() != found.name.casefold():
        text = f"{found.name} is called {name} now; set FIVEWHYS_GITHUB_REPOSITORY to that"
        yield Finding(check, State.NOTE, text)
    if found.is_archived:
        text = f"{name} is archived, so nothing can be written there"
        yield Finding(check, State.WRONG, text, f"gh repo unarchive {name}")
    elif not found.has_issues:
        text = f"{name} has issues switched off"
        yield Finding(check, State.WRONG, text, f"gh repo edit {name} --enable-issues")
    else:
        yield Finding(check, State.OK, f"{name} is there and has issues")


def _rights(found: Tracked) -> Iterator[Finding]:
    check, name = "github rights", found.full_name
    if found.granted is not None:
        yield from _granted(found, found.granted)
    elif found.scopes is not None:
        wanted = {"repo"} if found.is_private else {"repo", "public_repo"}
        if wanted & set(found.scopes):
            yield Finding(check, State.OK, f"the token's scopes will do for {name}")
        else:
            text = f"the token lacks the scope repo, which writing issues in {name} takes"
            yield Finding(check, State.WRONG, text, "gh auth refresh --scopes repo")
    else:
        text = (
            "GitHub does not tell what a fine-grained token may do; it needs Issues: write and "
            f"Metadata: read for {name}"
        )
        yield Finding(check, State.UNKNOWN, text)
    if found.granted is None and not {"admin", "maintain", "push", "triage"} & set(found.may):
        text = f"the token's owner may only read {name}: labels and assignees need the role triage"
        command = f"gh api -X PUT repos/{name}/collaborators/LOGIN -f permission=triage"
        yield Finding(check, State.WRONG, text, command)


def _granted(found: Tracked, granted: Mapping[str, str]) -> Iterator[Finding]:
    check = "github rights"
    for right, level in RIGHTS.items():
        if granted.get(right) in {level, "write", "admin"}:
            yield Finding(check, State.OK, f"the App has {right}: {granted[right]}")
        else:
            text = (
                f"the App lacks {right}: {level} for {found.full_name}; change its permissions at "
                f"{found.app_page}, then accept them where it is installed"
            )
            yield Finding(check, State.WRONG, text)


def clock(skew: int | None) -> Finding:
    """Judge how far our clock is ahead of GitHub's (ns); None: nobody said the time."""
    if skew is None:
        return Finding("clock", State.UNKNOWN, "nobody was reached who says what time it is")
    far = abs(skew)
    way = "ahead of" if skew > 0 else "behind"
    if far < _FAST:
        return Finding("clock", State.OK, f"within {span_text(_FAST)} of GitHub's")
    state = State.WRONG if far >= _WRONG else State.NOTE
    text = f"it is {far // SECOND:,} s {way} GitHub's"
    return Finding("clock", state, text, "sudo timedatectl set-ntp true")


def store(found: Schema) -> Finding:
    """Judge the schema of a store."""
    check = "store"
    if found.lacks:
        return Finding(check, State.WRONG, f"{found.name}: {found.lacks}", found.mend)
    if not found.found:
        text = f"{found.name}: it is empty; `run` makes schema {found.newest}"
        return Finding(check, State.OK, text)
    if found.found == found.newest:
        return Finding(check, State.OK, f"{found.name}: schema {found.found}, the newest")
    if found.found in found.known:
        text = f"{found.name}: schema {found.found}; `run` brings it to {found.newest} at its start"
        return Finding(check, State.OK, text)
    text = (
        f"{found.name}: schema {found.found}, made by a newer fivewhys; this one knows schemas up "
        f"to {found.newest}: update fivewhys"
    )
    return Finding(check, State.WRONG, text)


def _gcloud(verb: str, name: str, *more: str) -> str:
    """Return a command about a subscription (`projects/P/subscriptions/S`)."""
    project = name.split("/")[1]
    words = ("gcloud", "pubsub", "subscriptions", verb, _short(name), f"--project={project}")
    return " ".join((*words, *more))


def _short(name: str) -> str:
    return name.rpartition("/")[2]
