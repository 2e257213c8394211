"""A template as it is shown: its text, its id, and what its parameters are."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from pipeline import fingerprint
from pipeline.mining.masking import PARAMETER, normal

__all__ = ["VERSION", "Parameter", "Template", "make_template"]

VERSION: Final = "t1"

_KIND: Final = re.compile(r"[^\w<]*<(\w+)>[^\w>]*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A place in a template: what kind of value stands there, and one that did."""

    kind: str
    example: str


@dataclass(frozen=True, slots=True)
class Template:
    """What messages have in common; `<*>` stands for what differs.

    `messages` is how many were learned. `parameters` are those of one example, from left to right;
    there are none if the example was too long to be kept whole.
    """

    id: str
    text: str
    messages: int
    parameters: tuple[Parameter, ...]

    @property
    def explanation(self) -> tuple[str, ...]:
        """Return a line for each parameter: `1: ip, such as 10.0.0.1`."""
        return tuple(
            f"{number}: {item.kind}, such as {item.example}"
            for number, item in enumerate(self.parameters, 1)
        )


def make_template(text: bytes, messages: int, example: bytes) -> Template:
    """Return the template of a text; bytes that are not UTF-8 are shown escaped."""
    digest = hashlib.sha256(VERSION.encode() + b"\n" + text).hexdigest()
    parameters = tuple(_parameter(value) for value in _values(text, example))
    return Template(f"{VERSION}-{digest[:16]}", _shown(text), messages, parameters)


def _parameter(value: bytes) -> Parameter:
    """Return a value with its kind: what `fingerprint.template` makes of it (ip, num, path, ...).

    It is `text` if that knows nothing.
    """
    text = _shown(value)
    kind = _KIND.fullmatch(fingerprint.template(text))
    return Parameter(kind.group(1) if kind else "text", text)


def _values(text: bytes, example: bytes) -> list[bytes]:
    """Return what an example has where a text has parameters; nothing if they do not match.

    Each constant is looked for after the one before it; the last one ends the line.
    """
    line = b" ".join(normal(example).split())
    first, *constants = text.split(PARAMETER)
    values, start = [], len(first)
    for constant in constants[:-1]:
        end = line.find(constant, start)
        values.append(line[start:end])
        start = end + len(constant)
        if end < 0:
            return []
    if not constants or not line.startswith(first) or not line[start:].endswith(constants[-1]):
        return []
    return [*values, line[start : len(line) - len(constants[-1])]]


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
