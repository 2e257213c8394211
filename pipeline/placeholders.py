"""What the placeholders of rules stand for (`|expand` in Sigma), as a file of the user's says.

admins: [root, adm_*]     # any of these texts; wildcards as in a rule
host: db1.example.com
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigurationError
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.errors import Mistake
    from pipeline.yamltext import Document, Path


def load_placeholders(text: str, name: str) -> dict[str, tuple[str, ...]]:
    """Return, by name, the texts that a placeholder stands for; `name` is the file's.

    Raises:
        ConfigurationError: every mistake in the file, with its line.

    """
    found: dict[str, tuple[str, ...]] = {}
    mistakes: list[Mistake] = []
    for document in parse(text, name):
        if isinstance(document.value, dict):
            mistakes += _mistakes(document, found)
            found |= {key: _texts(value) for key, value in document.value.items()}
        else:
            mistakes.append(document.mistake("a mapping is wanted: `name: text`, a line each"))
    if mistakes:
        raise ConfigurationError(sorted(mistakes))
    return found


def _texts(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _mistakes(document: Document, known: dict[str, tuple[str, ...]]) -> Iterator[Mistake]:
    for key, value in document.value.items():
        path = (str(key),)
        if reason := _wrong_name(key):
            yield document.mistake(f"the name {key!r:.80} {reason}", path)
        if key in known:
            yield document.mistake(f"the name {key!r:.80} is filled above, too", path)
        if value == []:
            yield document.mistake(f"{key!s:.80} stands for nothing; give it a text", path)
        for index, item in enumerate(_texts(value)):
            place: Path = (*path, index) if isinstance(value, list) else path
            if reason := _wrong_text(item):
                yield document.mistake(f"{key!s:.80}: {item!r:.80} {reason}", place)


def _wrong_name(name: object) -> str:
    """Return why no rule can name this, "" if one can."""
    if not isinstance(name, str):
        return "is no text; put it in quotes"
    if not name or "%" in name or "\\" in name:
        return "must be one or more characters, without percent signs and backslashes"
    return ""


def _wrong_text(value: object) -> str:
    """Return why nothing can stand for this, "" if it can."""
    if not isinstance(value, str):
        return "is no text; put it in quotes"
    if not value:
        return "is empty and would be found in everything"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "holds half a character (a lone surrogate)"
    return ""
