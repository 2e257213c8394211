"""The Jinja environment in which titles, answers and reports are rendered.

Templates come from rules and from `templates/`; values come from logs, so nothing in a value is
ever read as a template, and the sandbox keeps a template away from Python's internals.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline import errors, markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jinja2 import Template

    Filters = tuple[tuple[str, Callable[..., object]], ...]

_PLAIN = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)

_MARKDOWN = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    autoescape=False,  # finalize escapes for Markdown; Jinja's own escaping is for HTML
    finalize=markdown.escape,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)

# What an expression is as nearly all are: variables, through filters or compared with texts.
_TEXT = r"""(?:'[^'\\{}]*'|"[^"\\{}]*")"""
_NAME = r"(?!(?i:and|else|false|if|in|is|none|not|or|true)\b)[A-Za-z_][A-Za-z0-9_]*"
_GIVEN = rf"(?:{_TEXT}|0|[1-9][0-9]*)"
_OPERAND = rf"(?:{_NAME}|{_TEXT})(?: \| {_NAME}(?:\({_GIVEN}(?:, {_GIVEN})*\))?)*"
_TERM = rf"{_OPERAND}(?: is defined| (?:==|in) {_OPERAND})?"
_ASKED = re.compile(rf"{_TERM}(?: (?:or|and) {_TERM})*")
_TAG = re.compile(r"\{\{ ([^{}]+) \}\}|\{% (?:(if|elif) ([^{}%]+)|(else|endif)) %\}")
_WORD = re.compile(rf"{_TEXT}|is defined|\| ({_NAME})|\b({_NAME})")
"""In what is asked: the names of filters and of variables."""

_LONGEST = 500
_DEEPEST = 50
"""Characters of what is asked, and tags within each other: Jinja may have no room for more."""


def render_text(template: str, values: Mapping[str, Any], place: str) -> str:
    """Render a one-line plain-text template.

    Raises:
        TemplateError: it is no template, or it raised; with `place` (`file:line` or `file`).

    """
    if "{" not in template and "\r" not in template:  # it says the same of everything
        return template
    try:
        return _plain(template).render(values)
    except Exception as error:
        raise template_error(error, place) from error


def render_markdown(
    template: str,
    values: Mapping[str, Any],
    place: str,
    filters: Filters = (),
) -> str:
    """Render a Markdown template; every expression is escaped unless a filter made it `Safe`.

    Raises:
        TemplateError: it is no template, or it raised; with `place` (`file:line` or `file`).

    """
    try:
        return _markdown(template, filters).render(values)
    except Exception as error:
        raise template_error(error, place) from error


@lru_cache(maxsize=1024)
def _plain(template: str) -> Template:
    return _PLAIN.from_string(template)


@lru_cache(maxsize=16)
def _markdown(template: str, filters: Filters) -> Template:
    environment = _MARKDOWN.overlay()
    environment.filters = {**_MARKDOWN.filters, **dict(filters)}
    return environment.from_string(template)


def used_names(template: str, place: str) -> set[str]:
    """Return the variables a template uses.

    Raises:
        TemplateError: it is no template; with `place` (`file:line` or `file`).

    """
    if (names := _plain_names(template)) is not None:
        return names
    try:
        tree = _PLAIN.parse(template)
        return _loaded(tree) or meta.find_undeclared_variables(tree)
    except (TemplateSyntaxError, RecursionError) as error:
        raise template_error(error, place) from error


def _plain_names(template: str) -> set[str] | None:
    """Return the variables of a template as nearly all are; None: Jinja has to read it.

    They show and ask for variables, put through filters or compared with texts. Jinja's own parser
    takes ten times as long.
    """
    if "{" not in template:
        return set()
    tags = _TAG.findall(template)
    asked = [shown or condition for shown, _, condition, _ in tags if shown or condition]
    if "{" in _TAG.sub("", template) or not _is_nested(word or end for _, word, _, end in tags):
        return None
    if not all(len(one) <= _LONGEST and _ASKED.fullmatch(one) for one in asked):
        return None
    words = [word for one in asked for word in _WORD.findall(one)]
    if not all(one in _PLAIN.filters for one, _ in words if one):
        return None
    return {name for _, name in words if name}


def _is_nested(words: Iterable[str]) -> bool:
    """Say whether every `if` ends, and only that comes after its `else`; none is very deep."""
    opened: list[str] = []
    for word in filter(None, words):
        if word != "if" and (not opened or (opened.pop() == "else" and word != "endif")):
            return False
        if word != "endif":
            opened.append(word)
        if len(opened) > _DEEPEST:
            return False
    return not opened


def _loaded(tree: nodes.Template) -> set[str]:
    """Return the names in a template that sets none and uses only filters and tests that exist.

    Of any other, nothing: the compiler has to tell, which takes longer than all else in a rule.
    """
    names = [*tree.find_all(nodes.Name)]
    plain = all(name.ctx == "load" for name in names)
    plain &= all(one.name in _PLAIN.filters for one in tree.find_all(nodes.Filter))
    plain &= all(one.name in _PLAIN.tests for one in tree.find_all(nodes.Test))
    return {name.name for name in names} if plain else set()


def template_error(error: Exception, place: str) -> errors.TemplateError:
    """Say where and why a template failed; `place` is `file` or `file:line`."""
    file, _, tail = place.rpartition(":")
    file, line = (file, int(tail)) if file and tail.isdecimal() else (place, 0)
    if isinstance(error, TemplateSyntaxError):
        line = line or error.lineno
    reason = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
    if isinstance(error, RecursionError):
        reason = "it is nested too deeply, or too long"
    return errors.TemplateError([errors.Mistake(file, line, f"the template raised: {reason}")])
