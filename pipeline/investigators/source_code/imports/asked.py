"""What an incident says of an import, or of a name, that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.incident import Symptom

LONGEST = 300
"""Letters of a module's name, or of a path; what is longer is none."""

_MODULE = re2.compile(r"^[^\W\d]\w*(?:\.[^\W\d]\w*)*$")
_NAME = re2.compile(r"^[^\W\d]\w*$")
_IMPORTED = re2.compile(
    r"""cannot import name ['"](\w+)['"] from (?:partially initialized module )?['"]([\w.]+)['"]"""
    r"""(?: \(most likely due to a circular import\))?(?: \(([^()\n]+)\))?"""
)
_ATTRIBUTE = re2.compile(
    r"""partially initialized module ['"]([\w.]+)['"] has no attribute ['"](\w+)['"]"""
)
_FRAME = re2.compile(r"""\bFile "([^"\n]+\.py)", line (\d+)""")
_CIRCULAR = "due to a circular import"


@dataclass(frozen=True, slots=True)
class Asked:
    """An import that failed: of a module, or of a name from it.

    `place` is the module's file in the container; `circular` whether Python says that modules
    import each other, `no_package` that what has the first part of the module's name is a file.
    Without a `module` it is a name that is not defined where it is used.
    """

    module: str
    name: str
    place: str = ""
    circular: bool = False
    no_package: bool = False
    frames: tuple[tuple[str, int], ...] = ()


def asked(symptom: Symptom) -> Asked | None:
    """Return what a symptom says of an import or a name; None if it is about something else."""
    module, name = (_word(symptom, key) for key in ("module", "name"))
    text = "\n".join(sample.text for sample in symptom.samples)
    about_import = bool(_MODULE.match(module))
    if about_import:
        circular = _CIRCULAR in text or symptom.rule == "circular_import"
        told, place = _told(text, module, name)
        alone = f"'{module.partition('.')[0]}' is not a package" in text
        return Asked(module, name or told, place, circular, alone, tuple(_frames(text)))
    if not module and _NAME.match(name) and _is_undefined(symptom):
        return Asked("", name, frames=tuple(_frames(text)))
    return None


def _is_undefined(symptom: Symptom) -> bool:
    return symptom.whys == "name_undefined" or symptom.rule == "name_undefined"


def _told(text: str, module: str, name: str) -> tuple[str, str]:
    """Return the name and the file that a message tells of a module, "" if it does not."""
    for match in _IMPORTED.finditer(text):
        if match[2] == module and name in {"", match[1]}:
            return match[1], match[3] or ""
    for match in _ATTRIBUTE.finditer(text):
        if match[1] == module:
            return match[2], ""
    return "", ""


def _frames(text: str) -> Iterator[tuple[str, int]]:
    """Yield file and line of each frame of a Python traceback, the innermost last."""
    for match in _FRAME.finditer(text):
        if len(match[1]) <= LONGEST and len(match[2]) < len("10000000"):
            yield match[1], int(match[2])


def _word(symptom: Symptom, key: str) -> str:
    value = symptom.fields.get(key, "")
    return value if isinstance(value, str) and len(value) <= LONGEST else ""
