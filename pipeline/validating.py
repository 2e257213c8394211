"""What is wrong with a document by the model of its kind of file: located, and in plain words.

pydantic finds it; whoever wrote the file knows neither its phrases nor the names of our classes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pipeline.errors import ConfigurationError
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from pipeline.errors import Mistake
    from pipeline.yamltext import Document, Path

_MAPPING = "wanted is a mapping, `key: value` on a line each"
_LIST = "wanted is a list, `- value` on a line each"
_WANTED: Mapping[str, str] = {
    "bool_parsing": "wanted is true or false",
    "bool_type": "wanted is true or false",
    "dict_type": _MAPPING,
    "literal_error": "wanted is {expected}",
    "model_type": _MAPPING,
    "string_too_short": "wanted is a text that is not empty",
    "string_type": "wanted is a text",
    "string_unicode": "wanted is a text of whole characters, without lone surrogates",
    "too_short": "wanted is at least one of them",
    "tuple_type": _LIST,
}
"""What to write instead, by pydantic's name of the mistake."""

_SHOWN = 80
"""Characters of what the user wrote that a message shows."""


def read_single(text: str, name: str, model: type[BaseModel]) -> Document | None:
    """Read a file of one document, a mapping by its model; None if it says nothing.

    Raises:
        ConfigurationError: it is no YAML, no mapping, or holds a second document.

    """
    documents = parse(text, name)
    if not documents:
        return None
    first = documents[0]
    if not isinstance(first.value, dict):
        # Not what it is instead: a file of settings that is written in another way has secrets.
        raise ConfigurationError([first.mistake(_mapping_of(model))])
    if len(documents) > 1:
        message = "a second document begins here, which nobody reads; keep one, without `---`"
        raise ConfigurationError([documents[1].mistake(message)])
    return first


def validation_mistakes(
    error: ValidationError, document: Document, model: type[BaseModel], prefix: Path = ()
) -> list[Mistake]:
    """Turn what pydantic found wrong with the part of a document at `prefix` into mistakes."""
    part = document.value
    for step in prefix:
        part = part[step]
    found = error.errors(include_url=False)
    return [document.mistake(*_told(item, part, model, prefix)) for item in found]


def _told(item: ErrorDetails, part: Any, model: type[BaseModel], prefix: Path) -> tuple[str, Path]:
    """Return the message about one thing that is wrong, and where it stands."""
    kind, value = item["type"], item["input"]
    path = tuple(_path(item["loc"], part, missing=kind == "missing"))
    where = ".".join(f"{step!s:.{_SHOWN}}" for step in path)
    place = (*prefix, *path)
    if kind == "missing":
        return f"the key {where!r} is missing", place
    if kind == "extra_forbidden":
        known = ", ".join(_keys(model, path[:-1]))
        return f"unknown key {where!r}; known here: {known}", place
    if kind == "invalid_key" or item["loc"][-1:] == ("[key]",):
        return f"the key {value!r:.{_SHOWN}} is no text; put it in quotes", place
    if not path:
        return f"{_mapping_of(model)}, {_not(value)}", place
    return f"{where}: {_sentence(item)}", place


def _path(location: Path, value: Any, *, missing: bool) -> Iterator[str | int]:
    """Yield the steps of a location that the document knows; pydantic names types in it, too."""
    for step in location:
        if isinstance(value, dict) and step in value:
            value = value[step]
            yield str(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
            yield step
    if missing:
        yield location[-1]


def _mapping_of(model: type[BaseModel]) -> str:
    return f"wanted is a mapping with keys of {', '.join(_keys(model, ()))}"


def _keys(annotation: Any, path: Path) -> tuple[str, ...]:
    """Return the keys that a model has in a place of its document."""
    if fields := getattr(annotation, "model_fields", None):
        return _keys(fields[path[0]].annotation, path[1:]) if path else tuple(fields)
    inner = get_args(annotation)
    steps = path[1:] if get_origin(annotation) in (dict, tuple) else path
    return next((keys for one in inner if (keys := _keys(one, steps))), ())


def _sentence(item: ErrorDetails) -> str:
    """Say what is wanted, and what is there."""
    wanted = _WANTED.get(item["type"])
    if wanted is None:  # a check of our own
        return item["msg"].removeprefix("Value error, ")
    told = wanted.format(**item.get("ctx", {}))
    scalar = isinstance(item["input"], bool | int | float)
    quoted = "; put it in quotes" if item["type"] == "string_type" and scalar else ""
    return f"{told}, {_not(item['input'])}{quoted}"


def _not(value: Any) -> str:
    """Say what is there instead."""
    if value is None:
        return "and there is nothing"
    if isinstance(value, set):  # `!!set`, in no order
        value = sorted(map(str, value))
    return re.sub(r"\s+", " ", f"not {value!r:.{_SHOWN}}")
