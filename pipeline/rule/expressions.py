"""Regular expressions as rules may write them: RE2, so that none can stall the process."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import re2
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexEngine, RegexPattern
from sigma.types import SpecialChars

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_QUIET = re2.Options()
_QUIET.log_errors = False

_WILDCARDS: Mapping[object, str] = {
    SpecialChars.WILDCARD_MULTI: ".*",
    SpecialChars.WILDCARD_SINGLE: ".",
}
_LETTERS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}


@lru_cache(maxsize=8192)
def compile_expression(expression: str) -> Any:
    """Compile an expression for RE2, once, which says nothing on standard error.

    Raises:
        ValueError: RE2 cannot run it, with the reason.

    """
    try:  # what re2.compile would make, which takes a fifth of the time for looking at the options
        return re2._Regexp(expression, _QUIET)  # noqa: SLF001 - there is no other way to it
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace")
        message = f"{reason} (RE2 has neither look-around nor back-references)"
        raise ValueError(message) from error


class _Expressions(RE2RegexEngine):
    """pySigma's RE2 engine, without RE2's own lines on standard error and with readable reasons."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        if flags:
            letters = "".join(letter for flag, letter in _LETTERS.items() if flags & flag)
            pattern = f"(?{letters}){pattern}"
        compiled: RegexPattern = compile_expression(pattern)
        return compiled

    @property
    def error(self) -> type[Exception]:
        return ValueError


@dataclass
class Policy(SigmaPolicy):
    """How values are read: expressions for RE2, and what the settings have for placeholders."""

    regex_engine: RegexEngine = field(default_factory=_Expressions)
    placeholders: Mapping[str, Sequence[str]] = field(default_factory=dict)


def wildcard_expression(parts: Iterable[object]) -> str:
    """Return the expression that means what the parts of a `SigmaString` mean: text, `*`, `?`."""
    return "".join(_WILDCARDS.get(part) or str(re2.escape(str(part))) for part in parts)
