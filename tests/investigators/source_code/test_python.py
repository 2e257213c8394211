"""What a Python file says, without importing it."""

from __future__ import annotations

import ast

from pipeline.investigators.source_code.python import (
    Import,
    called,
    dotted,
    outline,
    parsed,
    strings,
)


def test_a_module_defines_what_is_bound_at_its_top() -> None:
    """In whatever statement; what a function binds is its own."""
    found = outline(
        b"import os.path\nfrom .a import b as c\nx: int = 1\ny, (z, *w) = q\n"
        b"def f():\n    inner = 1\nclass K:\n    attr = 1\n"
        b"if x:\n    g = 1\nelse:\n    def h(): ...\n"
        b"try:\n    i = 1\nexcept E:\n    j = 1\nelse:\n    k = 1\nfinally:\n    m = 1\n"
        b"with o as p:\n    n = 1\nfor r in s:\n    t = 1\nmatch x:\n    case 1:\n        u = 1\n"
    )
    assert found is not None
    wanted = "os c x y z w f K g h i j k m n t u"
    assert set(wanted.split()) <= set(found.definitions)
    assert not {"inner", "attr", "b", "E", "path"} & set(found.definitions)
    assert (found.definitions["f"], found.definitions["K"], found.definitions["c"]) == (5, 7, 2)
    assert not found.is_open


def test_imports_are_told_apart_by_when_they_happen() -> None:
    """At start, in a function, for type checkers only; and whether a failure is caught."""
    found = outline(
        b"import a.b as c, d\n"
        b"from ..e import f, g as h\n"
        b"def late():\n    import i\n"
        b"if TYPE_CHECKING:\n    import j\nelse:\n    import k\n"
        b"if typing.TYPE_CHECKING:\n    import l\n"
        b"try:\n    import m\nexcept ImportError:\n    import n\n"
        b"class K:\n    import o\n"
        b"from p import *\n"
        b"try:\n    import q\nfinally:\n    pass\n"
    )
    assert found is not None
    told = {
        item.module + item.name: (item.line, item.at_start, item.guarded) for item in found.imports
    }
    assert found.imports[0] == Import("a.b", 0, "", "c", 1)
    assert found.imports[3] == Import("e", 2, "g", "h", 2)
    assert told == {
        "a.b": (1, True, False),
        "d": (1, True, False),
        "ef": (2, True, False),
        "eg": (2, True, False),
        "i": (4, False, False),
        "j": (6, False, False),
        "k": (8, True, False),
        "l": (10, False, False),
        "m": (12, True, True),
        "n": (14, True, False),
        "o": (16, True, False),
        "p*": (17, True, False),
        "q": (19, True, False),
    }
    assert found.is_open


def test_a_module_with_getattr_may_have_any_name() -> None:
    """So that nothing can be said of what it lacks."""
    found = outline(b"def __getattr__(name): ...")
    assert found is not None
    assert found.is_open


def test_a_file_that_does_not_parse_says_nothing() -> None:
    """Whatever keeps it from parsing; warnings about it are nobody's concern."""
    for text in (b"def (", b"\xff\xfe", b"x = '\0'", b"(" * 10_000, b"-" * 100_000 + b"1"):
        assert parsed(text) is None
        assert outline(text) is None
    assert parsed(b"x = '\\d'") is not None


def test_branches_without_end_are_no_outline() -> None:
    """A file with thousands of them, one in the other, was made to be a burden."""
    text = "if a:\n    pass\n" + "elif b:\n    pass\n" * 5_000
    assert outline(text.encode()) is None


def test_texts_are_found_with_their_lines_and_documentation_left_out() -> None:
    """What a docstring mentions, no code expects."""
    tree = parsed(b'"""About users."""\ndef f():\n    "users"\n    return ["a", f"b{c}", b"d"]\n')
    assert tree is not None
    assert list(strings(tree)) == [(4, "a"), (4, "b")]


def test_names_are_read_from_expressions() -> None:
    """Of anything but a name there is none."""
    call = ast.parse("op.create_table('x')", mode="eval").body
    assert isinstance(call, ast.Call)
    assert called(call) == "op.create_table"
    assert dotted(ast.parse("f().x", mode="eval").body) == ""
