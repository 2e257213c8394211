"""What an external investigator is told and what it may answer: a contract, as pydantic models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from pipeline.document import incident_document
from pipeline.report import Action, Decision, Report
from pipeline.whys import Explanation

if TYPE_CHECKING:
    from pipeline.ports import Case

_UNDECIDED = {
    "five_whys",
    "root_cause",
    "next_steps",
    "open_questions",
    "report",
    "suppressed",
    "silenced_until",
    "owners",
    "repositories",
}
"""What only comes out once all facts are there."""

Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, strict=True)


class Claim(_Model):
    """Something that the program says about the incident."""

    kind: Kind = Field(description="one word for templates, which know it as claim_KIND")
    text: str = Field(min_length=1, max_length=2_000, description="one sentence in plain text")
    ref: str = Field("", max_length=500, description="where it is from: an insertId, file:line")
    data: dict[str, JsonValue] = Field(
        default_factory=dict, description="what a template may put into an answer"
    )
    url: str = Field("", max_length=2_000, description="where that can be looked at, over https")


class Claims(_Model):
    """What the program writes to standard output."""

    facts: list[Claim] = Field(max_length=100)


def question(case: Case) -> bytes:
    """Return what the program reads: `incident` as in the document of a run, and known `facts`."""
    document = incident_document(
        case.incident,
        Explanation((), "", (), ()),
        Report(case.incident.id, "", (), ""),
        Decision(Action.LEAVE, ""),
        rollout=case.rollout,
    )
    facts = [
        {"kind": fact.kind, "text": fact.text, "ref": fact.ref, "data": fact.data}
        for fact in case.facts
    ]
    incident = document.model_dump(mode="json", exclude=_UNDECIDED)
    return json.dumps({"incident": incident, "facts": facts}, default=str).encode()


def read_claims(output: bytes) -> list[Claim] | str:
    """Return what a program claims, or in plain words why that is not to be read."""
    try:
        return Claims.model_validate_json(output).facts
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        more = error.error_count() - 1
        return f"{place or 'the output'}: {first['msg']}" + (f" (and {more} more)" if more else "")


def claims_schema() -> dict[str, Any]:
    """Return the JSON Schema of what a program may answer."""
    return Claims.model_json_schema()
