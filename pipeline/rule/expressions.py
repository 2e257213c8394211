"""Regular expressions as rules may write them: RE2, so that none can stall the process."""

from __future__ import annotations

import re
from typing import Any

import re2
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern

_QUIET = re2.Options()
_QUIET.log_errors = False

_LETTERS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}


def compile_expression(expression: str) -> Any:
    """Compile an expression for RE2, which says nothing on standard error.

    Raises:
        ValueError: RE2 cannot run it, with the reason.

    """
    try:
        return re2.compile(expression, _QUIET)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace")
        message = f"{reason} (RE2 has neither look-around nor back-references)"
        raise ValueError(message) from error


class _Expressions(RE2RegexEngine):
    """pySigma's RE2 engine, without RE2's own lines on standard error and with readable reasons."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        letters = "".join(letter for flag, letter in _LETTERS.items() if flags & flag)
        compiled: RegexPattern = compile_expression(
            f"(?{letters}){pattern}" if letters else pattern
        )
        return compiled

    @property
    def error(self) -> type[Exception]:
        return ValueError


POLICY = SigmaPolicy(regex_engine=_Expressions())
