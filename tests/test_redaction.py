"""Secrets go, evidence stays, and doing it twice changes nothing."""

import re
import subprocess
import sys
import time

import pytest
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipeline.redaction import Redactor
from pipeline.redaction.expressions import PLACEHOLDER
from pipeline.redaction.names import LONGEST_NAME, remembered, short_name

REDACTOR = Redactor()

KEPT = [
    "",
    "✗ Missing critical user tables: ['user_sessions']",
    "✗ Golden path validation failed: Users cannot log in without proper auth=REDACTED",
    "{'auth_users', 'password_reset_tokens', 'alembic_version', 'auth_sessions'}",
    'relation "secrets" does not exist',
    "tables: ['users', 'secrets']",
    "token_type=bearer",
    "max_tokens=100 total_tokens: 55",
    "SECRET_KEY is not set",
    "FIVEWHYS_GITHUB_TOKEN: it is not set; set it",
    "Missing required secret: JWT_SECRET_KEY",
    "fe_sendauth: no password supplied",
    'password authentication failed for user "app"',
    "Basic authentication failed, bearer token missing",
    'WWW-Authenticate: Bearer realm="x"',
    "authorization: denied by policy",
    "failed to load secret: permission denied",
    "failed to access secret: rpc error: code = NotFound desc = gone",
    "secret: projects/p/secrets/x/versions/latest",
    "Invalid token: Signature has expired",
    "password=None token='' api_key: null secret=<unset> DB_PASSWORD=${DB_PASSWORD}",
    '{"token": "", "password": "None"}',
    "WHERE token = $1 AND password = %(password)s",
    "postgresql://user:***@host/db",
    "postgresql://user@db.example.com/db",
    "http://host:8080/path",
    "http://[::1]:8080/a@b",
    "BYPASS_STARTUP_VALIDATION=true bypass=1",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "550e8400-e29b-41d4-a716-446655440000",
    "projects/p/traces/4bf92f3577b34da6a3ce929d0e0e4736",
    "image@sha256:" + "0123456789abcdef" * 4,
    "68c0d0e4000b3f2a7c1d5e9f 1a2b3c4d@a1 6 - # @ | :",
    "task-definition-long-name-here risk-assessment-abcdefghijklmnopqrstu",
    "lodash@4.17.21 git clone ssh://git@github.com/a/b",
    "runner@project.iam.gserviceaccount.com lacks permission",
    'connection to server on socket "/cloudsql/p:r:i/.s.PGSQL.5432" failed',
    "half_done hf_hub_download(repo_id) hf_transfer_is_enabled_for_every_download_of_it",
    "dapi dapi.example.com dapid dapi-5f6d8c9b7-x2x4z fastdapi dapi0123456789abcdef",
    "dapi" + "0123456789" * 4,
    "country=SK SK-842 SK 4bf92f3577b34da6a3ce929d0e0e4736 SK4bf92f3577b34da6",
    *["TASK" + "0123abcd" * 4, "SK" + "0123456789" * 4, "AC" + "0123abcd" * 4],
    "hvs.example.com:8200 hvb.status s.example.com s." + "abcdefgh" * 3,
    "the token s.length vault s.split vault login failed",
    "dop_v1_beta do_v1_x shpat_is_set lin_api_client dckr_pat_missing sntrys_token glc_x glsa_y",
    "dp.pt.example.com dp.st.dev.log NRAK-missing pul-requests app.atlasv1.example.com ATATT3",
    "pul-da39a3ee age-secret-key-1 AGE-SECRET-KEY-1 550e8400-e29b-41d4-a716-446655440000",
]

CHANGED = [
    ("Authorization: Bearer abc", "Authorization: [REDACTED]"),
    ("authorization=Basic dXNlcjpwYXNz next", "authorization=[REDACTED] next"),
    ("{'Authorization': 'Bearer abc', 'a': 1}", "{'Authorization': '[REDACTED]', 'a': 1}"),
    ('"Authorization: Bearer abc"', '"Authorization: [REDACTED]"'),
    (r"{\"authorization\":\"Bearer abc\",\"a\":1}", r"{\"authorization\":\"[REDACTED]\",\"a\":1}"),
    ('Authorization: Digest username="a", response="b"', "Authorization: [REDACTED]"),
    ("(b'authorization', b'Bearer abc')", "(b'authorization', b'[REDACTED]')"),
    ('["X-Api-Key", "abc"]', '["X-Api-Key", "[REDACTED]"]'),
    ("sent Bearer abcdef123456.", "sent Bearer [REDACTED]"),
    ('Cookie: a=b; c="d"; e=f', "Cookie: [REDACTED]"),
    ("curl -H 'Cookie: a=b; c=d' https://host", "curl -H 'Cookie: [REDACTED]' https://host"),
    ("Set-Cookie: sid=abc; Path=/\nnext", "Set-Cookie: [REDACTED]\nnext"),
    ("postgresql://user:pw@host:5432/db", "postgresql://user:[REDACTED]@host:5432/db"),
    ("a://u:p@ss@h/db?x=y b://v:q@i", "a://u:[REDACTED]@h/db?x=y b://v:[REDACTED]@i"),
    ("postgresql://user:ab/c+d=@host/db", "postgresql://user:[REDACTED]@host/db"),
    ("a://user:none@host", "a://user:[REDACTED]@host"),
    ("redis://:pw@host:6379/0", "redis://:[REDACTED]@host:6379/0"),
    ("dsn=user:p/w@tcp(host:3306)/db", "dsn=user:[REDACTED]@tcp(host:3306)/db"),
    ("mysql://user:pw@tcp(host:3306)/db", "mysql://user:[REDACTED]@tcp(host:3306)/db"),
    ("host=h password=hunter2 user=u", "host=h password=[REDACTED] user=u"),
    ("Server=h;Password=a,b;Database=d", "Server=h;Password=[REDACTED];Database=d"),
    ('passwd: "hunter2"', 'passwd: "[REDACTED]"'),
    ("password: hunter", "password: [REDACTED]"),
    ("password: token: abc1", "password: token: [REDACTED]"),
    ("secret: password : x1", "secret: password : [REDACTED]"),
    ("secret_key='a b c' next", "secret_key='[REDACTED]' next"),
    ("SECRET_KEY_BASE=abc API-KEY=def", "SECRET_KEY_BASE=[REDACTED] API-KEY=[REDACTED]"),
    ("https://h/p?token=abc&z=1", "https://h/p?token=[REDACTED]&z=1"),
    ("https://h/p?sig=abcdefghijklmnop&z=1", "https://h/p?sig=[REDACTED]&z=1"),
    (r'{"password": "a\"b", "x": 1}', r'{"password": "[REDACTED]", "x": 1}'),
    (r"{\"password\": \"a\\\"b\", \"x\": 1}", r"{\"password\": \"[REDACTED]\", \"x\": 1}"),
    ('{"password": 1234}', '{"password": [REDACTED]}'),
    ("connect(user='x', password=abc)", "connect(user='x', password=[REDACTED])"),
    ("run --password hunter2 --token=abc", "run --password [REDACTED] --token=[REDACTED]"),
    ("curl -u user:pw https://h", "curl -u user:[REDACTED] https://h"),
    ('password="cut off', 'password="[REDACTED]'),
    ('"name": "DB_PASSWORD", "value": "x"', '"name": "DB_PASSWORD", "value": "[REDACTED]"'),
    ("mail a.b@example.com, c%40example.com", "mail [REDACTED], [REDACTED]"),
    (f"aws key is '{'a1' * 20}'", "aws key is '[REDACTED]'"),
    (f"client_token   s.{'a1B' * 8}\n", "client_token   [REDACTED]\n"),
    (f"vault login s.{'a1B' * 8};", "vault login [REDACTED];"),
    (f"VAULT_TOKEN=s.{'a1B' * 8} x", "VAULT_TOKEN=[REDACTED] x"),
    (f'"x-vault-token": "s.{"a1B" * 8}"', '"x-vault-token": "[REDACTED]"'),
]


@pytest.mark.parametrize("text", KEPT)
def test_evidence_stays(text: str) -> None:
    """Table names, hosts, ids and sentences about secrets are no secrets."""
    assert REDACTOR.text(text) == text


@pytest.mark.parametrize(("text", "clean"), CHANGED)
def test_secrets_go(text: str, clean: str) -> None:
    """The secret goes, what stands around it stays, and a second pass finds nothing."""
    assert REDACTOR.text(text) == clean
    assert REDACTOR.text(clean) == clean


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def tail(size: int, alphabet: str = LETTERS) -> st.SearchStrategy[str]:
    """Return strings of exactly `size` characters."""
    return st.text(alphabet, min_size=size, max_size=size)


HEX = "0123456789abcdef"
PUBLISHED = {
    "hugging-face": tail(34).map("hf_".__add__),
    "digitalocean": st.tuples(st.sampled_from("opr"), tail(64, HEX)).map("do%s_v1_%s".__mod__),
    "twilio": tail(32, HEX).map("SK".__add__),
    "docker": st.tuples(st.sampled_from("op"), tail(27)).map("dckr_%sat_%s".__mod__),
    "shopify": st.tuples(st.sampled_from(["at", "ca", "pa", "ss"]), tail(32, HEX)).map(
        "shp%s_%s".__mod__
    ),
    "linear": tail(40).map("lin_api_".__add__),
    "linear-oauth": tail(64, HEX).map("lin_oauth_".__add__),
    "atlassian": st.tuples(tail(170), tail(8, HEX)).map("ATATT3xFfGF0%s=%s".__mod__),
    "databricks": tail(32, HEX).map("dapi".__add__),
    "databricks-2": tail(32, HEX).map("dapi%s-2".__mod__),
    "age": tail(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L").map("AGE-SECRET-KEY-1".__add__),
    "vault": st.tuples(st.sampled_from("brs"), tail(90)).map("hv%s.CAES%s".__mod__),
    "vault-root": tail(24).map("hvs.".__add__),
    "doppler": tail(43).map("dp.pt.".__add__),
    "doppler-service": tail(43).map("dp.st.dev_api.".__add__),
    "new-relic": tail(27, LETTERS[:26] + "0123456789").map("NRAK-".__add__),
    "pulumi": tail(40, HEX).map("pul-".__add__),
    "terraform": st.tuples(tail(14), tail(67)).map("%s.atlasv1.%s".__mod__),
    "sentry": st.tuples(tail(150), tail(43, LETTERS + "+/")).map("sntrys_eyJ%s=_%s".__mod__),
    "sentry-user": tail(64, HEX).map("sntryu_".__add__),
    "grafana": st.tuples(tail(32), tail(8, HEX)).map("glsa_%s_%s".__mod__),
    "grafana-cloud": tail(100).map("glc_eyJ%s==".__mod__),
}
"""Tokens that have a published form, drawn by it; such a token goes whole."""
KINDS = {
    **PUBLISHED,
    "google-key": tail(35).map("AIza".__add__),
    "google-token": tail(60).map("ya29.a0".__add__),
    "google-refresh": tail(60).map("1//0".__add__),
    "google-client": tail(28).map("GOCSPX-".__add__),
    "github": st.tuples(st.sampled_from("pousr"), tail(36)).map(lambda t: f"gh{t[0]}_{t[1]}"),
    "github-pat": tail(82, LETTERS + "_").map("github_pat_".__add__),
    "gitlab": tail(20).map("glpat-".__add__),
    "slack": st.tuples(st.sampled_from("abpors"), tail(24)).map(lambda t: f"xox{t[0]}-12-{t[1]}"),
    "stripe": st.tuples(st.sampled_from("rs"), tail(24)).map(lambda t: f"{t[0]}k_live_{t[1]}"),
    "aws": tail(16, LETTERS[:26] + "0123456789").map("AKIA".__add__),
    "openai": tail(48).map(" sk-".__add__),
    "anthropic": tail(40, LETTERS + "-_").map(" sk-ant-".__add__),
    "sendgrid": st.tuples(tail(22), tail(43)).map(lambda t: f"SG.{t[0]}.{t[1]}"),
    "npm": tail(36).map("npm_".__add__),
    "pypi": tail(80).map("pypi-AgE".__add__),
    "telegram": tail(33).map("12345678:AA".__add__),
    "jwt": st.tuples(tail(30), tail(60), tail(43)).map(lambda t: f"eyJ{t[0]}.eyJ{t[1]}.{t[2]}"),
    "pem": tail(64).map(
        lambda t: f"-----BEGIN RSA PRIVATE KEY-----\n{t}\n-----END RSA PRIVATE KEY-----"
    ),
    "pem-escaped": tail(64).map(
        lambda t: f"-----BEGIN PRIVATE KEY-----\\n{t}\\n-----END PRIVATE KEY-----"
    ),
    "pem-cut": tail(64).map(lambda t: f"-----BEGIN OPENSSH PRIVATE KEY-----\n{t}"),
    "bearer": tail(30).map(" Bearer ".__add__),
    "basic": tail(30).map("Authorization: Basic ".__add__),
    "cookie": tail(30).map("Cookie: session=".__add__),
    "address": tail(20).map(lambda t: f"postgresql://app:{t}@db"),
    "password": tail(20).map("password=".__add__),
    "json": tail(20).map(lambda t: f'{{"client_secret": "{t}"}}'),
    "json-in-json": tail(20).map(lambda t: f'{{\\"api_key\\": \\"{t}\\"}}'),
    "flag": tail(20).map(" --token ".__add__),
}
"""Secrets of each kind; the last run of characters in them is what must not survive."""


def core(secret: str) -> str:
    """Return the longest run of letters and digits: the part of a secret that is secret."""
    runs = "".join(char if char in LETTERS else " " for char in secret).split()
    return max(runs, key=len)


AROUND = st.text(st.characters(blacklist_characters="\"'`\\")).map(lambda text: text[:40])


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_no_secret_survives(kind: str, data: st.DataObject) -> None:
    """Whatever text a secret is planted in, it is gone afterwards."""
    secret, before, after = data.draw(KINDS[kind]), data.draw(AROUND), data.draw(AROUND)
    assume(core(secret) not in before + after)
    assert core(secret) not in REDACTOR.text(f"{before} {secret} {after}")


@pytest.mark.parametrize("kind", PUBLISHED)
@given(data=st.data())
def test_a_published_token_goes_whole(kind: str, data: st.DataObject) -> None:
    """The placeholder takes its place, in text and in a mapping, and a second pass rests."""
    token = data.draw(PUBLISHED[kind])
    for text in ("got %s, gave up", "'%s'", "url/%s?", "<%s>", "%s", "a\n%s\nb"):
        assert REDACTOR.text(text % token) == text % PLACEHOLDER
        assert REDACTOR.text(text % PLACEHOLDER) == text % PLACEHOLDER
        assert REDACTOR.value({"id": [text % token]}) == {"id": [text % PLACEHOLDER]}


@pytest.mark.parametrize("kind", ["google-key", "github", "slack", "stripe", "aws", "jwt", "pem"])
@given(data=st.data())
def test_a_token_needs_no_space_before_it(kind: str, data: st.DataObject) -> None:
    """A token with a prefix of its own is found in the middle of a word."""
    secret, before = data.draw(KINDS[kind]), data.draw(AROUND)
    assume(core(secret) not in before)
    assert core(secret) not in REDACTOR.text(f"{before}{secret}")


PIECES = [
    *[text for text, _ in CHANGED],
    *KEPT,
    *" \n\t\"'`\\:=,;&@/?[](){}<>.-_",
    *["://", "a", "7", "password", "token", "Bearer ", "Cookie: a=", "eyJ" + "a" * 12],
    *["AIza" + "b" * 35, PLACEHOLDER, "secret: ", "@example.com", "-----BEGIN PRIVATE KEY-----"],
    *["-----END PRIVATE KEY-----", "\ud800", "\x00", "é"],
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
@example("token: AIza" + "b" * 35 + ": abc1")
def test_a_second_pass_changes_nothing(text: str) -> None:
    """Redaction is idempotent."""
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


@given(st.lists(st.lists(st.sampled_from([*PIECES, "-u a:b", "x"])).map("".join)))
@example([])
@example([""])
@example(["", "\n-u a:b", "-u a:b c", "x\n", "--user a:b", "", "token=abc", ""])
def test_several_texts_are_redacted_as_each_is(texts: list[str]) -> None:
    """What is looked for in all of them at once is missed in none."""
    assert REDACTOR.texts(texts) == [REDACTOR.text(text) for text in texts]
    assert WALKS.texts(texts) == [WALKS.text(text) for text in texts]


@given(st.text(st.characters()))
def test_any_text_is_normal_input(text: str) -> None:
    """Null bytes and lone surrogates pass through, and text without secrets is not touched."""
    assert REDACTOR.text(f"\x00\ud800 {text}").startswith("\x00\ud800")


DETECTORS: list[RegexBasedDetector] = [
    *[AWSKeyDetector(), AzureStorageKeyDetector(), BasicAuthDetector(), GitHubTokenDetector()],
    *[GitLabTokenDetector(), JwtTokenDetector(), MailchimpDetector(), OpenAIDetector()],
    *[PypiTokenDetector(), SendGridDetector(), SlackDetector(), SquareOAuthDetector()],
    *[StripeDetector()],
]


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda item: type(item).__name__)
@given(data=st.data())
def test_published_detectors_find_nothing_afterwards(
    detector: RegexBasedDetector, data: st.DataObject
) -> None:
    """Whatever an expression of detect-secrets matches is gone, by its own judgement."""
    pattern = data.draw(st.sampled_from(list(detector.denylist)))
    secret = data.draw(
        st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
    )
    assume(not (isinstance(detector, BasicAuthDetector) and set(secret) & set("\"'<>")))
    assert not list(detector.analyze_string(REDACTOR.text(f" {secret} ")))


def test_values_are_walked() -> None:
    """Dicts and lists are copied with their strings redacted, to any depth."""
    before = {"a": ["Bearer abcdef123456", {"b": "x@example.com"}], "n": 1, "t": (None, True, 1.5)}
    assert REDACTOR.value(before) == {
        "a": ["Bearer [REDACTED]", {"b": PLACEHOLDER}],
        "n": 1,
        "t": [None, True, 1.5],
    }
    assert before["n"] == 1
    assert REDACTOR.value("password=x") == "password=[REDACTED]"


@pytest.mark.parametrize(
    "key",
    [
        *["authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "password", "passwd"],
        *["pass", "secret", "token", "accessToken", "api_key", "X-Api-Key", "apiKey"],
        *["private key", "PRIVATE-KEY", "client_secret", "DB_PASSWORD", "secretKeyBase"],
        *["x-goog-iap-jwt-assertion"],
    ],
)
def test_a_telling_key_hides_its_value(key: str) -> None:
    """Under such a key every value goes, whatever its type; that there is none stays visible."""
    for value in ("x", 12, ["a"], {"b": "c"}):
        assert REDACTOR.value({key: value}) == {key: PLACEHOLDER}
    nothings: list[object] = [None, False, "", [], {}]
    for nothing in nothings:
        assert REDACTOR.value({key: nothing}) == {key: nothing}


@pytest.mark.parametrize(
    "key",
    ["token_type", "secrets", "password_reset_tokens", "max_tokens", "bypass", "author", "", 7],
)
def test_other_keys_hide_nothing(key: object) -> None:
    """Keys that only resemble such a key keep their values."""
    assert REDACTOR.value({key: "x"}) == {key: "x"}


def test_environment_variables_as_objects() -> None:
    """Cloud Run describes its variables as names and values."""
    assert REDACTOR.value([{"name": "DB_PASSWORD", "value": "x"}, {"name": "A", "value": "y"}]) == [
        {"name": "DB_PASSWORD", "value": PLACEHOLDER},
        {"name": "A", "value": "y"},
    ]


def test_keys_are_redacted_and_none_is_lost() -> None:
    """Keys that become equal are told apart."""
    keys = ["a@example.com", "b@example.com", "c@example.com"]
    once = REDACTOR.value(dict.fromkeys(keys, 1))
    assert once == {"[REDACTED]": 1, "[REDACTED] (2)": 1, "[REDACTED] (3)": 1}
    assert REDACTOR.value(once) == once


def test_depth_is_no_limit() -> None:
    """A value nested deeper than Python's stack is walked like any other."""
    value: list[object] = ["password=x"]
    for _ in range(100_000):
        value = [value]
    clean = REDACTOR.value(value)
    while isinstance(clean, list):
        clean = clean[0]
    assert clean == "password=[REDACTED]"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(PIECES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*PIECES, "name", "value"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_a_second_walk_changes_nothing(value: object) -> None:
    """Redaction of values is idempotent too."""
    once = REDACTOR.value(value)
    assert REDACTOR.value(once) == once


WALKS = Redactor(extra=("[^\\x00-\\x{10ffff}]",))
"""Redacts as `REDACTOR` does; but a further expression, which matches nothing, lets it assume of no
text that there is nothing in it."""


@given(JSON | st.recursive(st.text() | st.integers(), st.lists, max_leaves=4))
def test_what_needs_no_walk_comes_out_as_if_walked(value: object) -> None:
    """A value without anything that could be secret is returned as it is, and not a copy."""
    assert REDACTOR.value(value) == WALKS.value(value)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(data=st.data())
def test_no_kind_of_secret_is_taken_for_none(kind: str, data: st.DataObject) -> None:
    """As text, in a value and as a key it goes as if every expression had been tried."""
    secret, around = data.draw(KINDS[kind]), data.draw(AROUND)
    for text in (secret, f"{around} {secret} {around}", secret.swapcase()):
        assert REDACTOR.text(text) == WALKS.text(text)
        value = {"a": [text], text: {"b": 1}}
        assert REDACTOR.value(value) == WALKS.value(value)


@pytest.mark.parametrize("text", [*KEPT, *(text for text, _ in CHANGED)])
def test_no_example_is_taken_for_harmless(text: str) -> None:
    """What every expression makes of an example comes out."""
    assert REDACTOR.text(text) == WALKS.text(text)
    assert REDACTOR.value({"name": text, "value": text}) == WALKS.value(
        {"name": text, "value": text}
    )


def test_a_value_without_secrets_is_itself() -> None:
    """No copy is made; nor is one changed where there are secrets."""
    value = {"a": ["well", {"b": None}], "n": 1.5}
    assert REDACTOR.value(value) is value
    secret = {"a": ["password=x"]}
    assert REDACTOR.value(secret) == {"a": ["password=[REDACTED]"]}
    assert secret == {"a": ["password=x"]}


def test_addresses_of_people_are_a_setting() -> None:
    """With `emails=False` addresses stay, and secrets still go."""
    redactor = Redactor(emails=False)
    assert redactor.text("a@example.com password=x") == "a@example.com password=[REDACTED]"


def test_further_expressions() -> None:
    """An installation adds the secrets only it knows; empty matches are passed over."""
    redactor = Redactor(extra=(r"ACME-\d+", r"é|(?m)^\b"))
    assert redactor.text("id ACME-123 é") == "id [REDACTED] [REDACTED]"


def test_an_expression_that_feeds_on_what_it_left_ends() -> None:
    """An expression that matches at its own traces is stopped after a few rounds."""
    assert Redactor(extra=(r"\]b",)).text("[b]" + "b" * 50).endswith("bbb")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(?<=a)b", "RE2 cannot run '(?<=a)b': invalid perl operator: (?<="),
        ("x*", "'x*' matches the empty text"),
        ("[A-Z]+", r"'[A-Z]+' matches the placeholder [REDACTED]"),
        (r"\C", r"'\\C' matches half a character"),
    ],
)
def test_a_wrong_expression_is_refused(expression: str, reason: str) -> None:
    """What RE2 cannot run, or what would never come to rest, is named."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        Redactor(extra=(expression,))


@pytest.mark.parametrize(
    "unit",
    [
        *["a", "a1.", "password", "password=", "password: ", 'token="', "token: a: "],
        *["Cookie: a=b", 'Cookie:a="', "://a:b", "://a:b@", "eyJa.", "eyJ" + "AIza" + "a" * 35],
        *["a@", "a@b.", "\\", "-----BEGIN PRIVATE KEY-----", "--token ", "sk-", "sk-" + "a" * 20],
        *['"name":"token","value":', "secret:a ", "Bearer ", "aws key '", "?key=", '\\"'],
        *["xoxb-1-", "hf_", "SK0123abcd", "hvs.a", "dp.st.a.", "a" * 14 + ".atlasv1.", "sntrys_"],
        *["glc_a/=", "token  ", "token s.", "vault login ", "dapi0123", "pul-0", "ATATT3x"],
        *["dckr_pat_"],
    ],
)
def test_long_lines_take_linear_time(unit: str) -> None:
    """Four times the length takes about four times as long, whatever the line repeats."""
    assert seconds(unit, 80_000) < 0.5 + 10 * seconds(unit, 20_000)


def seconds(unit: str, length: int) -> float:
    """Return the processor time that redaction takes over a line of that length."""
    started = time.process_time()
    REDACTOR.text(unit * (length // len(unit)))
    return time.process_time() - started


def test_a_megabyte_is_normal_input() -> None:
    """A line of a megabyte loses its secret like any other."""
    clean = REDACTOR.text("a1 " * 350_000 + "password=hunter2")
    assert len(clean) > 1_000_000
    assert clean.endswith("a1 password=[REDACTED]")


@given(st.text(st.characters(exclude_categories=()), max_size=40), st.integers(1, 40))
def test_names_are_short_and_again_shortened_stay_the_same(text: str, times: int) -> None:
    """What is no longer than it has to be is kept as it is, whatever it holds."""
    name = short_name(text * times)
    size = len((text * times).encode(errors="surrogatepass"))
    assert len(name.encode(errors="surrogatepass")) <= LONGEST_NAME
    assert short_name(name) == name
    assert (name == text * times) == (size <= LONGEST_NAME)


def test_long_names_are_told_apart_and_hold_no_secret() -> None:
    """By a digest of all that they were."""
    one, other = ("é" * 1_000 + end for end in "ab")
    assert short_name(one) != short_name(other)
    assert short_name(one)[:200] == one[:200]
    secret = "ghp_" + "a1B2" * 9
    assert REDACTOR.name(f"shop {secret}") == f"shop {PLACEHOLDER}"


def test_it_loads_without_a_network_client() -> None:
    """Importing the module brings in neither a network client nor the detectors' package."""
    script = (
        "import sys, pipeline.redaction;"
        "print(*{'requests', 'detect_secrets', 'socket', 'subprocess'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_what_is_longer_than_a_name_is_not_remembered() -> None:
    """A log could fill the memory with it."""
    asked: list[str] = []

    def count(text: str) -> int:
        asked.append(text)
        return len(text)

    short, long = "k" * LONGEST_NAME, "k" * (LONGEST_NAME + 1)
    assert [*map(remembered(count), (short, long, short, long))] == [500, 501, 500, 501]
    assert asked == [short, long, long]
