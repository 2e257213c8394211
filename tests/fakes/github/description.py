"""Asks GitHub's OpenAPI description: which operation is this, and is it as it should be.

`openapi.json` is OpenAPI 3.0 (`extract.py` makes it); its schemas become JSON Schema here, which
knows no `nullable`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from .state import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path(__file__).with_name("openapi.json")
_JSON = "application/json"
_WHOLE = "urn:github"

# Answers that GitHub gives to any operation, whatever the description of that operation says.
_ANYWHERE = frozenset({301, 304, 400, 401, 403, 404, 410, 422, 429, 500, 502, 503})
_ERROR = {"$ref": "#/components/schemas/basic-error"}

_FORMATS = FormatChecker(formats=())
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:([\w.~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@_FORMATS.checks("date-time")
def _is_timestamp(value: object) -> bool:
    return not isinstance(value, str) or _TIMESTAMP.fullmatch(value) is not None


@_FORMATS.checks("uri")
def _is_address(value: object) -> bool:
    return not isinstance(value, str) or _ADDRESS.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked of GitHub.

    `name` is the description's id of it (`issues/create`), `path` its template, `said` its text.
    """

    name: str
    verb: str
    path: str
    said: dict[str, Any] = field(repr=False)

    @property
    def documentation(self) -> str:
        """The address of its documentation, which errors name."""
        return str(self.said["externalDocs"]["url"])

    def answers(self, status: int) -> bool:
        """Whether the description knows this answer."""
        return str(status) in self.said["responses"]

    def request_problems(self, query: Mapping[str, str], body: object) -> list[str]:
        """Say what is wrong with a request: its query, all strings, and its body, None if none."""
        return [*self._query_problems(query), *self._body_problems(body)]

    def answer_problems(self, status: int, body: object) -> list[str]:
        """Say what is wrong with an answer; `body` is None if there is none."""
        if not self.answers(status) and status not in _ANYWHERE:
            return [f"{self.name} has no answer {status}"]
        content = self._answer(status).get("content", {})
        if (body is None) != (not content):
            return [f"{self.name}: {status} {'lacks' if body is None else 'has'} a body"]
        return [] if body is None else _problems(content[_JSON]["schema"], body, f"{status}: ")

    def _answer(self, status: int) -> dict[str, Any]:
        if self.answers(status):
            return _resolved(self.said["responses"][str(status)])
        return {} if status == 304 else {"content": {_JSON: {"schema": _ERROR}}}

    def _query_problems(self, query: Mapping[str, str]) -> Iterator[str]:
        known = {one["name"]: one["schema"] for one in self._parameters() if one["in"] == "query"}
        for name, text in query.items():
            if name not in known:
                yield f"query: {name} is unknown"
            else:
                yield from _problems(known[name], _typed(text, known[name]), f"query {name}: ")

    def _parameters(self) -> list[dict[str, Any]]:
        return [_resolved(one) for one in self.said.get("parameters", [])]

    def _body_problems(self, body: object) -> Iterator[str]:
        asked = _resolved(self.said.get("requestBody", {}))
        if body is None:
            if asked.get("required"):
                yield "body: is missing"
        elif not asked:
            yield "body: there should be none"
        else:
            yield from _problems(asked["content"][_JSON]["schema"], body, "body: ")
            yield from _unknown_keys(asked["content"][_JSON]["schema"], body)


def timestamp(text: str) -> str:
    """Read a parameter that is a time, in any zone; write it as GitHub writes times."""
    return written(datetime.fromisoformat(text))


def find(verb: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Find the operation of a method and a path, and what stands in the path; None if none."""
    for pattern, operation in _routes():
        if operation.verb == verb and (match := pattern.fullmatch(path)):
            return operation, {key: unquote(value) for key, value in match.groupdict().items()}
    return None


@cache
def operations() -> tuple[Operation, ...]:
    """Return all operations."""
    return tuple(
        Operation(said["operationId"], verb.upper(), path, said)
        for path, verbs in _description()["paths"].items()
        for verb, said in verbs.items()
    )


@cache
def _description() -> dict[str, Any]:
    description: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return description


@cache
def _routes() -> tuple[tuple[re.Pattern[str], Operation], ...]:
    routes = [
        (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", one.path)), one) for one in operations()
    ]
    # `/issues/comments` before `/issues/{issue_number}`: what is written out comes first.
    return tuple(sorted(routes, key=lambda route: route[1].path.count("{")))


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    _, _, kind, name = part["$ref"].split("/")
    found: dict[str, Any] = _description()["components"][kind][name]
    return found


def _typed(text: str, schema: Mapping[str, Any]) -> object:
    """Read a parameter as the number it should be, or leave it as it is."""
    whole = schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text)
    return int(text) if whole else text


def _problems(schema: dict[str, Any], value: object, where: str) -> list[str]:
    errors = _validator(json.dumps(schema)).iter_errors(value)
    return [f"{where}{error.json_path} {error.message[:300]}" for error in errors]


def _unknown_keys(schema: dict[str, Any], body: object) -> Iterator[str]:
    """Name the keys that GitHub ignores without a word, such as a misspelled one."""
    if isinstance(body, dict) and "properties" in schema:
        for key in body.keys() - schema["properties"].keys():
            yield f"body: {key} is unknown"


@cache
def _validator(schema: str) -> Draft202012Validator:
    wanted = _json_schema(json.loads(schema))
    return Draft202012Validator(
        {"$id": f"{_WHOLE}/one", **_absolute(wanted)},
        registry=_registry(),
        format_checker=_FORMATS,
    )


@cache
def _registry() -> Registry[Any]:
    whole = {"components": {"schemas": _json_schema(_description()["components"]["schemas"])}}
    empty: Registry[Any] = Registry()
    # `with_resource` is written with decorators that hide its type.
    return cast("Registry[Any]", empty.with_resource(_WHOLE, DRAFT202012.create_resource(whole)))


def _absolute(schema: Any) -> Any:
    """Point references at the whole description."""
    if isinstance(schema, list):
        return [_absolute(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _WHOLE + item if key == "$ref" else _absolute(item) for key, item in schema.items()
    }


def _json_schema(schema: Any) -> Any:
    """Turn a schema of OpenAPI 3.0 into JSON Schema: `nullable` becomes a type."""
    if isinstance(schema, list):
        return [_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    said = {key: _json_schema(item) for key, item in schema.items()}
    if said.pop("nullable", False) is True and isinstance(said.get("type"), str):
        said["type"] = [said["type"], "null"]
        if "enum" in said:
            said["enum"] = [*said["enum"], None]
    return said
