"""Tracebacks that several tests look at."""

import textwrap

CHAIN = textwrap.dedent(
    """\
    [2025-09-10 00:33:54 +0000] [7] [ERROR] Exception in worker process
    Traceback (most recent call last):
      File "/usr/local/lib/python3.11/site-packages/sqlalchemy/engine/base.py", line 1967, in _exec
        self.dialect.do_execute(
        ~~~~^^^^^^^^^^^^^^^^^^^^
      File "/app/backend/db.py", line 12, in fetch
        return cursor.execute(sql)
    psycopg2.errors.UndefinedTable: relation "user_sessions" does not exist
    LINE 1: SELECT * FROM user_sessions
                          ^


    The above exception was the direct cause of the following exception:

    Traceback (most recent call last):
      File "/app/backend/main.py", line 3, in <module>
        start()
    sqlalchemy.exc.ProgrammingError: (psycopg2.errors.UndefinedTable) relation does not exist
    [SQL: SELECT * FROM user_sessions]

    During handling of the above exception, another exception occurred:

    Traceback (most recent call last):
      File "/app/backend/wsgi.py", line 1, in load
        raise SystemExit(3)
    SystemExit: 3
    """
)
