"""The example's platform as a small repository: sessions moved to the auth service.

What checks the start of the backend still expects the table that went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.investigators.support import Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VALIDATOR = "netra_backend/app/core/golden_path_validator.py"
BACKEND_MODELS = "netra_backend/app/db/models.py"
AUTH_MODELS = "auth_service/auth_core/database/models.py"
HELPER = "netra_backend/app/alembic/user_auth_tables.py"
VERSIONS = "netra_backend/app/alembic/versions"
MOVE = "Move sessions to the auth service"

_SESSION_COLUMNS = """\
    id = Column(String, primary_key=True)
    user_id = Column(String, nullable=False)
    refresh_token_hash = Column(String)
    expires_at = Column(DateTime)
"""

_BACKEND_BASE = """\
from sqlalchemy import Column, DateTime, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(String, primary_key=True)
    email = Column(String)


class Secret(Base):
    __tablename__ = "secrets"
    id = Column(String, primary_key=True)
"""

_SESSION_MODEL = f"""

class UserSession(Base):
    __tablename__ = "user_sessions"
{_SESSION_COLUMNS}"""

_AUTH_BASE = """\
from sqlalchemy import Column, DateTime, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class AuthUser(Base):
    __tablename__ = "auth_users"
    id = Column(String, primary_key=True)


class AuthAuditLog(Base):
    __tablename__ = "auth_audit_logs"
    id = Column(String, primary_key=True)


class PasswordResetToken(Base):
    __tablename__ = "password_reset_tokens"
    id = Column(String, primary_key=True)
"""

AUTH_SESSION_MODEL = f"""

class AuthSession(Base):
    __tablename__ = "auth_sessions"
{_SESSION_COLUMNS}"""

CHECK = '''\
"""Validates what users need before the service takes traffic."""

from sqlalchemy import text

_FIND = "SELECT 1 FROM information_schema.tables WHERE table_name = :name"


class GoldenPathValidator:
    """Checks the path from login to an answer."""

    async def validate_user_auth_tables(self, session):
        critical_user_tables = ["users", "user_sessions"]
        missing = []
        for name in critical_user_tables:
            if not (await session.execute(text(_FIND), {"name": name})).scalar():
                missing.append(name)
        if missing:
            raise RuntimeError(f"Missing critical user tables: {missing}")
'''

_INITIAL = """\
from netra_backend.app.alembic.user_auth_tables import create_user_auth_tables

revision = "a1"
down_revision = None


def upgrade():
    create_user_auth_tables()


def downgrade():
    pass
"""

_SECOND = """\
from alembic import op
import sqlalchemy as sa

revision: str = "b2"
down_revision: str = "a1"


def upgrade():
    op.add_column("users", sa.Column("email", sa.String()))


def downgrade():
    op.drop_column("users", "email")
"""

_CREATES = """\
from alembic import op
import sqlalchemy as sa


def create_user_auth_tables():
    op.create_table("users", sa.Column("id", sa.String(), primary_key=True))
    op.create_table(
        "secrets",
        sa.Column("id", sa.String(), primary_key=True),
    )
"""

_ENV = """\
from alembic import context


def run(connection):
    context.configure(connection=connection, version_table="alembic_version")
"""

FIRST = {
    BACKEND_MODELS: _BACKEND_BASE + _SESSION_MODEL,
    AUTH_MODELS: _AUTH_BASE,
    HELPER: _CREATES,
    f"{VERSIONS}/a1_initial.py": _INITIAL,
    f"{VERSIONS}/b2_email.py": _SECOND,
    "netra_backend/app/alembic/env.py": _ENV,
    "netra_backend/tests/test_models.py": 'TABLES = ["user_sessions"]\n',
}
"""The files of the first commit: sessions are the backend's."""

MOVED = {BACKEND_MODELS: _BACKEND_BASE, AUTH_MODELS: _AUTH_BASE + AUTH_SESSION_MODEL}
"""What the move changes."""


def platform(root: Path, after: Mapping[str, str] | None = None, **commits: bool) -> Project:
    """Make the repository; `after` are files of a last commit.

    `together` (True) says that the table goes and comes in one commit, `checked_first` (True) that
    the check is older than that.
    """
    together, checked_first = commits.get("together", True), commits.get("checked_first", True)
    project = Project(root)
    project.commit("Start with one database", FIRST)
    if checked_first:
        project.commit("Check the golden path at start", {VALIDATOR: CHECK})
    if not together:
        project.commit("Prepare the auth service", {AUTH_MODELS: MOVED[AUTH_MODELS]})
    project.commit(MOVE, MOVED)
    if not checked_first:
        project.commit("Check the golden path at start", {VALIDATOR: CHECK})
    project.commit("Say more in the log", {"netra_backend/app/log.py": "LEVEL = 'INFO'\n"})
    if after:
        project.commit("Go on", after)
    return project
