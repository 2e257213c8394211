"""The settings that a run has, each with its default and what it does."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.audit import SECOND
from pipeline.incident import PRIORITIES
from pipeline.retrying import Retrying
from pipeline.settings.values import (
    QUARANTINE,
    as_commands,
    as_flag,
    as_limit,
    as_list,
    as_number,
    as_one_of,
    as_resource,
    as_sinks,
    as_span,
    as_store,
    as_subscription,
    as_text,
)
from pipeline.vitals import SILENT, STALLED

PREFIX: Final = "FIVEWHYS_"
FILE: Final = f"{PREFIX}SETTINGS"

ELSEWHERE: Final[tuple[str, ...]] = (
    "github_adopt",
    "github_allowed_labels",
    "github_app_id",
    "github_app_key_file",
    "github_assign",
    "github_close",
    "github_doubt",
    "github_flapping",
    "github_grace",
    "github_group_interval",
    "github_installation_id",
    "github_labels",
    "github_mention_teams",
    "github_milestone",
    "github_new_issues",
    "github_reopen_window",
    "github_repositories",
    "github_repository",
    "github_similar",
    "github_similar_closed",
    "github_storm",
    "github_storm_within",
    "github_title",
    "github_token",
    "github_token_file",
    "github_type",
    "github_url",
    "logging_api",
    "marker_key",
    "marker_key_file",
    "marker_key_former",
    "marker_key_former_file",
    "nearby_logs",
    "redact_emails",
)
"""What `sinks/github/credentials.py` and modules of `bootstrap/` read and check."""

SECRETS: Final = frozenset({"github_token", "marker_key", "marker_key_former"})
"""They have no place in the file, which people show each other."""

STORED: Final = "sm://"
"""How the name of a secret of Secret Manager begins, which is not secret itself."""

FREE: Final = f"{PREFIX}INVESTIGATOR_"
"""Begins the names of variables that are a user's own programs' to read."""

ENVIRONMENTS: Final = {"local": Retrying(5, 3), "staging": Retrying(10, 5)}

_Text = Annotated[str, BeforeValidator(as_text)]
_Flag = Annotated[bool, BeforeValidator(as_flag)]
_Span = Annotated[int, BeforeValidator(as_span)]
_Limit = Annotated[int, BeforeValidator(as_limit)]
_List = Annotated[tuple[str, ...], NoDecode, BeforeValidator(as_list)]


class Settings(BaseSettings):
    """What a run is told; spans in nanoseconds, 0 and "" where nothing was said.

    The descriptions are those of the README's table.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=False,
    )

    subscription: Annotated[str, BeforeValidator(as_subscription)] = Field(
        default="",
        description="where a log sink delivers entries: `projects/P/subscriptions/S`; needed",
    )
    store: Annotated[str, BeforeValidator(as_store)] = Field(
        default="",
        repr=False,  # it may hold a password
        description="where state is kept: `sqlite:///FILE`, or for several processes "
        "`postgresql://USER:PASSWORD@HOST/DATABASE` (an `@` of the password is written `%40`); "
        "needed",
    )
    logging_filter: _Text = Field(
        default="",
        description="the log sink's filter: with it each start reads by the Logging API what was "
        "logged since the last entry that was received, of 7 days at most",
    )
    logging_project: Annotated[str, BeforeValidator(as_resource)] = Field(
        default="",
        description="whose logs these are (a project, or `folders/N`, `organizations/N`), if not "
        "those of the subscription's project",
    )
    environment: Annotated[str, as_one_of(ENVIRONMENTS)] = Field(
        default="staging",
        description="`local`: calls end after 5 s and are tried 3 times; `staging`: 10 s and 5",
    )
    timeout: _Limit = Field(
        default=0, description="when a call ends, if not as the environment has it (`20s`)"
    )
    tries: Annotated[int, as_number(0, 20)] = Field(
        default=0,
        description="how often in a row something may fail before it is called an error, if not as "
        "the environment has it; it is tried again later all the same",
    )
    http_port: Annotated[int, as_number(0, 65_535)] = Field(
        default=0, description="the port of `/livez`, `/readyz` and `/metrics`; 0: none"
    )
    stalled_after: _Span = Field(
        default=STALLED,
        description="when a thread that succeeds in nothing is taken for dead, as `/livez` says",
    )
    silent_after: _Span = Field(
        default=SILENT,
        description="when the log sink is suspected, as nothing came of any service",
    )
    sinks: Annotated[tuple[str, ...], NoDecode, BeforeValidator(as_sinks)] = Field(
        default=(), description="where reports go: `github`; nowhere by default"
    )
    dry_run: _Flag = Field(
        default=False,
        description="`true`: `run` and `replay` write nothing in GitHub; what they would is said "
        "in the log. `apply` does what it is told to",
    )
    rules: _List = Field(
        default=(), description="folders of rules; those that come with fivewhys by default"
    )
    placeholders: _Text = Field(
        default="", description="the file of what `%name%` stands for in rules that say `\\|expand`"
    )
    catalog: _Text = Field(default="", description="the file of the service catalog")
    suppressions: _Text = Field(default="", description="the file of what is not to be reported")
    repo: _Text = Field(default="", description="a checkout of the services' code")
    min_priority: Annotated[str, as_one_of(PRIORITIES, str.upper)] = Field(
        default=PRIORITIES[-1], description="only incidents from this priority on are reported"
    )
    probe: _Flag = Field(
        default=False, description="`true`: ask the catalog's health addresses, read-only"
    )
    investigators: Annotated[tuple[str, ...], NoDecode, BeforeValidator(as_commands)] = Field(
        default=(), description="programs that are asked about each incident, one a line"
    )
    receivers: Annotated[int, as_number(1, 32)] = Field(
        default=1, description="how many threads pull and examine"
    )
    pull_messages: Annotated[int, as_number(1, 1_000)] = Field(
        default=1_000,
        description="how many messages a thread has in hand at most; as many are pulled ahead",
    )
    pull_bytes: Annotated[int, as_number(1_000, 1_000_000_000)] = Field(
        default=16 * 1024 * 1024, description="how many bytes these have at most, about"
    )
    poison: Annotated[str, as_one_of((QUARANTINE, "dead-letter"))] = Field(
        default=QUARANTINE,
        description="what becomes of messages that hold no log entry: `quarantine` keeps them in "
        "the store, `dead-letter` leaves them to the subscription's dead-letter topic, if it has "
        "one",
    )
    report_every: _Span = Field(
        default=60 * SECOND,
        description="how often issues are looked after while nothing is new (`1m`)",
    )
    max_runtime: _Limit = Field(
        default=0, description="when it ends by itself: before a job's time-out does it (`50m`)"
    )
    until_idle: _Flag = Field(
        default=False, description="`true`: it ends once the subscription has nothing left"
    )

    @property
    def retrying(self) -> Retrying:
        """How long calls may take, and how often they are tried."""
        usual = ENVIRONMENTS[self.environment]
        return Retrying(self.timeout / SECOND or usual.timeout, self.tries or usual.tries)


WRITTEN: Final = {"report_every": "1m", "silent_after": "15m", "stalled_after": "3m"}
"""Defaults that a user would write otherwise."""

OWN: Final = tuple(Settings.model_fields)
KNOWN: Final = (FILE, *(f"{PREFIX}{name.upper()}" for name in (*OWN, *ELSEWHERE)))
"""All variables of the environment that there are."""


def variable(key: str) -> str:
    """Return the variable of the environment that says a setting."""
    return f"{PREFIX}{key.upper()}"


def table() -> str:
    """Return the README's table of all settings that a run has beside those of GitHub."""
    rows = [f"| `{FILE}` | | this file |"]
    for key, field in Settings.model_fields.items():
        rows.append(f"| `{variable(key)}` | {_shown(key, field.default)} | {field.description} |")
    return "\n".join(("| variable | default | what |", "|---|---|---|", *rows))


def _shown(key: str, default: object) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{WRITTEN.get(key, default)}`" if default else ""
