"""What comes along: where rules and templates lie, and which version rules have. Loads little."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigurationError, Mistake
from pipeline.versions import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = "VERSION"
"""The file of a folder of rules that says their version."""
PACKAGE = Path(__file__).resolve().parents[1]


def data_folder(name: str) -> Path:
    """Return `rules` or `templates`: inside the installed package, else beside it in a checkout."""
    installed = PACKAGE / "_data" / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def rules_version(folders: Sequence[str] = ()) -> str:
    """Return the version of folders of rules, "" if none says one; without folders, the shipped.

    Raises:
        ConfigurationError: what a VERSION file says is no semantic version.

    """
    files = [Path(folder) / FILE for folder in folders or [str(data_folder("rules"))]]
    told = {file: file.read_text("utf-8", "replace").strip() for file in files if file.is_file()}
    wrong = [
        Mistake(str(file), 1, f"{text[:40]!r} is no version; write it like 1.4.0")
        for file, text in told.items()
        if not VERSION.fullmatch(text)
    ]
    if wrong:
        raise ConfigurationError(wrong)
    return ", ".join(told.values())
