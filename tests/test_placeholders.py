"""The file that fills placeholders: what it says, and every mistake with its line."""

import pytest

from pipeline.errors import ConfigurationError
from pipeline.placeholders import load_placeholders

FILLED = """\
# who may do this
admins: [root, "adm_*"]
host: db1.example.com
"port": '5432'
"""


def mistakes(text: str) -> list[str]:
    """Return what is wrong with a file."""
    with pytest.raises(ConfigurationError) as caught:
        load_placeholders(text, "p.yml")
    return str(caught.value).splitlines()


def test_a_placeholder_stands_for_a_text_or_for_any_of_some() -> None:
    """Texts stay as they are written, wildcards too."""
    assert load_placeholders(FILLED, "p.yml") == {
        "admins": ("root", "adm_*"),
        "host": ("db1.example.com",),
        "port": ("5432",),
    }


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}", "---\n---\n"])
def test_a_file_may_fill_nothing(text: str) -> None:
    """A rule that needs something says so itself."""
    assert load_placeholders(text, "p.yml") == {}


def test_documents_of_one_file_add_up() -> None:
    """As they do in rule files."""
    assert load_placeholders("a: x\n---\nb: y\n", "p.yml") == {"a": ("x",), "b": ("y",)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a, b]", "p.yml:1: a mapping is wanted"),
        ("\njust text", "p.yml:2: a mapping is wanted"),
        ("a: x\nb: [", "p.yml:2: not valid YAML"),
        ("a: x\na: y", "p.yml:2: the key 'a' is written twice"),
        ("a: x\n---\na: y", "p.yml:3: the name 'a' is filled above, too"),
        ("a: x\n'%b%': y", "p.yml:2: the name '%b%' must be one or more characters, without"),
        (r"a\b: y", r"p.yml:1: the name 'a\\b' must be one or more characters, without"),
        ("'': y", "p.yml:1: the name '' must be one or more characters"),
        ("1: y", "p.yml:1: the name 1 is no text; put it in quotes"),
        ("a: x\nport: 5432", "p.yml:2: port: 5432 is no text; put it in quotes"),
        ("a:", "p.yml:1: a: None is no text"),
        ("a: {b: c}", "p.yml:1: a: {'b': 'c'} is no text"),
        ("a:\n- x\n- true", "p.yml:3: a: True is no text"),
        ("a:\n- x\n- []", "p.yml:3: a: [] is no text"),
        ("a: []", "p.yml:1: a stands for nothing; give it a text"),
        ("a: ''", "p.yml:1: a: '' is empty and would be found in everything"),
        (r'a: "\ud800"', r"p.yml:1: a: '\ud800' holds half a character"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, expected: str) -> None:
    """It says what is wrong and, where that helps, what to write."""
    (found,) = mistakes(text)
    assert found.startswith(expected)


def test_every_mistake_is_named_at_once() -> None:
    """In order of line."""
    assert [line[:8] for line in mistakes("a: 1\nb: ['', 2]\n3: c\n")] == [
        "p.yml:1:",
        "p.yml:2:",
        "p.yml:2:",
        "p.yml:3:",
    ]
