"""What GitHub answers: bodies, headers, and its errors in its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_LIMITS = (
    "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
    "#about-{}-rate-limits"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body that becomes JSON (None: no body), and headers of this answer alone.

    Text is sent as HTML.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - what GitHub refuses is no error of ours
    """An answer of GitHub's that says no, raised from wherever that turns out."""

    status: int
    message: str
    errors: tuple[dict[str, Any], ...] = ()
    documentation: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self, documentation: str) -> Answer:
        """Say it, with the address of the operation's documentation unless there is another."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors:
            body["errors"] = list(self.errors)
        if "Location" in self.headers:
            body["url"] = self.headers["Location"]
        body["documentation_url"] = self.documentation or documentation
        return Answer(self.status, {**body, "status": str(self.status)}, self.headers)


def not_found() -> Refusal:
    """Say that it is not there, or that the caller may not know of it."""
    return Refusal(404, "Not Found")


def gone() -> Refusal:
    """Say that somebody deleted an issue."""
    return Refusal(410, "This issue was deleted")


def issues_disabled() -> Refusal:
    """Say that a repository has no issues."""
    return Refusal(410, "Issues are disabled for this repo")


def bad_credentials(message: str = "Bad credentials") -> Refusal:
    """No token, an unknown one, or one that has expired."""
    return Refusal(401, message, documentation="https://docs.github.com/rest")


def forbidden(*, app: bool) -> Refusal:
    """Rights are missing: an App hears other words than a person."""
    if app:
        return Refusal(403, "Resource not accessible by integration")
    return Refusal(403, "Must have admin rights to Repository.")


def locked() -> Refusal:
    """Say that somebody ended the conversation."""
    return Refusal(403, "Unable to create comment because issue is locked.")


def invalid(resource: str, *fields: str, code: str = "invalid", **more: Any) -> Refusal:
    """Fields whose values can't be taken."""
    errors = tuple({**more, "resource": resource, "field": one, "code": code} for one in fields)
    return Refusal(422, "Validation Failed", errors)


def malformed(problems: list[str]) -> Refusal:
    """Say that a request is not as it is described."""
    return Refusal(422, "Invalid request.\n\n" + "\n".join(problems))


def primary_limit(who: str, status: int = 403, **headers: str) -> Refusal:
    """Say that the calls of this hour are used up; `x-ratelimit-reset` is until when."""
    message = f"API rate limit exceeded for {who}."
    return Refusal(status, message, (), _LIMITS.format("primary"), headers)


def secondary_limit(retry_after: int | None, status: int = 403) -> Refusal:
    """Too much in too little time; `retry_after` seconds, if GitHub says how long."""
    message = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Refusal(status, message, (), _LIMITS.format("secondary"), headers)


def unavailable(status: int, retry_after: int | None = None) -> Answer:
    """GitHub is broken: 500 is said in JSON, what stands before GitHub answers with a page."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 500:
        return Answer(500, {"message": "Server Error", "status": "500"}, headers)
    page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body>Unicorn!</body></html>"
    return Answer(status, page, headers)
