"""The `audit:` block of a rule: everything that Sigma has no word for, as pydantic models.

The same models check the rule files and write their JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)
from sigma.correlations import SigmaCorrelationTimespan

CaptureType = Literal["str", "int", "float", "list", "set", "timestamp"]
Owner = Literal["service", "platform", "database", "network", "security"]

SECOND = 1_000_000_000
"""Nanoseconds in a second: every time and every span inside fivewhys is in nanoseconds."""

SERVICE = "service"
"""Field of every detection: the service that logged its entry, unless a rule captures another."""
COMPONENT = "component"
"""Field for what the catalog calls that service, the service itself where it knows none."""
PATTERN = "pattern"
"""Field of a fallback rule's detections: what entries like this one say, for titles."""
ABOVE = "above"
"""Field of a fallback rule's detections in a line that stands right above a traceback of the same
stream: the fingerprints of what was detected in that, sorted."""
DATABASE = "database"
"""Capture for the Cloud SQL instance that an entry names: the `database_id` (`project:instance`) in
the instance's own log, the connection name (`project:region:instance`) in a service's words."""
AGAIN = "again"
"""Field of what a rule that `heals` saw in an entry which says that another attempt follows."""
TOLD = "told"
"""Field of what was seen in lines that a line of level INFO or below introduces as handled."""
LOG_NAME = "logName"
"""Field of what stands in one log, which is where requests are counted."""
SHARE_NUMBERS = ("count", "total", "share", "since", "until")
"""What titles may say of a `share`: numbers of the span in which it was greatest, its hours."""
SURGE_NUMBERS = ("count", "earlier", "since", "until")
"""What titles may say of a `surge`: of the span with the most, and how many the time before had."""
RISING_NUMBERS = ("points", "first", "last", "per_hour", "full_at")
"""What titles may say of what is `rising`: values in per cent of the limit, and when it is met."""


def parse_span(value: object) -> int:
    """Read a time span in Sigma's notation (`30s`, `10m`, `2h`, `1d`); return nanoseconds.

    Raises:
        ValueError: it is no such span, or zero.

    """
    if not isinstance(value, str):
        message = f"{value!r} is no time span; write it like 30s, 10m, 2h or 1d"
        raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueError, not TypeError
    return SigmaCorrelationTimespan(value).seconds * SECOND


Span = Annotated[
    int,
    BeforeValidator(parse_span),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+[smhdwMy]$"}),
]


def _names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    Len(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "minItems": 1, "items": {"type": "string"}},
            ]
        }
    ),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Edge(_Model):
    """A directed edge from this rule, the effect, to the rule that explains it, its cause."""

    rule: Names = Field(description="Names of the rules whose symptom may be the cause.")
    same: tuple[str, ...] = Field((), description="Fields that must be equal on both sides.")
    within: Span = Field(600 * SECOND, description="How long before the effect the cause may lie.")
    before: Span = Field(
        0, description="How long after the effect the cause may lie, beyond what clocks differ by."
    )
    one_trace: bool = Field(
        default=False, description="Where both have a trace, it has to be the same one."
    )
    named: str = Field(
        "",
        description="Field of the effect that may name the cause's service, or its host; where the "
        "catalog knows whom it names, no other service explains the effect.",
    )
    database: Literal["cause", "effect"] | None = Field(
        None,
        description="Which side is the own log of a database: the other has to mean that Cloud SQL "
        "instance, by what its `database` captures, or else by the catalog. Where a service says "
        "neither, nothing explains it while several databases come into question.",
    )
    via: Literal["depends_on"] | None = Field(
        None,
        description="`depends_on`: the catalog says that the effect's service depends on the "
        "cause's, directly or through others.",
    )


class Context(_Model):
    """Makes a rule one that only gives context: it joins incidents and never opens one."""

    same: tuple[str, ...] = Field(("service",), description="Fields equal to the incident's.")
    within: Span = Field(
        600 * SECOND, description="How far from the beginning of the incident it may lie."
    )
    after: Span | None = Field(
        None, description="How far after the beginning it may lie; as far as before if left out."
    )


class Share(_Model):
    """Narrows an event_count: what it counts has to be a part of all requests of the span."""

    of: Literal["requests"] = Field(
        "requests", description="All entries of the group's service and log with an httpRequest."
    )
    gte: float = Field(gt=0, le=100, description="Per cent of them that it is at least.")
    times: float | None = Field(
        None,
        gt=1,
        le=1000,
        description="How many times the part that it was in `before` it is at least.",
    )
    before: Span = Field(
        3600 * SECOND, description="The time before the span that `times` compares with."
    )


class Surge(_Model):
    """Narrows an event_count: what it counts has to be many times what was usual before."""

    times: float = Field(
        gt=1,
        le=1000,
        description="How many times the mean of the spans in `before` it is at least.",
    )
    before: Span = Field(
        3600 * SECOND, description="The time before the span that `times` compares with."
    )


class Rising(_Model):
    """Narrows a correlation over a field: its values rise along a line, towards a limit."""

    limit: int | str = Field(
        description="What they cannot pass: a number, or the field that has it beside the value."
    )
    within: Span = Field(description="How long after the last value the line meets the limit.")
    points: int = Field(12, ge=3, description="How many values there are at least.")
    over: Span = Field(3600 * SECOND, description="How far the first and the last lie apart.")

    @field_validator("limit")
    @classmethod
    def _above_nothing(cls, value: int | str) -> int | str:
        if value in (0, "") or (isinstance(value, int) and value < 0):
            message = "a limit is a number above 0, or the name of a field"
            raise ValueError(message)
        return value


class Audit(_Model):
    """What fivewhys needs to know about a rule beyond Sigma."""

    signature: str = Field(
        "", description="Kind of failure; the rule's name with hyphens if empty."
    )
    captures: dict[str, CaptureType] = Field(
        default_factory=dict, description="Types of the named groups of `|re` that are not `str`."
    )
    entity: tuple[str, ...] = Field(
        (), description="Fields or captures that say who it is about; they make the fingerprint."
    )
    title: str = Field("", description="Title of the symptom, a Jinja expression over its fields.")
    impact: str = Field(
        "", description="What it means for users, one plain sentence, Jinja over its fields."
    )
    owner: Owner = Field(
        "service",
        description="Who should look where the catalog names nobody: the team of the service, or "
        "who runs platform, databases, network or security.",
    )
    user_visible: bool = Field(
        default=False, description="A user or deployer notices it; the first why starts here."
    )
    about: Literal["resource"] | None = Field(
        None,
        description="`resource`: it is about a database or the like; in services that share one by "
        "the catalog it is one incident.",
    )
    caused_by: tuple[Edge, ...] = Field((), description="Rules that explain this one.")
    context: Context | None = Field(None, description="Set for rules that only give context.")
    noise: bool = Field(
        default=False,
        description="Said at every start and nobody's fault: counted, of low priority, never part "
        "of an incident.",
    )
    quotes: bool = Field(
        default=False,
        description="It also sees what an entry only quotes: the requests of strangers in the "
        "error log of nginx; what users wrote, or a slow statement, in a warning.",
    )
    heals: bool = Field(
        default=False,
        description="What it sees is of no account where each entry says that another attempt "
        "follows, unless they go on for minutes, or something else comes of it.",
    )
    fallback: bool = Field(
        default=False, description="Tried only on entries that no other rule matches."
    )
    share: Share | None = Field(
        None, description="Of a correlation that counts: what part of all requests it has to be."
    )
    surge: Surge | None = Field(
        None, description="Of a correlation that counts: how many times as much as before it is."
    )
    rising: Rising | None = Field(
        None, description="Of a correlation over a field: towards what limit its values rise."
    )
    state: dict[str, str] = Field(
        default_factory=dict, description="Lines for the report's system state, Jinja over fields."
    )
    whys: str = Field("", description="Name of the whys template that continues past this symptom.")

    @property
    def is_apart(self) -> bool:
        """Whether what the rule sees has no links: context and noise are no one's symptoms."""
        return self.noise or self.context is not None
