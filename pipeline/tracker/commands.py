"""What people decide in an issue: commands in its comments, and labels that mean the same.

`asking.requests` finds what nobody answered yet; whoever calls asks the tracker what those people
may do, and `heed` makes verdicts of it and one answer for each comment. Verdicts are stored before
answers are written: after an interruption between the two the same is read again, told from what is
stored already (`Hearing.given`), and answered. People who may not decide are answered nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline import judging, markdown
from pipeline.judging import Voice
from pipeline.tracker.asking import CommandSettings
from pipeline.tracker.model import News
from pipeline.tracker.people import login_of, team_of
from pipeline.verdicts import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pipeline.document import IncidentDocument
    from pipeline.redaction import Redactor
    from pipeline.tracker.asking import Request
    from pipeline.verdicts import Verdict

_WORD: Final = 200
"""Characters of an argument; none that anybody means comes near."""

_REASON: Final = 500
_SHOWN: Final = 200
_WRONG: Final = 600


@dataclass(frozen=True, slots=True)
class Hearing:
    """What has to be known to make verdicts of requests about one incident.

    `incident` is as it was last recorded, `others` are those with an issue, by its number.
    `permissions` are by login: what is not in there was not found out, so such a person may not
    decide now. `given` are the verdicts that hold, `repository` is ours (`owner/name`).
    """

    incident: IncidentDocument
    others: Mapping[int, IncidentDocument]
    permissions: Mapping[str, str]
    given: Iterable[Verdict]
    repository: str
    redactor: Redactor
    settings: CommandSettings = field(default_factory=CommandSettings)


@dataclass(frozen=True, slots=True)
class Heard:
    """What comes of requests: verdicts to be stored, in order, answers, and who was not heard.

    `refused` is the number of commands by people who may not decide.
    """

    verdicts: tuple[Verdict, ...] = ()
    answers: tuple[News, ...] = ()
    refused: int = 0


class _Told(NamedTuple):
    """A command and what came of it: a verdict, or why there is none; neither for help."""

    command: str
    verdict: Verdict | None = None
    mistake: str = ""


def heed(asked: Iterable[Request], hearing: Hearing) -> Heard:
    """Return the verdicts that requests about an incident come to, and an answer for each."""
    verdicts: list[Verdict] = []
    answers: list[News] = []
    given = {_meaning(one) for one in hearing.given}
    refused = 0
    permissions = {name.casefold(): value for name, value in hearing.permissions.items()}
    for request in asked:
        if permissions.get(request.by.casefold()) not in hearing.settings.may:
            refused += len(request.commands)
            continue
        told = [*_told(request, hearing)]
        for one in told:
            if one.verdict and _meaning(one.verdict) not in given:
                given.add(_meaning(one.verdict))
                verdicts.append(one.verdict)
        answers.append(News(request.key, _answer(told)))
    return Heard(tuple(verdicts), tuple(answers), refused)


def _told(request: Request, hearing: Hearing) -> Iterator[_Told]:
    most = hearing.settings.most
    commands = [hearing.redactor.text(command) for command in request.commands[: most + 1]]
    for command in commands[:most]:
        try:
            yield _Told(command, _verdict(command, request, hearing))
        except ValueError as error:
            yield _Told(command, mistake=str(error))
    for command in commands[most:]:
        yield _Told(command, mistake=f"only {most} commands of a comment are heard")


def _verdict(command: str, request: Request, hearing: Hearing) -> Verdict | None:
    """Return the verdict that a command asks for, None if it asks for help.

    Raises:
        ValueError: it is none, or it cannot be done.

    """
    name, argument, reason = [*command.split(None, 2), "", "", ""][:3]
    name = name.casefold() or "help"
    if name not in _COMMANDS:
        message = f"there is no command {name!r:.80}"
        raise ValueError(message)
    if len(argument) > _WORD:
        message = f"{argument!r:.80} is too long"
        raise ValueError(message)
    voice = Voice(f"@{request.by}", request.at, markdown.truncate(reason.strip(), _REASON, "…"))
    return _COMMANDS[name].make(voice, argument, request, hearing)


def _merge(voice: Voice, argument: str, _: Request, hearing: Hearing) -> Verdict:
    number = _number(argument, hearing.repository)
    if number not in hearing.others:
        message = f"{argument!r} is not the number of an incident's issue, such as #12"
        raise ValueError(message)
    return judging.merge(voice, hearing.incident, hearing.others[number])


def _split(voice: Voice, argument: str, _: Request, hearing: Hearing) -> Verdict:
    return judging.split(voice, hearing.incident, argument)


def _resolve(voice: Voice, argument: str, _: Request, hearing: Hearing) -> Verdict:
    return judging.resolve(voice, hearing.incident, argument)


def _silence(voice: Voice, argument: str, _: Request, hearing: Hearing) -> Verdict:
    return judging.silence(voice, hearing.incident, argument)


def _assign(voice: Voice, argument: str, request: Request, hearing: Hearing) -> Verdict:
    is_me = argument.casefold() in {"me", "@me"}
    name = request.by if is_me else login_of(argument) or team_of(argument)
    if not name:
        message = f"{argument!r} is no login or team, such as @ana or @example/backend"
        raise ValueError(message)
    return judging.assign(voice, hearing.incident, f"@{name}")


def _number(argument: str, repository: str) -> int:
    """Return the number of an issue of ours that is named as people do, 0 if none is."""
    match = _NUMBER.fullmatch(argument)
    is_ours = match and (match["repository"] or repository).casefold() == repository.casefold()
    return int(match["number"]) if match and is_ours else 0


def _meaning(verdict: Verdict) -> tuple[object, ...]:
    """Return what stays the same when one request is read again, though the incident went on."""
    what = verdict.handle[0] if verdict.kind is Kind.SPLIT else ""
    said = (verdict.kind, verdict.incident, verdict.by, verdict.at, what)
    return (*said, verdict.other_incident, verdict.until, verdict.revision, verdict.assignee)


_NUMBER = re.compile(
    r"(?:(?:https?://[^\s#]{1,100}/)?(?P<repository>[\w.-]{1,100}/[\w.-]{1,100})(?:#|/issues/)|#)?"
    r"(?P<number>[0-9]{1,18})(?:#\S*)?",
    re.ASCII,
)


# --- the answer -----------------------------------------------------------------------------------


def _answer(told: Iterable[_Told]) -> str:
    """Return the answer as Markdown; what people said stands in it as text."""
    lines, helps, counts = [], False, False
    for one in told:
        command = f"/fivewhys {one.command}".rstrip()
        shown = markdown.code(markdown.truncate(command, _SHOWN, "…"))
        if one.verdict:
            counts = True
            lines.append(f"- {shown}: {markdown.inline(one.verdict.text)}.")
        else:
            helps = True
            why = markdown.inline(markdown.truncate(one.mistake, _WRONG, "…"))
            lines += [f"- {shown}: not done: {why}."] if one.mistake else []
    parts = ["\n".join(lines)] if lines else []
    return "\n\n".join([*parts, *([_COUNTS] if counts else []), *([_HELP] if helps else [])])


@dataclass(frozen=True, slots=True)
class _Command:
    """A command: what makes its verdict, how it is written, what it does."""

    make: Callable[[Voice, str, Request, Hearing], Verdict | None]
    usage: str
    does: str


_COMMANDS: Final[Mapping[str, _Command]] = {
    "silence": _Command(
        _silence, "silence 7d [reason]", "report nothing for some time; it is still counted"
    ),
    "merge": _Command(_merge, "merge #12 [reason]", "the incident of that issue is the same"),
    "split": _Command(
        _split, "split SYMPTOM [reason]", "a symptom (rule or fingerprint) is one of its own"
    ),
    "resolve": _Command(
        _resolve,
        "resolve [REVISION] [reason]",
        "it is resolved, perhaps by a revision: older ones cannot bring it back",
    ),
    "assign": _Command(
        _assign, "assign @login [reason]", f"who looks after it; {markdown.code('@me')} is you"
    ),
    "help": _Command(lambda *_: None, "help", "this list"),
}

_COUNTS: Final = (
    "It counts from the next run; `fivewhys incidents verdicts` lists what was decided, "
    "`fivewhys incidents undo` takes it back."
)
_ROWS: Final = "".join(
    f"| {markdown.code(f'/fivewhys {one.usage}')} | {one.does} |\n" for one in _COMMANDS.values()
)
_HELP: Final = (
    f"What people with write access can say, at the start of a line of a comment:\n\n"
    f"| command | what it does |\n|---|---|\n{_ROWS}\n"
    f"A comment that was answered is not read again: write a new one."
)
