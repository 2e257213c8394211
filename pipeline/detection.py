"""One entry through all rules: `Detector(ruleset, redactor).detect(entry)`.

Rules see the entry as it was logged; whatever a detection keeps of it has gone through redaction.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec asks for it when it decodes
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Self, cast

import msgspec

from pipeline import fingerprint
from pipeline.audit import ABOVE, AGAIN, PATTERN, TOLD
from pipeline.captures import convert
from pipeline.entry.attempts import another_attempt
from pipeline.entry.decoding import canonical_json
from pipeline.entry.message import BESIDE_KEYS
from pipeline.entry.severity import Severity
from pipeline.matching import compile_rule, every_value, field_getter, severities_of
from pipeline.redaction.expressions import PLACEHOLDER
from pipeline.redaction.names import identifier, remembered
from pipeline.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.entry import LogEntry
    from pipeline.matching import Captures, Getter
    from pipeline.redaction import Redactor
    from pipeline.rule import Rule, RuleSet

SAMPLE_LIMIT = 4_000
"""Characters kept of a sample's text; a log entry may hold 256 KiB."""

UNSCREENED = 16_000
"""Bytes of entries that every rule is tried on: 150,000 take as long as to compile a screen."""


class Sample(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """One entry as evidence, redacted; `timestamp` is in nanoseconds UTC."""

    timestamp: int
    log_name: str
    insert_id: str
    severity: str
    text: str


class Detection(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One rule matched one entry.

    `key` identifies the entry and `richness` orders its copies; `fingerprint` tells whom the rule
    is about, `explanation` how it was made; `fields` holds captures and the fields that
    links and titles look at: text, numbers or lists of text, all redacted. `trace` is the bare
    trace id, "" without one. `others` are those that were alike for which it stands: at which
    times (ns UTC), and how many.
    """

    rule: str
    key: tuple[str, int, str]
    richness: tuple[int, int, int, str]
    fingerprint: str
    explanation: tuple[str, ...]
    entity: Mapping[str, Any]
    fields: Mapping[str, Any]
    service: str
    revision: str
    sample: Sample
    trace: str = ""
    others: tuple[tuple[int, int], ...] = ()

    @property
    def timestamp(self) -> int:
        """Event time: nanoseconds since the epoch, UTC."""
        return self.sample.timestamp

    def document(self) -> dict[str, Any]:
        """Return all of it by name, for JSON."""
        return {**msgspec.structs.asdict(self), "sample": msgspec.structs.asdict(self.sample)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the detection that a document shows."""
        tuples = {name: tuple(document[name]) for name in ("key", "richness", "explanation")}
        tuples["others"] = tuple(map(tuple, document.get("others", ())))
        return cls(**{**document, **tuples, "sample": Sample(**document["sample"])})


class Detector:
    """All rules, compiled once."""

    def __init__(self, ruleset: RuleSet, redactor: Redactor, unscreened: int = UNSCREENED) -> None:
        """Compile the rules; `unscreened`: bytes of entries that every rule is tried on at first.

        Raises:
            RuleError: a rule asks for something that cannot be evaluated.

        """
        every = ruleset.rules.values()
        fallbacks = [rule for rule in every if rule.audit.fallback]
        self._redactor = redactor
        self._compiled = [_Compiled(rule, redactor) for rule in every if not rule.audit.fallback]
        self._fallbacks = [_Compiled(rule, redactor) for rule in fallbacks]
        self._fallback_names = frozenset(rule.name for rule in fallbacks)
        self._healing = {one.name for one in every if one.audit.heals}
        self._unscreened = unscreened
        self._identify_log = remembered(self.identify)  # few write all entries
        self._redact_name = remembered(redactor.name)
        self._heeded = frozenset(chain.from_iterable(map(severities_of, fallbacks)))

    @cached_property
    def screen(self) -> Screen:
        """What tells from raw lines whether a rule could match that is no fallback (`is_loud`)."""
        return Screen([one.rule for one in self._compiled])

    def detect(self, entry: LogEntry, tried: Iterable[int] | None = None) -> list[Detection]:
        """Return what each matching rule saw in the entry, in the order of the rule set.

        Fallback rules are tried on what is loud and no other rule matches; `tried`: as in `known`.
        """
        return self.known(entry, tried) or self.unknown(entry)

    def known(self, entry: LogEntry, tried: Iterable[int] | None = None) -> list[Detection]:
        """Return what rules saw that are no fallback; `tried`: those that the screen told."""
        if tried is None:
            self._unscreened -= len(entry.json)
            if self._unscreened >= 0:
                return self._detections(entry, self._compiled)
            tried = self.screen.candidates(entry.json)
        return self._detections(entry, map(self._compiled.__getitem__, tried))

    def marked(
        self, found: Iterable[Detection], *, again: bool = False, told: bool = False
    ) -> list[Detection]:
        """Return what was found, with what the lines around it say.

        `again`: another attempt follows, which counts where the rule heals. `told`: it was handled.
        """
        return [self._marked(item, again=again, told=told) for item in found]

    def _marked(self, found: Detection, *, again: bool, told: bool) -> Detection:
        more = {TOLD: "yes"} if told else {}
        if again and found.rule in self._healing:
            more[AGAIN] = "yes"
        if not more:
            return found
        return msgspec.structs.replace(found, fields={**found.fields, **more})

    def may_heal(self, found: Iterable[Detection]) -> bool:
        """Say whether something of what was found by rules that are no fallback heals by itself."""
        return any(item.rule in self._healing - self._fallback_names for item in found)

    def unknown(self, entry: LogEntry, above: Iterable[str] = ()) -> list[Detection]:
        """Return what fallback rules see in an entry that no other rule matches.

        `above` are fingerprints of what was detected in the traceback that it stands right above.
        """
        found = self._detections(entry, self._fallbacks) if is_loud(entry) else []
        told = sorted(set(above))
        if not told:
            return found
        return [_above(item, told) for item in found]

    def may_heed(self, severity: Severity) -> bool:
        """Say whether a fallback rule may see something in an entry of this severity."""
        return severity in self._heeded

    def is_known(self, detections: Iterable[Detection]) -> bool:
        """Say whether a rule that is no fallback saw something."""
        return any(item.rule not in self._fallback_names for item in detections)

    def _detections(self, entry: LogEntry, rules: Iterable[_Compiled]) -> list[Detection]:
        matched = [rule for rule in rules if rule.match(entry) is not None]
        if not matched:
            return []
        redacted = self.redacted(entry)
        key = self.key_of(entry)
        return [rule.detection(entry, redacted, key) for rule in matched]

    def redacted(self, entry: LogEntry) -> LogEntry:
        """Return the entry without secrets."""
        document = cast("Mapping[str, Any]", self._redactor.value(entry.document))
        return entry if document is entry.document else replace(entry, document=document)

    def detect_joined(
        self, entry: LogEntry, alone: Sequence[Sequence[Detection]]
    ) -> list[Detection]:
        """Return what rules see in a traceback that was joined from lines (`joining/`).

        What a rule sees in a line by itself (`alone`, what is `known` of each) counts there, and
        only there: the first line, whose key the joined entry has, keeps what it showed; beyond
        that only rules speak that no line satisfies, and fallback rules if no line satisfies any.
        """
        known = {found.rule for detections in alone for found in detections}
        own = [msgspec.structs.replace(found, richness=entry.richness) for found in alone[0]]
        whole = [found for found in self.known(entry) if found.rule not in known]
        return own + whole if known or whole else self.unknown(entry)

    def known_above(self, entry: LogEntry, below: LogEntry) -> list[Detection] | None:
        """Return what is known of the line right above a traceback, read together with it.

        None if no rule sees anything in the line alone. What a rule sees there it may not see in
        the whole, of which it knows better; or it sees more: what was raised.
        """
        alone = {found.rule for found in self.known(entry)}
        if not alone:
            return None
        text = f"{entry.message}\n{below.message}"
        whole = replace(entry, document={**entry.document, "textPayload": text})
        return [
            msgspec.structs.replace(found, key=self.key_of(entry), richness=entry.richness)
            for found in self.known(whole)
            if found.rule in alone
        ]

    def key_of(self, entry: LogEntry) -> tuple[str, int, str]:
        """Return the entry's key; a secret in it, or what is very long, becomes a digest."""
        log_name, timestamp, insert_id = entry.key
        return (self._identify_log(log_name), timestamp, self.identify(insert_id))

    def identify(self, text: str) -> str:
        """Return an identifier that holds no secret (`identifier`)."""
        return identifier(text, self._redactor.text(text))

    def identify_all(self, texts: Iterable[str]) -> dict[str, str]:
        """Return by each text the identifier that `identify` makes of it; quicker of many."""
        each = list(dict.fromkeys(texts))
        return dict(zip(each, map(identifier, each, self._redactor.texts(each)), strict=True))

    def redact(self, text: str) -> str:
        """Return a text without secrets."""
        return self._redactor.text(text)

    def redact_name(self, text: str) -> str:
        """Return the name of a service or the like without secrets, and not very long."""
        return self._redact_name(text)

    def redact_value(self, value: Any) -> Any:
        """Return texts, lists and objects without secrets."""
        return self._redactor.value(value)

    def redact_all(self, texts: Sequence[str]) -> list[str]:
        """Return each of the texts without secrets."""
        return self._redactor.texts(texts)


class _Compiled:
    """One rule ready to run."""

    def __init__(self, rule: Rule, redactor: Redactor) -> None:
        self.rule = rule
        self.match = compile_rule(rule)
        self._redactor = redactor
        self._getters: dict[str, Getter] = {name: field_getter(name) for name in rule.fields}

    def detection(
        self, entry: LogEntry, redacted: LogEntry, key: tuple[str, int, str]
    ) -> Detection:
        captures = self._captures(entry, redacted)
        fields = {name: _single(get(redacted)) for name, get in self._getters.items()} | captures
        entity = {name: fields[name] for name in self.rule.audit.entity if name in fields}
        found = self._fingerprint(entity, redacted)
        if self.rule.audit.heals and another_attempt(entry.message):
            fields[AGAIN] = "yes"
        if self.rule.audit.fallback:
            fields = {PATTERN: fingerprint.pattern(told_by(redacted.unquoted)), **fields}
        return Detection(
            rule=self.rule.name,
            key=key,
            richness=entry.richness,
            fingerprint=found.value,
            explanation=found.explanation,
            entity=entity,
            fields=fields,
            service=redacted.service,
            revision=redacted.revision,
            sample=sample_of(redacted, entry, key),
            trace=redacted.trace.strip("0") and redacted.trace,
        )

    def _captures(self, entry: LogEntry, redacted: LogEntry) -> dict[str, Any]:
        """Named groups, from the redacted text where the rule still matches it."""
        captures = self.match(redacted)
        if captures is None:
            raw: Captures = self.match(entry) or {}
            captures = {name: self._shown(text, redacted) for name, text in raw.items()}
        types = self.rule.audit.captures
        return {name: convert(text, types.get(name, "str")) for name, text in captures.items()}

    def _shown(self, raw: str, redacted: LogEntry) -> str:
        """Return of a raw capture what the redacted entry shows, too.

        What makes a text secret may stand beside it (`password=`): it cannot be judged alone.
        """
        text = self._redactor.text(raw)
        values = (str(value) for value in every_value(redacted.document))
        return text if any(text in value for value in (redacted.message, *values)) else PLACEHOLDER

    def _fingerprint(
        self, entity: Mapping[str, Any], redacted: LogEntry
    ) -> fingerprint.Fingerprint:
        if entity:
            return fingerprint.of_entity(self.rule.name, entity)
        text = told_by(redacted.unquoted) if self.rule.audit.fallback else redacted.message
        return fingerprint.of_message(f"{self.rule.name} of {redacted.service}", text)


def _above(found: Detection, told: list[str]) -> Detection:
    """Make it another pattern above each thing: what failed is often said in the same words."""
    about = {PATTERN: found.fields[PATTERN], ABOVE: told}
    key = fingerprint.of_entity(found.rule, {"service": found.service, **about})
    return msgspec.structs.replace(
        found,
        fields={**found.fields, **about},
        fingerprint=key.value,
        explanation=key.explanation,
    )


def is_loud(entry: LogEntry) -> bool:
    """Say whether an entry is a WARNING or worse, or a traceback that has no severity."""
    severity = entry.severity
    if severity or "\n" not in entry.message:
        return severity >= Severity.WARNING
    return _has_frames(entry.message)


def said(entry: LogEntry) -> str:
    """Return what an entry says: its message, its request, or else its payload as JSON."""
    return entry.message or _request_line(entry) or _payload(entry)


def told_by(entry: LogEntry) -> str:
    """Return what an unknown entry is grouped by: `words_of` it, or else its payload as JSON."""
    return words_of(entry) or _payload(entry)


def words_of(entry: LogEntry) -> str:
    """Return the traceback that an entry's payload has, or else its message or its request.

    Loggers that write JSON put it into the message or beside it.
    """
    payload = entry.document.get("jsonPayload")
    if isinstance(payload, dict):
        for text in map(payload.get, BESIDE_KEYS):
            if isinstance(text, str) and "\n" in text and _has_frames(text):
                return text
    return entry.message or _request_line(entry)


def _has_frames(text: str) -> bool:
    return bool((found := fingerprint.parse_exception(text)) and found.frames)


def _payload(entry: LogEntry) -> str:
    payload = entry.document.get("jsonPayload")
    if isinstance(payload, dict):
        return canonical_json(payload).decode()
    names = (*entry.lookup("protoPayload.serviceName"), *entry.lookup("protoPayload.methodName"))
    return " ".join(map(str, names))


def sample_of(redacted: LogEntry, original: LogEntry, key: tuple[str, int, str]) -> Sample:
    """Cut an entry down to what an issue quotes; `key` is what it is cited by."""
    text = said(redacted)
    if len(text) > SAMPLE_LIMIT:
        text = f"{text[:SAMPLE_LIMIT]}… ({len(text) - SAMPLE_LIMIT:,} more characters)"
    return Sample(
        timestamp=original.timestamp,
        log_name=key[0],
        insert_id=key[2],
        severity=original.severity.name,
        text=text,
    )


def _request_line(entry: LogEntry) -> str:
    """Return what a request log says: method, address, status."""
    parts = [
        str(value)
        for name in ("requestMethod", "requestUrl", "status")
        for value in entry.lookup(f"httpRequest.{name}")
    ]
    return " ".join(parts)


def _single(values: tuple[object, ...]) -> Any:
    """Unwrap a field that has one value; leave a missing one an empty text."""
    if len(values) == 1:
        return values[0]
    return list(values) if values else ""
