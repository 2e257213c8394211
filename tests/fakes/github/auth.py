"""Who calls: a token of a person or of the App's installation, or the App with a signed claim."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt

from .answers import bad_credentials
from .call import Caller
from .state import BOT, written

if TYPE_CHECKING:
    from .state import State

LONGEST_CLAIM = timedelta(minutes=10)


def identify(state: State, authorization: str | None, now: datetime) -> Caller:
    """Return who an `Authorization` header stands for; raise Refusal (401)."""
    kind, _, text = (authorization or "").partition(" ")
    if not text:
        raise bad_credentials("Requires authentication")
    if kind.casefold() == "bearer" and text.count(".") == 2:
        return _claimed(state, text, now)
    secret = _password(text) if kind.casefold() == "basic" else text
    token = state.tokens.get(secret)
    if token is None or (token.expires_at is not None and token.expires_at <= written(now)):
        raise bad_credentials()
    return Caller(token.login, app=token.app)


def _claimed(state: State, text: str, now: datetime) -> Caller:
    """Check a claim of the App's as GitHub does: signature, issuer, and at most ten minutes."""
    if state.app.public_key is None:
        raise bad_credentials("A JSON web token could not be decoded")
    try:
        # The times are held against the fake's clock below, which may not be the machine's.
        said = jwt.decode(
            text,
            state.app.public_key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "iss"]},
        )
    except jwt.InvalidTokenError as error:
        raise bad_credentials("A JSON web token could not be decoded") from error
    ends = datetime.fromtimestamp(said["exp"], UTC)
    if ends <= now:
        raise bad_credentials(
            "'Expiration time' claim ('exp') must be a numeric value in the future"
        )
    if ends > now + LONGEST_CLAIM:
        raise bad_credentials("'Expiration time' claim ('exp') is too far in the future")
    if datetime.fromtimestamp(said["iat"], UTC) > now + timedelta(seconds=60):
        raise bad_credentials("'Issued at' claim ('iat') must be an Integer in the past")
    if str(said["iss"]) != str(state.app.id):
        raise bad_credentials("Integration not found")
    return Caller(BOT, app=True, as_app=True)


def _password(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
