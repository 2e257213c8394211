"""What tests of the deployment share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra import terraform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def tf() -> Iterator[terraform.Terraform]:
    """Lend Terraform, with providers that have the true schema."""
    with terraform.terraform() as found:
        yield found


@pytest.fixture(scope="session")
def module(tf: terraform.Terraform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the module with its examples, all ready to be planned; nobody may change it."""
    copied = terraform.copy(tmp_path_factory.mktemp("module"))
    for folder in (copied, *(copied / "examples" / name for name in terraform.EXAMPLES)):
        outcome = tf(folder, "init", "-backend=false", "-input=false")
        assert outcome.status == 0, outcome.text
    return copied
