"""Log text in Markdown: it is shown, and it acts on nothing."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.markdown import (
    Safe,
    code,
    escape,
    fence,
    inline,
    link,
    prose,
    title,
    truncate,
    visible,
)

ZWSP = "\u200b"

HOSTILE = [
    "",
    " ",
    "\n",
    "`",
    "``",
    "`a`",
    "```\nescaped\n```",
    "~~~\nescaped\n~~~",
    "````text\n```",
    "*a* _b_ __c__ ~~d~~ ~e~ a_b_c __init__",
    "# heading",
    "#hash",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "12) item",
    "> quote",
    "> [!WARNING]\n> alert",
    "---",
    "- - -",
    "===",
    "text\n===",
    "    indented",
    "\tindented",
    "| a | b |\n|---|---|\n| c | d |",
    ":-:",
    "[link](https://example.com)",
    "[ref][1]\n\n[1]: https://example.com",
    "[^1]",
    "- [ ] task",
    "![image](https://example.com/leak.png)",
    "<img src=x onerror=alert(1)>",
    "<details><summary>x</summary>",
    "</details>",
    "<!-- fivewhys:marker -->",
    "<!--> --!> <!--->",
    "<https://example.com>",
    "<script>alert(1)</script>",
    "https://example.com/a?b=c&d=e",
    "HTTP://EXAMPLE.COM www.example.com WWW.example.com",
    "ftp://example.com mailto:user@example.com xmpp:user@example.com/a",
    "user@example.com",
    "@octocat @example/team cc:@octocat",
    "#12 GH-12 gh-12 owner/repo#1 fixes #1 closes owner/repo#2",
    "https://github.com/owner/repo/issues/12 /pull/3 /commit/deadbeef1",
    "deadbeef1 0123456789abcdef0123456789abcdef01234567 owner/repo@deadbeef1",
    ":smile: :+1: :100: 00:33:54",
    "$x$ $$y$$",
    "&amp; &lt;b&gt; &#60; &",
    "a \u202egnp.exe \u2066b\u2069 \u200fc",
    "z\u200be\u200dr\ufeffo @\u200boctocat <\u200b!--",
    "\x1b[31mred\x1b[0m \x1b]8;;https://example.com\x07link\x1b]8;;\x07 \x1b",
    "nul\x00 bell\x07 \x85 \u2028 \u2029 \x0b \x0c",
    "lone \ud83d surrogate \udc00",
    "a\\",
    "\\*",
    "\\`",
    "cr\ronly\r\ncrlf",
    "a|![x](https://example.com/i.png)|b",
    "⚠️ ✗ Missing critical user tables: ['user_sessions']",
]
ANY_TEXT = st.one_of(
    st.text(),
    st.text(alphabet=st.characters()),
    st.lists(
        st.sampled_from(
            [
                *"`~*_[]()<>!|#@-+=:.&;$\\/ \n\r\t\x00\x1b\u200b\u202e\ud800",
                "1",
                "a",
                "http://",
                "www.",
            ]
        )
    ).map("".join),
)


def parser() -> MarkdownIt:
    """Return a reader of GitHub's dialect, with raw HTML, tables and strikethrough."""
    return MarkdownIt("gfm-like2", {"linkify": False})


def blocks(markdown: str) -> list[str]:
    """Return the types of a document's block tokens."""
    return [token.type for token in parser().parse(markdown)]


def text_of(markdown: str) -> str:
    """Return the text of a document that holds one paragraph of text and nothing else."""
    tokens = parser().parse(markdown)
    if not tokens:
        return ""
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    return joined(tokens[1].children or [])


def joined(tokens: list[Token]) -> str:
    """Return the text of inline tokens that are nothing but text."""
    assert {token.type for token in tokens} <= {"text", "text_special"}
    return "".join(token.content for token in tokens)


def assert_defused(text: str) -> None:
    """Assert that GitHub finds no mention, reference or comment in `text`."""
    assert not re.search(r"@\w|#\w|(?i:\bgh-)\d|<!--|--!?>|/(issues|pull|commit)/[0-9a-f]", text)
    assert_visible(text)


def assert_visible(text: str) -> None:
    """Assert that nothing in `text` hides or reorders, but for the spaces we put there."""
    unseen = {char for char in text if unicodedata.category(char) in {"Cc", "Cs", "Cf"}}
    assert unseen <= {"\n", "\t", ZWSP, *VISIBLE_FORMATS}


VISIBLE_FORMATS = {
    chr(point)
    for first, last in (
        (0x600, 0x605),
        (0x6DD, 0x6DD),
        (0x70F, 0x70F),
        (0x890, 0x891),
        (0x8E2, 0x8E2),
        (0x110BD, 0x110BD),
        (0x110CD, 0x110CD),
        (0x13430, 0x1345F),
        (0x1BCA0, 0x1BCA3),
    )
    for point in range(first, last + 1)
}
"""Format characters that are signs of their script and show."""


def plain(text: str) -> str:
    """Return what a reader shall see of `text` on one line."""
    return " ".join(visible(text).split())


@pytest.mark.parametrize("text", HOSTILE)
def test_inline_is_text(text: str) -> None:
    """Hostile text shows as itself, and as text alone."""
    written = inline(text)
    assert text_of(written).replace(ZWSP, "") == plain(text)
    assert_defused(written)


@given(ANY_TEXT)
def test_inline_is_text_whatever_it_is_given(text: str) -> None:
    """Any text at all parses to one paragraph of exactly that text."""
    written = inline(text)
    assert text_of(written).replace(ZWSP, "") == plain(text)
    assert_defused(written)
    assert "\n" not in written
    written.encode()


@given(ANY_TEXT)
def test_inline_stays_in_its_cell(text: str) -> None:
    """Text in a table splits no cell and ends no row."""
    for form in (inline, code):
        types = blocks(f"| a | b |\n|---|---|\n| {form(text)} | x |")
        assert types.count("td_open") == 2
        assert types.count("tr_open") == 2


@given(ANY_TEXT)
def test_inline_stays_in_its_item(text: str) -> None:
    """Text in a list or behind prose starts no block of its own."""
    assert blocks(f"- {inline('x' + text)}").count("inline") == 1
    assert blocks(f"a\n{inline(text) or 'b'}\nc") == ["paragraph_open", "inline", "paragraph_close"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("user_sessions", "user_sessions"),
        ("a-b.c: d (e), 50 % = 1/2", "a-b.c: d (e), 50 % = 1/2"),
        ("2025-09-10T00:33:54Z", "2025-09-10T00:33:54Z"),
        ("1234567 20250910", "1234567 20250910"),
        ("a  b\n\tc ", "a b c"),
        ("deadbeef12", f"deadbe{ZWSP}ef12"),
        ("a -> b", r"a -\> b"),
        ("10.0.0.1 1.", "10.0.0.1 1."),
        ("1. a", r"1\. a"),
        ("\u202e", "⟨U+202E⟩"),
    ],
)
def test_inline_stays_readable(text: str, written: str) -> None:
    """The source of an issue, which mails and terminals show, is altered only where it must be."""
    assert inline(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com",
        "HTTP://example.com",
        "ftp://example.com",
        "www.example.com",
        "mailto:a@example.com",
        "a@example.com",
    ],
)
def test_inline_makes_no_link(text: str) -> None:
    """The addresses that GitHub links by itself stay text."""
    assert not re.search(
        r"(?i)(https?|ftp)://|www\.|mailto:\S|@\w", inline(text).replace(ZWSP, " ")
    )


def test_inline_breaks_what_github_finds_in_text() -> None:
    """Emoji and commit ids act after Markdown is read, so they are broken, not escaped."""
    assert inline(":smile: :+1: :100:") == f":{ZWSP}smile: :{ZWSP}+1: :{ZWSP}100:"
    assert all(len(part) < 7 for part in inline("0a" * 20).split(ZWSP))


def test_neighbours_do_not_join_into_a_mention() -> None:
    """An at sign at the end of one value and the name in the next stay apart."""
    assert_defused(inline("cc @") + inline("octocat"))
    assert_defused(inline("see #") + inline("12"))


@pytest.mark.parametrize("text", HOSTILE)
def test_fence_holds(text: str) -> None:
    """Hostile text stays within its fence, line by line as it was."""
    written = fence(text)
    tokens = parser().parse(written)
    assert [token.type for token in tokens] == ["fence"]
    shown = tokens[0].content.replace(ZWSP, "")
    assert shown == visible(text).removesuffix("\n") + "\n"
    assert_defused(written)


@given(ANY_TEXT, ANY_TEXT)
def test_fence_holds_whatever_it_is_given(text: str, language: str) -> None:
    """Any text parses to exactly one fence, and what follows the fence is outside it."""
    assert blocks(fence(text, language)) == ["fence"]
    assert blocks(f"{fence(text)}\n\nafter")[1:] == ["paragraph_open", "inline", "paragraph_close"]
    assert_defused(fence(text))


def test_fence_names_its_language() -> None:
    """A plain word is kept as the language, anything else becomes `text`."""
    assert fence("x", "json") == "```json\nx\n```"
    assert fence("x", "a b`") == "```text\nx\n```"
    assert fence("``` `````", "json").startswith("``````json\n")


def test_fence_keeps_what_is_copied() -> None:
    """Addresses and commit ids in code are whole."""
    assert "https://example.com deadbeef12" in fence("https://example.com deadbeef12")


def code_text(markdown: str) -> str:
    """Return the text of a document that holds one span of code and nothing else."""
    tokens = parser().parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    if [child.type for child in children] == ["code_inline"]:
        return children[0].content
    assert (children[0].content, children[-1].content) == ("<code>", "</code>")
    return joined(children[1:-1])


@pytest.mark.parametrize("text", HOSTILE)
def test_code_is_code(text: str) -> None:
    """Hostile text shows as itself, inside one span."""
    written = code(text)
    assert code_text(written).replace(ZWSP, "") == (plain(text) or " ")
    assert_defused(written)


@given(ANY_TEXT)
def test_code_is_code_whatever_it_is_given(text: str) -> None:
    """Any text is exactly one span of that text."""
    assert code_text(code(text)).replace(ZWSP, "") == (plain(text) or " ")
    assert_defused(code(text))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a", "`a`"),
        ("", "` `"),
        ("`", "`` ` ``"),
        ("a``b", "```a``b```"),
        ("a|b", r"<code>a\|b</code>"),
        ("@a", f"`@{ZWSP}a`"),
    ],
)
def test_code_delimiter(text: str, written: str) -> None:
    """The delimiter is longer than any run inside; a pipe takes the form that tables bear."""
    assert code(text) == written


@given(ANY_TEXT)
def test_title_has_no_effect(text: str) -> None:
    """Any text makes a title of one line and at most 256 characters that Markdown leaves alone."""
    written = title(text)
    assert 1 <= len(written) <= 256
    assert "\n" not in written
    assert_defused(written)
    assert not set("`*~<") & set(written)
    assert joined(parser().parseInline(written)[0].children or [])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_title(text: str) -> None:
    """Hostile text in a title is text."""
    assert joined(parser().parseInline(title(text))[0].children or [])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Missing tables: ['user_sessions']", "Missing tables: ['user_sessions']"),
        ("", "(no title)"),
        ("a\nb", "a b"),
        ("x" * 256, "x" * 256),
        ("x" * 257, "x" * 255 + "…"),
        ("`a` <b>", "'a' \u2039b>"),
        ("fixes #1 @a", f"fixes #{ZWSP}1 @{ZWSP}a"),
    ],
)
def test_title(text: str, written: str) -> None:
    """A title stays what the rule says, cut to what GitHub takes."""
    assert title(text) == written


@given(st.text(), st.integers(-1, 30), st.text(max_size=40))
def test_truncate(text: str, limit: int, notice: str) -> None:
    """No result is longer than its limit, and short text is not touched."""
    cut = truncate(text, limit, notice)
    assert len(cut) <= max(limit, 0)
    assert cut == text or len(text) > limit


def test_truncate_says_so() -> None:
    """What was cut ends in the notice."""
    assert truncate("abcdefgh", 5, "…") == "abcd…"


@pytest.mark.parametrize("unit", ["`", "@a ", "-", "<!--", "0a", ":a", "_", "\x1b[", "\x1b]", "1"])
def test_long_lines_are_written_at_once(unit: str) -> None:
    """A long line takes about a second, whatever it repeats: each step is linear."""
    line = unit * (200_000 // len(unit))
    started = time.process_time()
    assert len(inline(line)) >= len(plain(line))
    assert len(fence(line)) >= len(visible(line))
    assert time.process_time() - started < 20  # a quadratic step would take hours


def test_a_megabyte_stays_in_its_fence() -> None:
    """Size changes nothing: a megabyte of hostile text is one fence, or one line of text."""
    text = "\n".join(HOSTILE * 1_000)
    assert len(text) > 1_000_000
    assert blocks(fence(text)) == ["fence"]
    assert "\n" not in inline(text)
    assert len(title(text)) == 256


def test_seen_as_it_is() -> None:
    """Colours and zero-width characters go; controls and bidi controls are named."""
    assert visible("\x1b[1;31ma\x1b[0m\u200bb\x00\u202e\ud800\r\n\tc\r") == (
        "ab⟨U+0000⟩⟨U+202E⟩⟨U+D800⟩\n\tc\n"
    )


def environment() -> ImmutableSandboxedEnvironment:
    """Return the sandbox as a renderer of Markdown sets it up."""
    made = ImmutableSandboxedEnvironment(
        autoescape=False,  # finalize escapes, for Markdown
        finalize=escape,
        undefined=StrictUndefined,
    )
    made.globals |= {"fence": fence, "code": code}
    return made


def rendered(template: str, **values: object) -> str:
    """Render `template` in that sandbox."""
    return environment().from_string(template).render(values)


def test_every_expression_of_a_template_is_escaped() -> None:
    """A template's own text is Markdown; the values are text."""
    assert rendered("- **{{ x }}** {{ n }}\n", x="*a*", n=3) == r"- **\*a\*** 3"


def test_safe_values_are_written_once() -> None:
    """What the functions of this module return is not escaped again."""
    assert rendered("{{ fence(x) }} {{ code(x) }}", x="*a*") == "```text\n*a*\n``` `*a*`"
    assert escape(Safe("**a**")) == "**a**"


@pytest.mark.parametrize(
    "template",
    [
        "{{ [code('a'), x] | join(' ') }}",
        "{{ code('a') ~ x }}",
        "{{ code('a') + x }}",
        "{{ x | safe }}",
        "{{ '%s' | format(x) }}",
        "{{ '{}'.format(x) }}",
        "{% set y %}{{ x }}{% endset %}{{ y }}",
        "{% macro m(v) %}{{ v }}{% endmacro %}{{ m(x) }}",
        "{{ code('a') | replace('a', x) }}",
        "{{ x | indent }}",
        "{{ x | upper }}",
    ],
)
def test_no_filter_makes_text_safe(template: str) -> None:
    """Filters and operators may escape a value twice, never not at all."""
    assert "<b>" not in rendered(template, x="<b>").lower()


def test_a_missing_value_is_an_error() -> None:
    """Escaping hides no mistake of a template."""
    with pytest.raises(UndefinedError):
        rendered("{{ missing }}")


PERMALINK = f"https://github.com/example/platform/blob/{'0123456789' * 4}/auth/models.py#L48"


@given(ANY_TEXT)
def test_a_link_shows_its_text_and_leads_to_its_address(text: str) -> None:
    """Whatever the text is, it neither ends the link nor changes where that leads."""
    (children,) = (item.children for item in parser().parse(link(text, PERMALINK)) if item.children)
    assert [token.type for token in children].count("link_open") == 1
    assert children[0].attrs == {"href": PERMALINK}
    assert children[-1].type == "link_close"
    assert "\n" not in link(text, PERMALINK)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "http://example.com/",
        "https://example.com",
        "https://user:word@example.com/",
        "https://example.com/a b",
        "https://example.com/>)[x](https://example.org/",
        "https://example.com/\n",
        "https://example.com/a\u202eb",
        "https://example.com/a|b",
        "https://github.com/example/platform#12",
        "https://github.com/example/platform/issues/12",
        "https://github.com/example/platform/Pull/12",
    ],
)
def test_what_is_no_plain_address_is_no_link(url: str) -> None:
    """It is left out; an issue would be told that it was mentioned, so it is left out, too."""
    assert link("models.py:48", url) == "`models.py:48`"


@given(ANY_TEXT, ANY_TEXT)
def test_no_address_does_harm(text: str, url: str) -> None:
    """An address of any form makes at most one link, which stays in its cell."""
    types = blocks(f"| a | b |\n|---|---|\n| {link(text, url)} | x |")
    assert types.count("td_open") == 2
    assert link(text, f"https://example.com/{url}").count("](<") <= 1 + text.count("](<")


# --- prose with places ----------------------------------------------------------------------------

PLACES = {"models.py:48": PERMALINK, "catalog.yml:3": "", "commit deadbeef2": PERMALINK}
SHOWN = f"[`models.py:48`](<{PERMALINK}>)"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("models.py:48", SHOWN),
        ("at models.py:48, and (models.py:48)", f"at {SHOWN}, and ({SHOWN})"),
        ("models.py:48: it is", f"{SHOWN}: it is"),
        ("as catalog.yml:3 says", "as `catalog.yml:3` says"),
        # what only looks like one of these places
        (
            "models.py:488 app/models.py:48 models.py:48:7",
            "models.py:488 app/models.py:48 models.py:48:7",
        ),
        ("other.py:48", "other.py:48"),
        # an id is copied, so nothing breaks it; a number or a word is none
        ("commit deadbeef1 of", "`commit deadbeef1` of"),
        ("Commit deadbeef2 of", f"[`Commit deadbeef2`](<{PERMALINK}>) of"),
        (
            "the trace 70b5334ca2fd835f22fd089bea08c002",
            "the trace `70b5334ca2fd835f22fd089bea08c002`",
        ),
        ("12345678 defaced", "12345678 defaced"),
        # what stands before a link makes no image of it
        ("so!models.py:48", f"so\\!{SHOWN}"),
        ("(!) !", "(!) !"),
        ("*a* models.py:48 *b*", f"\\*a\\* {SHOWN} \\*b\\*"),
    ],
)
def test_places_in_prose_are_links(text: str, written: str) -> None:
    """Those that are known, with their address or to be copied; all else is text."""
    made = prose(text, PLACES)
    assert made.replace(ZWSP, "") == written


@given(ANY_TEXT, ANY_TEXT)
def test_prose_with_places_is_harmless(before: str, after: str) -> None:
    """Whatever stands around a place, it is a link to its address or plain text, and no more."""
    made = prose(f"{before}!models.py:48{after} {before}!", PLACES)
    assert blocks(made) == ["paragraph_open", "inline", "paragraph_close"]
    children = parser().parse(made)[1].children or []
    kinds = {token.type for token in children}
    assert kinds <= {"text", "text_special", "code_inline", "link_open", "link_close"}
    assert {item.attrs["href"] for item in children if item.type == "link_open"} <= {PERMALINK}
    assert_defused(made.replace(PERMALINK, ""))


@given(ANY_TEXT)
def test_prose_without_places_is_inline(text: str) -> None:
    """But for ids."""
    if not re.search(r"[0-9a-f]{7}", text):
        assert prose(text, {}) == inline(text)
