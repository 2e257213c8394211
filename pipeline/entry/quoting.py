"""What an entry only quotes: requests of strangers, what users wrote, statements that were slow.

Anybody can make a server log any words so; they say nothing of the server.
"""

from __future__ import annotations

from typing import Final

import re2

from pipeline.entry.severity import Severity

_PLAIN = (Severity.DEFAULT, Severity.WARNING)
_LIMIT = 20_000
"""Characters beyond which nobody looks for quotations."""

# Its error log ends in who asked for what; before that stand names of files, chosen by them, too.
_NGINX = re2.compile(
    r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?\[(?:warn|error|crit|alert|emerg)\] \d+#\d+: \*\d+ "
)
_CLIENT = ", client: "
_UPSTREAM = re2.compile(r', upstream: "(\w+://[\w.:\[\]-]*)')

# A pattern of characters in a statement is data, whatever the line is about.
_LIKE = re2.compile(r"(?i:\b(I?)LIKE) E?'[^'\n]*'")

_WHAT = r"prompt|utterance|question|comment|feedback|review|ticket|mail|subject|search term"
_WHO = r"user|customer|client|visitor|caller|guest|sender|reporter"
_SAID = r"wrote|writes|asked|asks|said|says|sent|sends|typed|searched|entered|posted"
QUOTING: Final = (
    r"(?i:"
    rf"\b(?:{_WHAT})s?\b[^:=\n]{{0,60}}?(?:contain(?:ed|s)|[:=] ?|(?P<q1>['\"`]))"
    rf"|\b(?:{_WHO})s?\b[^:'\"`\n]{{0,40}}?\b(?:{_SAID})\b[^'\"`\n]{{0,60}}?(?:: ?|(?P<q2>['\"`]))"
    r"|\b(?:no|not|not a|invalid|malformed)(?: valid)? (?:JSON|XML|YAML|UTF-8)\b"
    r"[^'\"`\n]{0,20}?(?:: ?|(?P<q3>['\"`]))"
    r"|\bslow (?:query|statement|SQL)\b[^:\n]{0,60}?: ?|\bduration: [\d.]+ ms  ?\w+[^:\n]{0,40}: ?"
    r")(?P<quoted>.*)"
)
STEMS: Final = (
    *_WHAT.split("|"),
    *_WHO.split("|"),
    *("json", "xml", "yaml", "utf-8", "slow ", "duration:"),
)
"""Of these one is in all that the expression finds, in any case: most texts have none."""
_QUOTED = re2.compile(QUOTING)
_FAILS = re2.compile(r"(?i:error|exception|fail|traceback|status)")
_IS_NO = " is no"
_NOT_VALID = re2.compile(
    r"(?:'[^\n]*'|\"[^\n]*\"|`[^\n]*`)( is (?:not (?:a|an)|no) (?:valid |\w+$))"
)


def own_words(text: str, severity: Severity) -> str:
    """Return a text without what it quotes; what is left has empty quotes in its place.

    Of nginx' error log the visitor's request, address and file are quoted. Elsewhere only warnings
    and plain lines are looked at, and of those only what they announce: what says that it fails
    keeps all.
    """
    if len(text) > _LIMIT:
        return text
    if "#" in text and _NGINX.match(text):
        return _of_nginx(text)
    if _has_like(text):
        text = _LIKE.sub(r"\1LIKE ''", text)
    return _of_warning(text) if severity in _PLAIN else text


def _of_nginx(text: str) -> str:
    said, client, asked = text.partition(_CLIENT)
    begin, end = said.find('"'), said.rfind('"')
    if begin >= 0:
        said = f'{said[: begin + 1]}"{said[end + 1 :] if end > begin else ""}'
    upstream = _UPSTREAM.search(asked)
    return f"{said}{client}-" + (f', upstream: "{upstream[1]}/"' if upstream else "")


def _has_like(text: str) -> bool:
    return "LIKE '" in text or "like '" in text


def _of_warning(text: str) -> str:
    first, newline, rest = text.partition("\n")
    folded = first.lower()
    may_quote = any(map(folded.__contains__, STEMS)) or not first.isascii()
    found = _QUOTED.search(first) if may_quote else None
    said: str = first.removesuffix(found["quoted"]) if found else ""
    if found and not _FAILS.search(said):
        return said + _behind(found)
    kept: str = _NOT_VALID.sub(r"''\1", first) if _IS_NO in first else first
    return kept + newline + rest


def _behind(found: re2._Match[str]) -> str:
    """Return what follows the quotation, if that has an end: up to the last quote of its kind."""
    quote: str = next((mark for name in ("q1", "q2", "q3") if (mark := found[name])), "")
    _, end, after = found["quoted"].rpartition(quote) if quote else ("", "", "")
    return f"{end}{after}"
