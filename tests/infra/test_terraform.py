"""Where Terraform is missing nothing is said to be well that was not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.terraform import terraform

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("version", ["", "1.10.5"])
def test_without_terraform_a_laptop_skips_and_ci_fails(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is where there is one that is too old."""
    if version:
        command = tmp_path / "terraform"
        command.write_text(f"#!/bin/sh\necho Terraform v{version}\n", encoding="utf-8")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no terraform 1\.11"), terraform():
        pass
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"no terraform 1\.11"), terraform():
        pass
