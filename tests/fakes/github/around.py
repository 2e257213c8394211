"""What is around issues: the repository, who may do what there, the App, the limits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .answers import Answer, Refusal, bad_credentials, forbidden, invalid, not_found
from .state import BOT, Token, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call

TOKEN_LIFE = timedelta(hours=1)

# Roles that older clients know nothing of are told as the next lower one that they do.
_PERMISSIONS = {"triage": "read", "maintain": "write"}


def repository(call: Call) -> Answer:
    """Read a repository."""
    found = call.repository()
    role = found.roles.get(call.caller.login, "none" if found.private else "read")
    return Answer(200, call.shapes.repository(found, role))


def permission(call: Call) -> Answer:
    """Say what somebody may do in a repository."""
    found, login = call.repository(), call.path["username"]
    if login not in call.state.users:
        raise not_found()
    role = found.roles.get(login, "none" if found.private else "read")
    said = _PERMISSIONS.get(role, role)
    user = {**call.shapes.account(login), "role_name": role}
    return Answer(200, {"permission": said, "role_name": role, "user": user})


def myself(call: Call) -> Answer:
    """Say who the caller is; an App's installation is nobody."""
    if call.caller.app:
        raise forbidden(app=True)
    return Answer(200, call.shapes.profile(call.caller.login))


def user(call: Call) -> Answer:
    """Read an account."""
    if call.path["username"] not in call.state.users:
        raise not_found()
    return Answer(200, call.shapes.profile(call.path["username"]))


def app(call: Call) -> Answer:
    """Read the App, as the App."""
    _need_app(call)
    return Answer(200, call.shapes.app())


def installation(call: Call) -> Answer:
    """Read the App's installation, as the App."""
    _need_app(call)
    return Answer(200, call.shapes.installation())


def access_token(call: Call) -> Answer:
    """Give the App a token for its installation, for one hour."""
    _need_app(call)
    state, said = call.state, call.body or {}
    wanted = said.get("permissions") or state.app.permissions
    if any(
        state.app.permissions.get(name) not in {level, "write"} for name, level in wanted.items()
    ):
        message = "The permissions requested are not granted to this installation."
        raise Refusal(422, message, (invalid("Installation", "permissions").errors))
    token, expires_at = f"ghs_{state.new_id():036d}", written(call.now + TOKEN_LIFE)
    state.tokens[token] = Token(BOT, expires_at, app=True)
    body = {
        "token": token,
        "expires_at": expires_at,
        "permissions": wanted,
        "repository_selection": "all",
    }
    return Answer(201, body)


def rate_limit(call: Call) -> Answer:
    """Say how many calls are left; asking costs nothing."""
    said = call.limits.said(call.caller.login, call.now)
    search = {**said, "limit": 30, "remaining": 30, "used": 0, "resource": "search"}
    return Answer(200, {"resources": {"core": said, "search": search}, "rate": said})


def _need_app(call: Call) -> None:
    if not call.caller.as_app:
        raise bad_credentials("A JSON web token could not be decoded")
    wanted = call.path.get("installation_id")
    if wanted is not None and wanted != str(call.state.app.installation):
        raise not_found()


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "apps/create-installation-access-token": access_token,
    "apps/get-authenticated": app,
    "apps/get-installation": installation,
    "rate-limit/get": rate_limit,
    "repos/get": repository,
    "repos/get-collaborator-permission-level": permission,
    "users/get-authenticated": myself,
    "users/get-by-username": user,
}
