"""How log text enters GitHub-flavoured Markdown without acting on it.

Log text is hostile: it must not mention people, link issues or commits, open a comment, load an
image, leave its fence or show itself in another order than it has. What this module returns is
`Safe`; `escape`, given to Jinja as `finalize`, makes every other expression `Safe` on its way out.

Backslashes stop Markdown, but GitHub looks for mentions, references, links and emoji in the text
that Markdown leaves, so a zero-width space breaks these. Inside code GitHub does not look; but a
reply by e-mail quotes the text without its fence, so mentions, references and comments are broken
there too. Commit ids and addresses stay whole in code: they are what a reader wants to copy.

Sources: GitHub Flavored Markdown 0.29, CommonMark 0.31, GitHub's "Autolinked references and URLs".
The expressions are the standard library's, because they look around. Each is one class of
characters, or bounded in its repetitions, and so takes linear time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

TITLE_LIMIT: Final = 256
"""Characters that GitHub accepts in the title of an issue."""

_ZWSP: Final = "\u200b"

_Replacement: TypeAlias = "str | Callable[[re.Match[str]], str]"
_Substitutions: TypeAlias = "tuple[tuple[re.Pattern[str], _Replacement], ...]"


class Safe(str):
    """Markdown that may be written as it is.

    What string methods make of it is a plain `str` again, so a careless `+` or filter escapes it
    once too often, never too little.
    """

    __slots__ = ()


def escape(value: object) -> Safe:
    """Return `value` if it is `Safe`, else its text as `inline`; the `finalize` for Jinja."""
    return value if isinstance(value, Safe) else inline(str(value))


def inline(text: str) -> Safe:
    """Return `text` on one line, to be read as exactly this text wherever prose may stand."""
    return Safe(_escaped(_one_line(text)))


def prose(text: str, places: Mapping[str, str]) -> Safe:
    """Return `text` as `inline` does, but places and ids as inline code, which stays whole.

    `places` are those that are known, as `path:line` or `commit ID`, each with its address, to
    which it leads as `link` does. Other text of that form is left as it is, but for ids.
    """
    line, parts, end = _one_line(text), [], 0
    for match in _PLACE.finditer(line):
        place = f"{match[0][:1].lower()}{match[0][1:]}" if match["id"] else match[0]
        if place in places or match["id"]:
            before = _escaped(line[end : match.start()])
            # An exclamation mark before a link would make an image of it.
            parts += [_BANG.sub(r"\!", before), link(match[0], places.get(place, ""))]
            end = match.end()
    return Safe("".join([*parts, _escaped(line[end:])]))


def code(text: str) -> Safe:
    """Return `text` on one line as inline code.

    A pipe splits the cell of a table even inside a span, and outside a table a backslash before it
    would show; so text with a pipe takes the form of HTML, which is right in both places.
    """
    line = _one_line(text)
    if "|" in line:
        return Safe(f"<code>{inline(line)}</code>")
    defused = _apply(_DEFUSED_ANYWHERE, line) or " "
    delimiter = "`" * (_longest_run(defused) + 1)
    pad = " " if "`" in (defused[0], defused[-1]) else ""
    return Safe(f"{delimiter}{pad}{defused}{pad}{delimiter}")


def link(text: str, url: str) -> Safe:
    """Return `text` on one line as inline code that leads to `url`.

    What is no plain `https` address leads nowhere; nor does an issue, which GitHub would tell that
    it was mentioned. What people read is always `text`.
    """
    if not _ADDRESS.fullmatch(url) or _REFERENCE.search(url):
        return code(text)
    return Safe(f"[{code(text)}](<{url}>)")


def fence(text: str, language: str = "text") -> Safe:
    """Return `text` as one fenced block, ending in its closing fence, without a line feed after it.

    `language` that is no plain word is written as `text`.
    """
    body = _apply(_DEFUSED_ANYWHERE, visible(text)).removesuffix("\n")
    marks = "`" * max(3, _longest_run(body) + 1)
    info = language if _LANGUAGE.fullmatch(language) else "text"
    return Safe(f"{marks}{info}\n{body}\n{marks}")


def title(text: str) -> str:
    """Return `text` as the title of an issue: one line of 1 to 256 characters.

    GitHub honours no backslash in titles, so characters that Markdown acts on are replaced by ones
    that look alike.
    """
    line = _apply(_DEFUSED_ANYWHERE + _DEFUSED_IN_PROSE + _IN_TITLE, _one_line(text))
    return truncate(line.translate(_LOOKALIKES), TITLE_LIMIT, "…") or "(no title)"


def truncate(text: str, limit: int, notice: str) -> str:
    """Return `text`, or its beginning and `notice`, in at most `limit` characters.

    Cut text before it becomes Markdown: a cut through Markdown can leave a fence open.
    """
    if len(text) <= limit:
        return text
    return text[: max(0, limit - len(notice))] + notice[: max(0, limit)]


def visible(text: str) -> str:
    r"""Return `text` as it is seen: `\n` ends lines, nothing hides, reorders or colours.

    Zero-width characters and ANSI sequences go; controls, bidi controls and lone surrogates, which
    would deceive a reader or be refused by GitHub, are shown as `⟨U+202E⟩`.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    plain = _ANSI.sub("", _INVISIBLE.sub("", lines))
    return _DECEPTIVE.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", plain)


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())


def _escaped(line: str) -> str:
    defused = _apply(_DEFUSED_ANYWHERE + _DEFUSED_IN_PROSE, line)
    return _LINE_START.sub(r"\1\\\2", _PUNCTUATION.sub(r"\\\g<0>", defused))


def _apply(substitutions: _Substitutions, text: str) -> str:
    for pattern, replacement in substitutions:
        text = pattern.sub(replacement, text)
    return text


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def _broken_id(match: re.Match[str]) -> str:
    """Leave no part of a commit id that is long enough (7 digits) to link."""
    digits = match[0]
    return _ZWSP.join(digits[start : start + 6] for start in range(0, len(digits), 6))


def _after(patterns: Iterable[str]) -> _Substitutions:
    """Break the text behind each match."""
    return tuple((re.compile(pattern), rf"\g<0>{_ZWSP}") for pattern in patterns)


_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,512}(?:\x07|\x1b\\))")
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u180b-\u180f\u200b-\u200d\u2060-\u2064\ufeff\U000e0000-\U000e0fff]"
)
_DECEPTIVE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for tab and line feed
    r"\u061c\u200e\u200f\u2028-\u202e\u2065-\u206f\ufff9-\ufffb\U0001d173-\U0001d17a"  # bidi
    r"\ud800-\udfff]"  # lone surrogates
)
_BACKTICKS = re.compile(r"`+")
_ADDRESS = re.compile(
    r"https://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?/[A-Za-z0-9/._~%?=&+,;:-]{0,2000}"
    r"(?:#[A-Za-z][\w-]{0,100})?",
    re.ASCII,
)
_REFERENCE = re.compile(r"(?i:/(?:issues|pull|discussions))(?![A-Za-z0-9._-])")
_PLACE = re.compile(
    r"(?<![\w.:/@+-])(?:"
    r"(?P<id>(?:[Cc]ommit )?(?=[0-9]{0,40}[a-f])(?=[a-f]{0,40}[0-9])[0-9a-f]{7,40}(?!\w))"
    r"|[\w.@+/-]{1,300}:[0-9]{1,7}(?!\w|:[0-9]))",
    re.ASCII,
)
_BANG = re.compile(r"!\Z")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+-]{1,32}")

_DEFUSED_ANYWHERE = _after(
    (
        r"@(?=\w|\Z)",  # mentions, user@commit; at the end for what the template writes next
        r"#(?=\w|\Z)",  # references, colour swatches
        r"(?i:\bgh-)(?=[0-9])",
        r"/(?:issues|pull|discussions|commit)/(?=[0-9a-f])",  # references written as addresses
        r"<!(?=--)",
        r"--(?=!?>)",
    )
)
_DEFUSED_IN_PROSE: _Substitutions = (
    *_after(
        (
            r"(?i:https?:|ftp:)(?=//)",
            r"(?i:mailto:|xmpp:)(?=\S)",
            r"(?i:www)(?=\.)",
            r":(?=(?:[0-9]{0,32}[a-z_+-][\w+-]{0,64}|100|1234):)",  # emoji
        )
    ),
    (
        # Commit ids. A plain number could be one too, but is left whole.
        re.compile(r"(?<![0-9A-Za-z])(?=[0-9]{0,40}[A-Fa-f])[0-9A-Fa-f]{7,40}(?![0-9A-Za-z])"),
        _broken_id,
    ),
)
_IN_TITLE: _Substitutions = (
    *_after((r"\](?=[(\[])", r"&(?=#?\w{1,32};)")),
    (re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"), "\N{MODIFIER LETTER LOW MACRON}"),
)
_LOOKALIKES: Final = str.maketrans("`*~<", "'\u2217\u223c\u2039")
_PUNCTUATION = re.compile(
    r"[\\`*\[\]<>|~$]|!(?=[-\[])|&(?=[#\w]|\Z)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
)
_LINE_START = re.compile(
    r"\A([0-9]{1,9}(?=[.)](?:\s|\Z))|(?=[-+#=]|:-))(.)"
)  # items, headings, rules
