"""The width of roles, and why each is granted."""

from __future__ import annotations

from tests.infra.hcl import blocks
from tests.infra.roles import GRANTED, ON_PROJECTS, granted
from tests.infra.terraform import MODULE


def test_no_role_is_wider_than_it_was_meant() -> None:
    """What the module grants is in the table, and nothing beside it."""
    assert granted(MODULE) == GRANTED


def test_roles_on_projects_are_those_that_cannot_be_narrower() -> None:
    """Whatever can be granted on one resource is."""
    wide = {role for address, role in GRANTED.items() if address.startswith("google_project_iam")}
    assert wide == ON_PROJECTS
    database = next(one for one in blocks(MODULE) if one.address.endswith("_member.database"))
    assert "resource.name ==" in database.arguments["condition"]


def test_each_role_is_justified() -> None:
    """A comment stands above each grant, or above the one before it that it goes on from."""
    for path in (MODULE / "accounts.tf", MODULE / "sink.tf", MODULE / "pubsub.tf"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if line.startswith("resource") and "_iam_member" in line:
                assert lines[number - 1].startswith("# "), f"{path.name}:{number + 1}"


def test_nobody_may_do_more_than_read_and_write_messages() -> None:
    """No role of ours administers, edits or owns anything."""
    assert not [role for role in GRANTED.values() if role.endswith(("admin", "editor", "owner"))]
