"""Who owns the tree of a service, where no file is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.facts import Fact
from pipeline.investigators.source_code import owning
from tests.investigators.support import Project, case, incident

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = "services:\n  backend: {path: back/}\n  auth: {}\n"
FRAME = Fact("frame", "the frame", "back/plan.py:1")


def found(
    root: Path, owners: str, *, service: str = "backend", known: tuple[Fact, ...] = ()
) -> list[Fact]:
    """Return what CODEOWNERS shows of an incident of a service."""
    project = Project(root)
    project.write({"back/plan.py": "", "CODEOWNERS": owners})
    asked = replace(case(incident(service=service)), facts=known)
    return [*owning.facts(asked, project.code(CATALOG))]


def test_the_owners_of_the_folder_are_told(tmp_path: Path) -> None:
    """By the last pattern that is for all of it."""
    (fact,) = found(tmp_path, "* @all\n/back/ @a @b\n/back/db/ @c\n*.py @d\n/auth/ @e\n")
    assert (fact.kind, fact.ref) == ("tree_owners", "CODEOWNERS:2")
    assert fact.text == "@a, @b own back/, by the pattern /back/ of CODEOWNERS"
    assert (fact.data["folder"], fact.data["owners"]) == ("back", ["@a", "@b"])
    assert "@all owns back/" in found(tmp_path, "* @all\n")[0].text


@pytest.mark.parametrize("owners", ["", "/auth/ @a\n", "* @a\n/back/\n"])
def test_a_folder_may_be_nobodys(tmp_path: Path, owners: str) -> None:
    """No pattern is for it, or one without owners."""
    assert found(tmp_path, owners) == []


def test_what_is_nearer_counts(tmp_path: Path) -> None:
    """A file that is known; and a service without a tree has no folder."""
    assert found(tmp_path, "* @all\n", known=(FRAME,)) == []
    assert found(tmp_path, "* @all\n", service="auth") == []
    assert found(tmp_path, "* @all\n", service="other") == []
