"""The Jinja environment in which titles, answers and reports are rendered.

Templates come from rules and from `templates/`; values come from logs, so nothing in a value is
ever read as a template, and the sandbox keeps a template away from Python's internals.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline import errors, markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    if "{" not in template:  # plain text, which needs no compiler
        return set()
    try:
        tree = _PLAIN.parse(template)
        return _loaded(tree) or meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        raise template_error(error, place) from error


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
    return errors.TemplateError([errors.Mistake(file, line, f"the template raised: {reason}")])
