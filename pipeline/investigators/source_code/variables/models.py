"""Models of settings as pydantic has them: which variable each of their fields takes.

That is an alias of the field where it has one, else its prefixed name; case does not matter.
https://docs.pydantic.dev/latest/concepts/pydantic_settings/#environment-variable-names
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.investigators.source_code import python

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALIASES = ("validation_alias", "alias", "env")


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of a model, and a variable that it takes; `sure` says whether its prefix is known."""

    model: str
    name: str
    variable: str
    line: int
    fallback: bool
    sure: bool


def fields(tree: ast.Module) -> Iterator[Setting]:
    """Yield the fields of the models of settings that a file defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(_is_settings(base) for base in node.bases):
            yield from _of_model(node)


def _is_settings(base: ast.expr) -> bool:
    return python.dotted(base).rpartition(".")[2].endswith("Settings")


def _of_model(node: ast.ClassDef) -> Iterator[Setting]:
    prefix, sure = _prefix(node)
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            name = item.target.id
            if name != "model_config":
                aliases = list(_aliases(item.value))
                for variable in aliases or [f"{prefix}{name}".upper()]:
                    known = bool(aliases) or sure
                    yield Setting(
                        node.name, name, variable, item.lineno, _has_default(item.value), known
                    )


def _prefix(node: ast.ClassDef) -> tuple[str, bool]:
    """Return the prefix of a model's variables, and whether it is known: one may be inherited."""
    for item in ast.walk(node):
        if isinstance(item, ast.keyword) and item.arg == "env_prefix":
            return _text(item.value), _is_text(item.value)
        if isinstance(item, ast.Assign) and any(_named(one) for one in item.targets):
            return _text(item.value), _is_text(item.value)
        if isinstance(item, ast.Dict):
            for key, value in zip(item.keys, item.values, strict=True):
                if key is not None and _text(key) == "env_prefix":
                    return _text(value), _is_text(value)
    return "", all(python.dotted(base).endswith("BaseSettings") for base in node.bases)


def _named(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "env_prefix"


def _aliases(value: ast.expr | None) -> Iterator[str]:
    """Yield the names that `Field(alias=…)`, `validation_alias=` and `env=` give."""
    if isinstance(value, ast.Call):
        for item in value.keywords:
            if item.arg in _ALIASES:
                yield from (text.upper() for node in ast.walk(item.value) if (text := _text(node)))


def _has_default(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and python.called(value).endswith("Field"):
        named = {item.arg: item.value for item in value.keywords}
        first = value.args[0] if value.args else named.get("default")
        return "default_factory" in named or _has_default(first)
    return value is not None and not (isinstance(value, ast.Constant) and value.value is ...)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
