"""The module's README has a table of its variables and outputs, made from what they say."""

from __future__ import annotations

import os
import re

from tests.infra.hcl import blocks, plain
from tests.infra.terraform import EXAMPLES, MODULE

README = MODULE / "README.md"
LONGEST = 60
"""Characters of a type or a default that a table shows."""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    short = " ".join(text.split())
    return f"`{short}`" if short and len(short) <= LONGEST else ("see there" if short else "")


def _type(text: str) -> str:
    return re.sub(r"\(\{.*", "", " ".join(text.split()))


def _variables() -> str:
    rows = ["| variable | type | default | what |", "|---|---|---|---|"]
    for block in blocks(MODULE, "variable"):
        said = block.arguments
        default = _code(said["default"]).replace("|", "\\|") if "default" in said else "needed"
        what = _cell(plain(said["description"]))
        rows.append(f"| `{block.labels[0]}` | `{_type(said['type'])}` | {default} | {what} |")
    return "\n".join(rows)


def _outputs() -> str:
    rows = (
        f"| `{block.labels[0]}` | {_cell(plain(block.arguments['description']))} |"
        for block in blocks(MODULE, "output")
    )
    return "\n".join(("| output | what |", "|---|---|", *rows))


def test_tables_are_what_the_module_says() -> None:
    """`UPDATE_SNAPSHOTS=1` writes them anew."""
    text = README.read_text(encoding="utf-8")
    for name, table in (("variables", _variables()), ("outputs", _outputs())):
        start, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        old, _, after = rest.partition(end)
        if os.environ.get("UPDATE_SNAPSHOTS"):
            text = f"{before}{start}{table}{end}{after}"
            README.write_text(text, encoding="utf-8")
            continue
        assert old == table, f"the table of {name} is out of date: UPDATE_SNAPSHOTS=1 mends it"


def test_every_variable_is_told_and_checked() -> None:
    """Each has a description and a type, and all but flags a validation."""
    found = [*blocks(MODULE, "variable")]
    assert len(found) > 20
    for block in found:
        assert plain(block.arguments["description"]).endswith((".", "`)."))
        assert "type" in block.arguments
        is_checked = "validation {" in block.text
        assert is_checked or block.arguments["type"] == "bool", block.labels


def test_every_output_is_told() -> None:
    """Each has a description, in the examples too."""
    for folder in (MODULE, *(MODULE / "examples" / name for name in EXAMPLES)):
        for kind in ("output", "variable"):
            assert all("description" in one.arguments for one in blocks(folder, kind))


def test_examples_name_variables_of_the_module() -> None:
    """What the examples say is what the README lists."""
    known = {block.labels[0] for block in blocks(MODULE, "variable")}
    for name in EXAMPLES:
        (used,) = blocks(MODULE / "examples" / name, "module")
        assert set(used.arguments) - {"source", "depends_on"} <= known
