"""The sandboxed Jinja environment."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import TemplateError as JinjaError
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline import markdown
from pipeline.errors import TemplateError
from pipeline.templating import render_markdown, render_text, used_names


def test_plain_text_is_rendered_as_it_is() -> None:
    """Titles are no HTML: nothing is escaped in them."""
    assert render_text("{{ a | join(', ') }}", {"a": ["<x>", "&"]}, "t") == "<x>, &"


def test_markdown_escapes_every_expression_but_what_is_safe() -> None:
    """A value cannot act on the issue; a filter that returns Safe Markdown can."""
    shown = render_markdown("{{ a }} {{ a | code }}", {"a": "*b*"}, "t", (("code", markdown.code),))
    assert shown == r"\*b\* `*b*`"


def test_a_value_is_never_read_as_a_template() -> None:
    """Braces in log text stay braces."""
    assert render_text("{{ a }}", {"a": "{{ 7 * 7 }}"}, "t") == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    ("template", "place", "message"),
    [
        ("{{ a", "t.yml:7", "t.yml:7: the template raised: unexpected end"),
        ("x\n{{ a", "t.j2", "t.j2:2: the template raised: unexpected end"),
        ("{{ nobody }}", "t.j2", "t.j2: the template raised: 'nobody' is undefined"),
        ("{{ 1 / 0 }}", "t.yml:3", "t.yml:3: the template raised: ZeroDivisionError"),
        ("{{ a.__class__.__mro__ }}", "t.j2", "t.j2: the template raised: access to attribute"),
    ],
)
def test_a_template_that_fails_is_named(template: str, place: str, message: str) -> None:
    """Whatever a template raises is its author's to mend, and says where."""
    with pytest.raises(TemplateError) as caught:
        render_text(template, {"a": 1}, place)
    assert str(caught.value).startswith(message)
    with pytest.raises(TemplateError) as caught:
        render_markdown(template, {"a": 1}, place)
    assert str(caught.value).startswith(message)


def test_used_names_are_those_a_template_asks_for() -> None:
    """Names that a template sets itself are not asked for."""
    assert used_names("{% set b = 1 %}{{ a }}{{ b }}", "t") == {"a"}
    assert used_names("{{ a | upper }}{% if b is defined %}{{ c }}{% endif %}", "t") == set("abc")
    for wrong in ("{% if %}", "{{ a | nothing }}", "{{ a is nothing }}"):
        with pytest.raises(TemplateError, match=r"^t:4: "):
            used_names(wrong, "t:4")


@pytest.mark.parametrize(
    "template",
    [
        "{% if a %}" * 1_000 + "x" + "{% endif %}" * 1_000,
        "{{ " + "a or " * 3_000 + "a }}",
        "{{ a" + " | upper" * 3_000 + " }}",
        "{{ a" + " ~ (b" * 3_000 + ")" * 3_000 + " }}",
    ],
)
def test_what_jinja_has_no_room_for_is_no_template(template: str) -> None:
    """It would fail when it is rendered: its author hears of it before."""
    for ask in (used_names, lambda text, place: render_text(text, {"a": 1, "b": 2}, place)):
        with pytest.raises(TemplateError, match=r"^t:4: .*: it is nested too deeply"):
            ask(template, "t:4")


TAGS = (
    *(
        "{{ a }}",
        "{{ b | upper }}",
        "{{ a or c }}",
        "{{ a | join(', ') }}",
        "{{ a | truncate(8) }}",
    ),
    *("{% if a %}", "{% if d is defined %}", "{% if '@' in by %}", '{% if a == "x" and e %}'),
    *("{% elif f %}", "{% else %}", "{% endif %}", "text", "\n", "}}", "{", "{# a #}", "{{- a }}"),
    *("{{ not a }}", "{{ or }}", "{{ order or android }}", "{{ True }}", "{{ NONE }}", "{{ in }}"),
    *("{{ a is defined in b }}", "{{ a == b in c }}", "{{ a | nothing }}", "{{ a | int(010) }}"),
    *("{{ a | d('{}') }}", "{{ 'it' | trim }}", "{{ a.b }}", "{{ 1a }}", "{% set b = 1 %}"),
)


def read_by_jinja(template: str) -> set[str] | None:
    """Return the variables that Jinja's own parser and compiler find, None where they refuse it."""
    environment = ImmutableSandboxedEnvironment(autoescape=False)
    with suppress(JinjaError):
        environment.compile(template)
        return meta.find_undeclared_variables(environment.parse(template))
    return None


@given(st.lists(st.sampled_from(TAGS), max_size=7).map("".join))
@example("{% if a %}x{% elif b %}y{% else %}z{% endif %}{% if c %}{% endif %}")
@example("{% if a %}{% if b %}x{% else %}y{% endif %}{% else %}{% endif %}")
@example("{% if a %}{% else %}{% else %}{% endif %}")
@example("{% if a %}{% else %}{% elif b %}{% endif %}")
@example("{% else %}")
@example("{% if a %}")
def test_names_are_those_that_jinja_finds(template: str) -> None:
    """Most templates are told without its parser; whatever it refuses is refused."""
    try:
        found: set[str] | None = used_names(template, "t")
    except TemplateError:
        found = None
    assert found == read_by_jinja(template)
