"""The Terraform module, by Terraform itself and the providers' true schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from packaging.specifiers import SpecifierSet

from tests.infra.hcl import blocks
from tests.infra.schema import folder_of, read, version
from tests.infra.terraform import EXAMPLES, MODULE, PROVIDERS, used

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.terraform import Terraform

_ASKED = re.compile(r'source += "hashicorp/(\w+)"\n +version += "([^"]+)"')
FOLDERS = (".", *(f"examples/{name}" for name in EXAMPLES))


def test_every_file_is_formatted(tf: Terraform) -> None:
    """`terraform fmt` would change nothing."""
    outcome = tf(MODULE, "fmt", "-check", "-diff", "-recursive")
    assert outcome.status == 0, outcome.text


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_types_and_values_are_the_providers(tf: Terraform, module: Path, folder: str) -> None:
    """The module and each example use arguments that there are, as they are meant."""
    outcome = tf(module / folder, "validate")
    assert outcome.status == 0, outcome.text
    assert "Success!" in outcome.text


@pytest.mark.usefixtures("tf")
def test_the_schemas_are_those_of_the_providers_that_are_asked_for() -> None:
    """The module and each example let in the very version that they are checked by."""
    asked = {
        (name, versions)
        for path in MODULE.rglob("*.tf")
        for name, versions in _ASKED.findall(path.read_text(encoding="utf-8"))
    }
    assert ("google", "~> 8.0") in asked
    known = {name: version(name) for name in PROVIDERS}
    for name, versions in asked:
        # What Terraform writes as `~>` is the `~=` of Python's packages.
        assert SpecifierSet(versions.replace("~>", "~=")).contains(known[name]), name


@pytest.mark.parametrize("name", sorted(path.name for path in MODULE.glob("tests/*.tftest.hcl")))
def test_what_is_planned_is_what_is_meant(tf: Terraform, module: Path, name: str) -> None:
    """Every run of a test file passes."""
    outcome = tf(module, "test", f"-filter=tests/{name}")
    assert outcome.status == 0, outcome.text
    runs = re.findall(r'^run "', (MODULE / "tests" / name).read_text("utf-8"), re.MULTILINE)
    assert f"{len(runs)} passed, 0 failed" in outcome.text


def test_examples_are_all_tested() -> None:
    """There is no example but those that are looked at here."""
    assert sorted(path.name for path in (MODULE / "examples").iterdir()) == sorted(EXAMPLES)


@pytest.mark.parametrize(
    ("argument", "least"), [("labels", 8), ("user_labels", 1), ("deletion_protection", 4)]
)
@pytest.mark.usefixtures("tf")
def test_whatever_can_have_it_has_it(argument: str, least: int) -> None:
    """Labels, and protection from being deleted, by what the provider knows of each resource."""
    kinds = used("google", MODULE.glob("*.tf"))
    schemas = read("google", kinds)
    able = {
        name
        for kind, name in kinds
        if argument in schemas[folder_of("google", kind, name)]["attributes"] and kind == "resource"
    }
    found = [one for one in blocks(MODULE, "resource") if one.labels[0] in able]
    assert len(found) >= least
    assert [one.address for one in found if argument not in one.arguments] == []
