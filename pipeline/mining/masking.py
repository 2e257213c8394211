"""A message to its skeleton: what is certainly a parameter becomes `<*>`, without any state.

Two steps, both remembered for what was seen lately, as logs repeat themselves: each word by itself
(addresses, paths, ids, numbers), then the line of masked words (a date of several words, a size
with its unit, lists, names of accounts). An id counts by its shape: a word of letters that ends in
a short number (`IPv6`, `utf8`, `eth0`) stays, as it tells messages apart more often than not.

`fingerprint.template` names what it masks, takes all in quotes for one value, and reads the whole
message once for each kind; its values are kept for ever. Here `"GET /a"` and `"POST /a"` have to
differ, and most words have been seen before.

The expressions are Python's, for speed; they cannot stall: a word is cut into pieces of bounded
length first, and those for lines have no repetition that could match the same text in two ways.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LIMIT", "PARAMETER", "collapse", "normal", "skeleton"]

PARAMETER: Final = b"<*>"
LIMIT: Final = 4_000
"""Bytes of a message that count; a word cut by the limit is left out."""

_WORD_LIMIT: Final = 200
_REMEMBERED: Final = 50_000
"""Words, and lines of masked words, whose mask is remembered before all are forgotten."""
_REMEMBERED_LENGTH: Final = 500
"""Bytes of the longest one that is remembered."""

_ANSI: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")


def skeleton(message: str | bytes) -> bytes:
    """Return a message, as UTF-8 on one line, with `<*>` for what is a parameter by its form.

    Nothing but the message counts: it is a stable key, if a conservative one, as it never takes a
    word of letters for a parameter. Colours are dropped and white space is folded.
    """
    masks = _WORDS
    return _LINES[b" ".join([masks[word] for word in normal(message).split()])]


def normal(message: str | bytes) -> bytes:
    """Return what counts of a message: UTF-8, without colours, cut after the last whole word."""
    data = message if isinstance(message, bytes) else message.encode("utf-8", "surrogatepass")
    if b"\x1b" in data:
        data = _ANSI.sub(b"", data)
    if len(data) <= LIMIT:
        return data
    cut = data[:LIMIT].rsplit(None, 1)
    return cut[0] if cut else b""


def collapse(line: bytes) -> bytes:
    """Return a line in which parameters that touch, or form a list, are one."""
    return _LIST.sub(PARAMETER, _TOUCHING.sub(PARAMETER, line))


class _Remembered(dict[bytes, bytes]):
    """What a function returned, for as long as it fits; then all is forgotten."""

    def __init__(self, make: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: bytes) -> bytes:
        if len(self) >= _REMEMBERED:
            self.clear()
        value = self._make(key)
        if len(key) <= _REMEMBERED_LENGTH:
            self[key] = value
        return value


# Words

_ALNUM: Final = rb"[\w\x80-\xff]+"
_LABEL: Final = rb"[A-Za-z0-9](?:[A-Za-z0-9]|-+[A-Za-z0-9])*"
_COUNTRY: Final = (
    rb"(?:ar|au|bg|br|ca|ch|cl|cn|cz|de|dk|ee|es|eu|fi|fr|gr|hk|hu|ie|il|ir|jp|kr|lt|mx|nl|nz|om"
    rb"|pt|ro|ru|se|sg|sk|th|tr|tw|ua|uk|us|vn|za)"
)
"""Two letters that end a host: countries whose letters are no word and end no name of a file."""

_END: Final = rb"(?![\w\x80-\xff.-])"
_QUOTED: Final = rb"(?:(?<=\")|(?<=\\042))(?=\w)[^\s\"\\0-9]*[0-9][^\s\"\\]*(?=\\?\"(?!:)|\\042)"
"""A word with a digit is a value, not so a name in JSON; the quotes may be escaped."""

_SIMPLE: Final = (
    _QUOTED,
    rb"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b",  # UUID
    rb"\b0[xX][0-9A-Fa-f]+\b",
    rb"(?<![\w\x80-\xff.+-])[+-]?[0-9]+(?:[.,:/-][0-9]+)*" + _END,
    rb"(?<![\w\x80-\xff.-])(?:[tT]rue|[fF]alse|null|nil|None)" + _END,
)
_STRUCTURED: Final = (
    rb"\b(?=[A-Fa-f:]*[0-9])(?:[0-9A-Fa-f]{1,4}::?){2,15}[0-9A-Fa-f]{1,4}\b",  # IPv6, MAC, time
    rb"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"')\]]+",  # URL
    rb"\b[\w.%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}\b",  # e-mail
    rb"\B~?/[^\s\"'<>()|;]*[^\s\"'<>()|;,:.\]]",  # path
    rb"\b[A-Za-z]:[/\\][^\s\"'<>()|;]*[^\s\"'<>()|;,:.\]]",
    rb"\b(?:" + _LABEL + rb"\.)+" + _COUNTRY + rb":[0-9]{1,5}\b",  # host and port
)
_PLAIN: Final = re.compile(rb"|".join(_SIMPLE))
_PLAIN_OR_STRUCTURED: Final = re.compile(rb"|".join((*_STRUCTURED, *_SIMPLE)))
_STRUCTURE: Final = re.compile(rb"[:/@]")
_NAME: Final = re.compile(rb"[+-]?" + _ALNUM + rb"(?:(?:\.|-+)" + _ALNUM + rb")*")
_TELLING: Final = re.compile(rb"[0-9]|\w\.\w")
_DIGITS: Final = b"0123456789"
_HEXADECIMAL: Final = re.compile(rb"[0-9A-Fa-f]{7,}")
_QUANTITY: Final = re.compile(rb"[0-9]+[A-Za-z]{1,3}")
_SYLLABLE: Final = re.compile(rb"[A-Za-z0-9\x80-\xff]*[0-9][A-Za-z0-9\x80-\xff]*")
_SIGN: Final = re.compile(rb"(^|_)[+-]<\*>")
_FILE: Final = re.compile(rb"[\w.-]*[0-9][\w-]*\.[a-z][a-z0-9]{0,7}")
_HOST: Final = re.compile(
    rb"(?:" + _LABEL + rb"\.)+(?:com|net|org|edu|gov|mil|int|info|biz|arpa|io|dev|app|cloud"
    rb"|local|localdomain|internal)"
    rb"|(?:" + _LABEL + rb"\.)+(?:com|net|org|edu|gov|co|ac)\.[a-z]{2}"
    rb"|(?:" + _LABEL + rb"\.){2,}" + _COUNTRY
)
_PACKAGE: Final = re.compile(rb"(?:com|org|net|edu|gov|io|javax?)\.")
"""How names of classes begin: an address the wrong way round."""
_NUMBER_NEEDS: Final = 3
"""Digits that make a syllable an id, however many letters it has."""


def _mask(word: bytes) -> bytes:
    """Return a word with its parameters masked."""
    if word.isdigit():
        return PARAMETER
    if len(word) <= _WORD_LIMIT:
        return _piece(word)
    pieces = (word[start : start + _WORD_LIMIT] for start in range(0, len(word), _WORD_LIMIT))
    return b"".join(map(_piece, pieces))


def _piece(word: bytes) -> bytes:
    plain = _PLAIN_OR_STRUCTURED if _STRUCTURE.search(word) else _PLAIN
    word = plain.sub(PARAMETER, word)
    return _NAME.sub(_name, word) if _TELLING.search(word) else word


def _name(match: re.Match[bytes]) -> bytes:
    """Mask a word of letters, digits, dots and hyphens, or the syllables in it that are numbers."""
    text = match.group()
    if b"." in text and _is_host(text):
        return PARAMETER
    letters = text.translate(None, _DIGITS)
    if len(letters) == len(text):
        return text
    if _HEXADECIMAL.fullmatch(text) or (b"." in letters and _FILE.fullmatch(text)):
        return PARAMETER
    masked = _SYLLABLE.sub(_syllable, text)
    return _SIGN.sub(rb"\1" + PARAMETER, masked) if b"-" in letters or b"+" in letters else masked


def _is_host(text: bytes) -> bool:
    return bool(_HOST.fullmatch(text)) and not _PACKAGE.match(text)


def _syllable(match: re.Match[bytes]) -> bytes:
    text = match.group()
    digits = len(text) - len(text.translate(None, _DIGITS))
    id_like = digits >= _NUMBER_NEEDS or 2 * digits >= len(text) or _QUANTITY.fullmatch(text)
    return PARAMETER if id_like else text


# Lines

_P: Final = rb"<\*>"
_DAY: Final = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)"
_UNIT: Final = rb"(?:[KMGT]i?)?B|[Bb]ytes?"
_TIME: Final = (
    rb"ns|us|ms|m?secs?|s|min|(?:nano|micro|milli)?seconds?|minutes?|hours?|days?"
    rb"|MILLISECONDS|SECONDS|MINUTES|HOURS|DAYS"
)
_ACCOUNT: Final = rb"(?:" + _P + rb"|[\w.@$\\-])+"

_SPACED_PATH: Final = rb"([(\[])" + _P + rb"(?: [\w.<*>-]+)+/[\w.<*>-]+/[\w./<*>-]+(?=[)\]])"
"""In brackets, as else there is no telling where it ends, and of some depth, unlike `7 reads/s`."""

_TOUCHING: Final = re.compile(_P + rb"(?:(?:[.,:/_+#*x-]{0,3}|[_-][a-z][_-])" + _P + rb")+")
_LIST: Final = re.compile(_P + rb"(?:,? " + _P + rb")+")
_ALIKE: Final = re.compile(rb"(?<!\S)([\w.-]+<\*>[\w.<*>-]*)(?:,? \1)+(?!\S)")
_IDS: Final = re.compile(rb"(?:(?<=\s)|^)[\w.<*>-]*[0-9>](?: [\w.<*>-]*[0-9>]){2,}(?=\s|$)")

_FOLDS: Final = tuple(
    (re.compile(expression), replacement)
    for expression, replacement in (
        (rb"#+" + _P + rb"#*|" + _P + rb"#+", PARAMETER),
        (rb"\b(?:" + _DAY + rb",? )?" + _MONTH + rb" " + _P, PARAMETER),
        (_P + rb"[ /-]" + _MONTH + rb"[ /-]" + _P, PARAMETER),
        (_P + rb" (?:UTC|GMT|[PMCE][SD]T)\b", PARAMETER),
        (_P + rb" (?:" + _UNIT + rb") \(" + _P + rb" (?:" + _UNIT + rb")\)", PARAMETER),
        (_P + rb" (?:" + _UNIT + rb")(?![\w-])", PARAMETER),
        (rb"<?" + _P + rb" (?:" + _TIME + rb")(?![\w-])", PARAMETER),
        (_SPACED_PATH, rb"\1<*>"),
        (rb" \(\)", b" (<*>)"),
        (
            rb"\b((?:[Pp]asswords?|[Ll]ogins?|[Aa]ccounts?) for"
            rb"(?: (?:invalid )?user)?|(?:for|[Ii]nvalid|by|as) user) " + _ACCOUNT,
            rb"\1 <*>",
        ),
        (rb"\b(r?user|username|logname|login|account)=" + _ACCOUNT, rb"\1=<*>"),
        (_ALIKE, rb"\1"),
        (_IDS, PARAMETER),
    )
)
"""Each step takes what the ones before it left; none of them can do without a parameter but the
names of accounts, which are known by the words before them."""


def _fold(line: bytes) -> bytes:
    """Return a line of masked words with its parameters of several words masked."""
    line = _TOUCHING.sub(PARAMETER, line)
    for expression, replacement in _FOLDS:
        line = expression.sub(replacement, line)
    return collapse(line)


_WORDS: Final = _Remembered(_mask)
_LINES: Final = _Remembered(_fold)
