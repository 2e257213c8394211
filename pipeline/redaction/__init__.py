r"""Secrets and personal data out of text, before anything is fingerprinted, stored or sent.

What a secret was is not recorded: each becomes `[REDACTED]`. Hosts, users and names stay, because
they are evidence; so does a value that says there is none (`password=None`). When in doubt the
value goes: a lost word costs less than a leaked one.

Recognised are tokens by their published form, credentials in headers and addresses, and values by
the name before them (`password=`, `"api_key": "…"`, `--token …`). `tests/test_redaction.py` holds
this against the detectors of detect-secrets, which cannot be used here: importing any of them loads
its network client.

Every expression is run by RE2 over UTF-8, one after the other. None can look further ahead than it
then consumes (hence one pass for each form without a bound), so a pass over any text is linear.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Any, Final, TypeAlias

from pipeline.redaction.expressions import PLACEHOLDER, checked_expression, compiled
from pipeline.redaction.names import remembered, short_name

_GONE: Final = PLACEHOLDER.encode()
_ROUNDS: Final = 8
"""A secret that went can lay the next one bare; text that is no attack rests after two rounds."""

_AS_BYTES: Final = ("utf-8", "surrogatepass")

_Match: TypeAlias = Any  # the match object of re2, which ships no types
_Replace: TypeAlias = Callable[[_Match], bytes | None]
_Pass: TypeAlias = tuple[Any, _Replace]


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes secrets out of text and of JSON-like values.

    Attributes:
        emails: whether e-mail addresses go too; those of service accounts name no person and stay.
        extra: further expressions of RE2; whatever they match goes.

    Raises:
        ValueError: an `extra` expression that RE2 cannot run, or that matches nothing at all or the
            placeholder, so that it could not come to rest.

    """

    emails: bool = True
    extra: tuple[str, ...] = ()
    _passes: tuple[_Pass, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        passes = _PASSES + ((_EMAIL,) if self.emails else ())
        extra = tuple((checked_expression(expression), _whole) for expression in self.extra)
        object.__setattr__(self, "_passes", passes + extra)

    def text(self, value: str) -> str:
        """Return `value` without secrets; again applied, it changes nothing.

        Any string will do: lone surrogates and null bytes come out as they went in.
        """
        data = value.encode(*_AS_BYTES)
        if not self.extra and _MARKS.search(data) is None:
            return value
        for _ in range(_ROUNDS):
            if not self.extra and _of_any().search(data) is None:
                break
            before = data
            for expression, replace in self._passes:
                data = _sub(expression, replace, data)
            if data == before:
                break
        return data.decode(*_AS_BYTES)

    def name(self, value: str) -> str:
        """Return a name of something without secrets, and no longer than it has to be."""
        return short_name(self.text(value))

    def texts(self, values: Sequence[str]) -> list[str]:
        """Return `text` of each value: most hold no secret, which is seen of all in one go."""
        found = list(values)
        for at in range(len(found)) if self.extra else _marked(found):
            found[at] = self.text(found[at])
        return found

    def value(self, value: object) -> object:
        """Return a JSON-like value (dicts and lists, of any depth) without secrets.

        It is the value itself where there is none in it, else a copy. Under a key that tells
        (`password`, `api-key`, `Set-Cookie`) the value goes whole, unless it is null, a boolean or
        empty. Keys that become equal are told apart by a number.
        """
        texts = list(_texts(value))
        marked = set(texts if self.extra else map(texts.__getitem__, _marked(texts)))
        if not marked:
            return value
        root: list[Any] = [value]
        open_slots: list[tuple[Any, Any]] = [(root, 0)]
        while open_slots:  # by hand, too
            holder, slot = open_slots.pop()
            item = holder[slot]
            if isinstance(item, str):
                holder[slot] = self.text(item) if item in marked else item
            elif isinstance(item, dict):
                holder[slot] = copy = self._entries(item, marked)
                open_slots += [(copy, key) for key in copy]
            elif isinstance(item, list | tuple):
                holder[slot] = elements = list(item)
                open_slots += [(elements, index) for index in range(len(elements))]
        return root[0]

    def _entries(self, item: dict[Any, Any], marked: Container[str]) -> dict[Any, Any]:
        """Return a shallow copy with its keys redacted and the values under telling keys gone.

        `marked` are the texts that may hold a secret.
        """
        copy: dict[Any, Any] = {}
        seen: Counter[object] = Counter()
        named = _telling(item.get("name", item.get("key")))  # {"name": "DB_PASSWORD", "value": …}
        for key, value in item.items():
            clean = base = self.text(key) if isinstance(key, str) and key in marked else key
            while clean in copy:
                seen[base] += 1
                clean = f"{base} ({seen[base] + 1})"
            secret = _telling(key) or (named and key == "value")
            copy[clean] = PLACEHOLDER if secret and _present(value) else value
        return copy


def _marked(values: Sequence[str]) -> Iterator[int]:
    """Yield which of the values may hold a secret, each that has a mark among them.

    A mark that reaches from one value into those after it must not hide theirs.
    """
    pieces = [value.encode(*_AS_BYTES) for value in values]
    ends = list(accumulate(len(piece) + 1 for piece in pieces))
    data = b"\n".join(pieces)
    start = 0
    while start < len(data) and (match := _MARKS.search(data, start)) is not None:
        at = bisect_right(ends, match.start())
        yield at
        start = ends[at]


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a JSON-like value, keys among them."""
    left = [value]
    while left:  # by hand: the depth is the log's to choose
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left += item.keys()
            left += item.values()
        elif isinstance(item, list | tuple):
            left += item


def _telling(key: object) -> bool:
    """Say whether the value under a key is secret whatever it looks like."""
    return isinstance(key, str) and _is_telling(key)


@remembered
def _is_telling(key: str) -> bool:
    """Say so of a text; those who log have few keys."""
    return bool(_TELLING_KEY.search(key.encode(*_AS_BYTES)))


def _present(value: object) -> bool:
    return not (value is None or isinstance(value, bool) or value in ("", [], {}))


def _sub(expression: Any, replace: _Replace, data: bytes) -> bytes:
    """Replace each match; where `replace` returns None, look on behind the match's first group."""
    pieces: list[bytes] = []
    written = position = 0
    while (match := expression.search(data, position)) is not None:
        new = replace(match)
        if new is None:
            position = match.end(1)
            continue
        pieces += (data[written : match.start()], new)
        written = match.end()
        position = written + (written == match.start())
    return b"".join((*pieces, data[written:]))


def _whole(match: _Match) -> bytes | None:
    return _GONE if match.group() else b""


def _value(match: _Match) -> bytes | None:
    """Replace the second group, unless it says that there is no secret."""
    return None if _NOTHING.fullmatch(match.group(2)) else _without(match)


def _password(match: _Match) -> bytes | None:
    """Replace the password of an address; any word can be one, so only a mask stays."""
    return None if _MASK.fullmatch(match.group(2)) else _without(match)


def _without(match: _Match) -> bytes:
    """Return the match with its second group gone, but for the quotes that it may have."""
    start, end = match.span(2)
    quoted = _QUOTED.fullmatch(match.group(2))
    opening, closing = (quoted.group(1), quoted.group(3)) if quoted else (b"", b"")
    head, tail = match.string[match.start() : start], match.string[end : match.end()]
    return bytes(head + opening + _GONE + closing + tail)


def _bearer(match: _Match) -> bytes | None:
    """Tell a credential from prose about one ("Basic authentication failed")."""
    return _value(match) if _RANDOM.search(match.group(2)) else None


def _named(match: _Match) -> bytes | None:
    """Replace the value of a telling name, unless it is prose ("secret: permission denied")."""
    label = _LABEL.fullmatch(match.group(2) + match.string[match.end() : match.end() + 1])
    return None if label or _PROSE.fullmatch(match.group()) else _value(match)


def _email(match: _Match) -> bytes | None:
    """Keep the user of an address (`ssh://git@host`) and service accounts."""
    whole: bytes = match.group()
    return whole if match.group(1) or whole.endswith(b".gserviceaccount.com") else _GONE


# Names whose value is a secret, and what may follow such a name.
_NAMES: Final = (
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|(?:db|database|user|smtp|redis|mysql|pg|key)_?pass"
    r"|secret|token|credentials?|authorization|jwt-assertion|contraseña|jsessionid|phpsessid"
    r"|(?:access|account|api|app|auth|client|database|db|encryption|jwt|master|priv(?:ate)?|secret"
    r"|service|signing|subscription)[_ -]?key)"
    r"(?:[_-]?(?:base|hash|plain|string|text|value|[0-9]{1,3}))?"
)
# Quoted values. The last quote is optional: a line that was cut off is secret to its end.
_QUOTES: Final = (
    r"""[bruf]?"(?:[^"\\\n]|\\.)*"?|[bruf]?'(?:[^'\\\n]|\\.)*'?"""
    r"""|\\"(?:[^"\\\n]|\\\\\\"|\\\\|\\[^"\\\n])*(?:\\")?|\\'(?:[^'\\\n]|\\[^'\n])*(?:\\')?"""
    r"""|\\\\+"(?:[^"\\\n]|\\+[^"\\\n])*(?:\\+")?"""
)
_BARE: Final = r"""(?:[^\s"'`&;,]|,[^\s"'`&;,])*,?[^\s"'`&;,)}>.:]"""
_ASSIGNED: Final = r"""["'\\\]]{0,8}[ \t]{0,8}(?:=>|:=|[:=])[ \t]{0,8}"""
_SCHEMES: Final = r"(?:(?:bearer|basic|negotiate|token|apikey)[ \t]+)?"
_PARAMETERS: Final = r"(?:digest|aws4-hmac-sha256|hawk|oauth)[ \t]+[a-z]+=[^\n]*"

_QUOTED = compiled(r"""(?s)([bruf]?\\*["'])(.*?)(\\*["']|)""")
_NOTHING = compiled(  # what stands where a secret is not
    r"""(?i)(?:[bruf]?\\*["'])?(?:|none|null|nil|undefined|true|false|missing|not|no|is|it|was|must"""
    r"""|unset|empty|required|invalid|expired|redacted|\*+|\?|%s|[\[{(<]|<[a-z_ -]{1,40}>?"""
    r"""|\$[0-9]{1,3}|%\([a-z_]{1,40}\)s|\$?\{[a-z_]{0,40}\}?|projects/[\w.:-]{1,64}/secrets/[\w./-]{1,255}"""
    r"""|(?:[a-z0-9]{1,20}_){1,6}(?:key|password|secret|token))"""  # the name of one
    r"""(?:\\*["'])?"""
)
_MASK = compiled(r"\*+|\$\{[A-Za-z_]{0,40}\}")
_LABEL = compiled(r"[A-Za-z0-9_.-]{1,40}[:=]")
_PROSE = compiled(r"(?i)(?:secret|token|credentials?|authorization):[ \t]+[a-z]{1,15}")
_RANDOM = compiled(r"[0-9][^=]*$|[a-z][A-Z]|[^=]{24}|[^=]=+$")
_TELLING_KEY = compiled(rf"(?i)(?:^pass|cookie|{_NAMES})$")

_TOKENS: Final = (
    r"AIza[0-9A-Za-z_-]{35}",  # Google: API key,
    r"ya29\.[0-9A-Za-z_-]{20,}",  # access token,
    r"1//0[0-9A-Za-z_-]{20,}",  # refresh token,
    r"4/0A[0-9A-Za-z_-]{20,}",  # authorization code,
    r"GOCSPX-[0-9A-Za-z_-]{20,}",  # client secret
    r"gh[opusr]_[0-9A-Za-z_]{36,}",  # GitHub
    r"github_pat_[0-9A-Za-z_]{22,}",
    r"gl(?:agent|cbt|dt|ft|imt|oas|pat|ptt|rt|soat)-[0-9A-Za-z_-]{20,}",  # GitLab
    r"GR1348941[0-9A-Za-z_-]{20,}",
    r"(?i:xox[abeoprs])-[0-9A-Za-z-]{3,}",  # Slack
    r"xapp-[0-9A-Za-z-]{20,}",
    r"(?i:hooks\.slack\.com/services/)[0-9A-Za-z_/]{5,}",
    r"[rs]k_(?:live|test)_[0-9A-Za-z]{16,}",  # Stripe
    r"whsec_[0-9A-Za-z+/=]{16,}",
    r"(?:A3T[0-9A-Z]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}",  # AWS access key
    r"\bsk-(?:admin|ant|live|or|proj|svcacct|test)-[0-9A-Za-z_-]{16,}",  # OpenAI, Anthropic
    r"\bsk-[0-9A-Za-z]{20,}",
    r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}",  # SendGrid
    r"npm_[0-9A-Za-z]{36}",
    r"pypi-AgE[0-9A-Za-z_-]{70,}",
    r"sq0(?:atp|csp)-[0-9A-Za-z\\_-]{22,}",  # Square
    r"[0-9]{8,10}:AA[0-9A-Za-z_-]{33}",  # Telegram
    r"[0-9a-z]{32}-us[0-9]{1,2}",  # Mailchimp
    r"hf_[0-9A-Za-z]{34,}",  # Hugging Face
    r"do[opr]_v1_[0-9a-f]{64,}",  # DigitalOcean
    r"\bSK[0-9a-f]{32}\b",  # Twilio: API key; AC… is an account and stays
    r"dckr_(?:oat|pat)_[0-9A-Za-z_-]{20,}",  # Docker
    r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32,}",  # Shopify
    r"lin_(?:api|oauth)_[0-9A-Za-z]{40,}",  # Linear
    r"AT[AC]TT3x[0-9A-Za-z_=-]{20,}",  # Atlassian
    r"dapi[0-9a-f]{32}(?:-[0-9])?\b",  # Databricks
    r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{50,}",  # age
    r"hv[brs]\.[0-9A-Za-z_-]{24,}",  # Vault; the older s.… is _VAULT
    r"dp\.(?:audit|ct|pt|sa|scim|st)\.(?:[0-9a-z_-]{2,35}\.)?[0-9A-Za-z]{40,}",  # Doppler
    r"NRAK-[0-9A-Z]{27,}",  # New Relic
    r"pul-[0-9a-f]{40,}",  # Pulumi
    r"[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{20,}",  # Terraform Cloud
    r"sntry[isu]_[0-9A-Za-z+/=_-]{40,}",  # Sentry
    r"glsa_[0-9A-Za-z]{32}_[0-9A-Fa-f]{8}",  # Grafana
    r"glc_[0-9A-Za-z+/]{32,}={0,3}",
)
_PRIVATE_KEY: Final = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_KEY_BODY: Final = r"[0-9A-Za-z+/=\s\\:,-]"

# The forms whose second group is the secret.
_ADDRESS: Final = (  # a password may hold `@`, and `/` where no port can stand
    r"""(://[^\s/:@?#"'<>\[\]]*:)"""
    r"""([^\s"'<>/@]+(?:@[^\s"'<>/@?,;&#]+)*|[0-9]*[^0-9\s"'<>/@][^\s"'<>@]*)@"""
)
_GO_ADDRESS: Final = r"""((?:^|[\s"'=(,;])[\w.-]+:)((?:[^\s@"'()/]|/[^\s@"'()/])+)@(?:tcp|unix)\("""
_COOKIE: Final = (
    r"""(?i)(cookie["'\\]{0,8}[ \t]{0,8}[:=][ \t]{0,8})"""
    rf"""({_QUOTES}|[^\s=;,"'\\]+=(?:=\\*"[^"\n]*"|[^\n"'\\])*)"""
)
_HEADER_PAIR: Final = (  # (b"authorization", b"Bearer …")
    r"""(?i)(["'](?:[\w-]*authorization|(?:set-)?cookie|x-[\w-]*(?:key|token))\\*["']"""
    rf"[ \t]{{0,8}},[ \t]{{0,8}})({_QUOTES})"
)
_VARIABLE: Final = (  # {"name": "DB_PASSWORD", "value": "…"}
    rf"""(?i)(["'](?:name|key)\\*["'][ \t]{{0,8}}:[ \t]{{0,8}}\\*["'][\w.-]*{_NAMES}"""
    rf"""\\*["']\s*,\s*\\*["']value\\*["'][ \t]{{0,8}}:[ \t]{{0,8}})({_QUOTES})"""
)
_AWS: Final = (
    r"""(?i)(aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?["'])([0-9a-z/+]{40})["']"""
)
_BEARER: Final = r"(?i)(\b(?:bearer|basic)[ \t]+)([0-9a-z._~+/-]{8,}=*)"
_QUERY: Final = r"""(?i)([?&](?:auth|code|jwt|key|[\w-]*signature|sig)=)([^&\s"'<>#]{16,})"""
_ASSIGNMENT: Final = rf"(?i)([\w.-]*{_NAMES}{_ASSIGNED})({_QUOTES}|{_PARAMETERS}|{_SCHEMES}{_BARE})"
_FLAG: Final = rf"""(?i)(--[\w-]*{_NAMES}[ \t]+)({_QUOTES}|[^\s"'-][^\s"']*)"""
_VAULT: Final = r"(?i)((?:token|vault(?: login)?)[ \t]{1,40})(s\.[0-9a-z]{24})\b"
_CURL: Final = r"""(\s(?:-u|--user)[ =]["']?[^\s:"'/]+:)([^\s"']+)"""

_PASSES: Final[tuple[_Pass, ...]] = tuple(
    (compiled(expression), replace)
    for expression, replace in (
        (f"-----BEGIN {_PRIVATE_KEY}(?:{_KEY_BODY}*?-----END {_PRIVATE_KEY}|{_KEY_BODY}*)", _whole),
        (_GO_ADDRESS, _password),
        (_ADDRESS, _password),
        (_COOKIE, _value),
        (_HEADER_PAIR, _value),
        (_VARIABLE, _value),
        ("|".join(_TOKENS), _whole),
        (r"\bsk-[0-9A-Za-z_-]*T3BlbkFJ[0-9A-Za-z_-]{20,}", _whole),  # OpenAI, every older form
        (r"eyJ[0-9A-Za-z_=-]+\.[0-9A-Za-z_=-]{6,}(?:\.[0-9A-Za-z_.+/=-]*)?", _whole),  # JWT, JWE
        (_AWS, _value),
        (_BEARER, _bearer),
        (_QUERY, _value),
        (_ASSIGNMENT, _named),
        (_FLAG, _value),
        (_VAULT, _value),
        (_CURL, _value),
    )
)
_EMAIL: Final[_Pass] = (
    compiled(r"(://)?[0-9A-Za-z._%+-]+(?:@|%40)(?:[0-9A-Za-z-]+\.)+[A-Za-z]{2,24}\b"),
    _email,
)


@cache  # only once it is needed, since it takes 10 ms
def _of_any() -> Any:
    """Compile all forms to one expression: to look for each by itself takes ten times as long."""
    forms = (expression.pattern.decode() for expression, _ in (*_PASSES, _EMAIL))
    return compiled("|".join(f"(?:{form})" for form in forms), groups=False)


# Every form above holds one of these; most lines hold none.
_MARKS = compiled(
    r"(?i)pass|pwd|aws|secret|token|key|credential|auth|cookie|contrase|sessi|phpsess|assertion|bearer"
    r"|basic|@|%40|eyJ|AIza|ya29|1//0|4/0A|GOCSPX|gh[opusr]_|github_pat|gl[a-z]{2,5}-|GR1348941"
    r"|xox|xapp|hooks\.slack|[rs]k_|whsec_|A3T|ABIA|ACCA|AKIA|ASIA|sk-|SG\.|npm_|pypi-|sq0|:AA"
    r"|-us[0-9]|sig=|signature=|code=|jwt=|hf_|do[opr]_v1_|SK[0-9a-f]{32}|dckr_|shp[acps][ast]_|lin_api_"
    r"|lin_oau|TT3x|dapi[0-9a-f]|hv[brs]\.|dp\.[acps]|NRAK-|pul-|\.atlasv1|sntry|gl(?:c|sa)_|vault"
    r"|\s(?:-u|--user)[ =]"
)
