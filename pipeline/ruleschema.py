"""JSON Schema of rule files, for editors: Sigma's keys, and `audit:` from its models."""

from __future__ import annotations

from typing import Any

from pipeline.audit import Audit
from pipeline.rule import KINDS, LEVELS, OPERATORS

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_LOGSOURCE = ("category", "product", "service", "definition")
_NUMBER = {"anyOf": [{"type": "number"}, _TEXT]}
_BOUNDS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(OPERATORS, _NUMBER),
        "field": {"anyOf": [_TEXT, {**_TEXTS, "minItems": 1}]},
        "percentile": _NUMBER,
    },
    "anyOf": [{"required": [name]} for name in OPERATORS],
}


def rule_schema() -> dict[str, Any]:
    """Return the schema of one document: a Sigma detection rule, correlation or filter."""
    audit = Audit.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = audit.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A fivewhys rule: a Sigma document with an audit block",
        "type": "object",
        "required": ["title"],
        "properties": {
            "title": {**_TEXT, "maxLength": 256},
            "id": {**_TEXT, "format": "uuid"},
            "name": _TEXT,
            "status": {"enum": ["stable", "test", "experimental", "deprecated", "unsupported"]},
            "description": _TEXT,
            "license": _TEXT,
            "taxonomy": _TEXT,
            "scope": _TEXTS,
            "related": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "type"],
                    "properties": {"id": {**_TEXT, "format": "uuid"}, "type": _TEXT},
                },
            },
            "references": _TEXTS,
            "author": _TEXT,
            "date": _TEXT,
            "modified": _TEXT,
            "tags": _TEXTS,
            "falsepositives": _TEXTS,
            "fields": _TEXTS,
            "level": {"enum": list(LEVELS)},
            "logsource": {
                "type": "object",
                "properties": dict.fromkeys(_LOGSOURCE, _TEXT),
            },
            "detection": {
                "type": "object",
                "required": ["condition"],
                "properties": {"condition": {"anyOf": [_TEXT, _TEXTS]}},
            },
            "filter": {
                "type": "object",
                "required": ["rules", "condition"],
                "properties": {
                    "rules": {"anyOf": [_TEXT, {**_TEXTS, "minItems": 1}]},
                    "condition": _TEXT,
                },
            },
            "correlation": {
                "type": "object",
                "required": ["type", "timespan"],
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": list(KINDS)},
                    "rules": {"anyOf": [_TEXT, _TEXTS]},
                    "group-by": {"anyOf": [_TEXT, _TEXTS]},
                    "timespan": {**_TEXT, "pattern": "^[0-9]+[smhdwMy]$"},
                    "aliases": {
                        "type": "object",
                        "additionalProperties": {"type": "object", "additionalProperties": _TEXT},
                    },
                    "condition": {"anyOf": [_TEXT, _BOUNDS]},
                    "generate": {"type": "boolean"},
                },
            },
            "generate": {"type": "boolean"},
            "audit": audit,
        },
        "oneOf": [
            {"required": ["logsource", "detection"]},
            {"required": ["logsource", "filter"], "not": {"required": ["audit"]}},
            {"required": ["correlation"]},
        ],
        "$defs": definitions,
    }
