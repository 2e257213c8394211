"""What the source code shows about tables: who creates, declares and expects them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.catalog import load_catalog
from pipeline.investigators.source_code import tables
from tests.investigators.support import Project, case, incident, of_kind
from tests.support import correlate, detection, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.facts import Fact

CATALOG = """\
services:
  backend: {path: back/, tables: {own: [orders]}}
  auth: {path: auth/, tables: {own: [auth_sessions]}}
"""
CREATION = {
    "table_created",
    "table_dropped",
    "table_renamed",
    "table_never_created",
    "no_migrations",
    "table_creation_unclear",
}
DECLARATION = {"table_declared", "table_never_declared", "table_declaration_unclear"}
MIGRATION = 'revision = "{0}"\ndown_revision = {1}\n\n\ndef upgrade():\n    {2}\n'
OTHER = MIGRATION.format("a1", None, 'op.create_table("users", Column("id"))')
CHECK = 'REQUIRED_TABLES = ["users", "sessions"]\n'


def found(
    root: Path,
    files: Mapping[str, str | bytes],
    table: str = "sessions",
    *,
    catalog: str = CATALOG,
    **fields: Any,
) -> list[Fact]:
    """Return the facts about a table of the backend in a repository with some files."""
    project = Project(root / "repo")
    project.commit("Start", files)
    given = fields or {"tables": [table]}
    return list(tables.facts(case(incident("missing", **given)), project.code(catalog)))


def only(kinds: set[str], facts: list[Fact]) -> Fact:
    """Return the one fact that is of one of these kinds."""
    (fact,) = [item for item in facts if item.kind in kinds]
    return fact


def test_an_incident_without_tables_is_not_looked_into(tmp_path: Path) -> None:
    """There is nothing to look for."""
    assert found(tmp_path, {"back/a.py": CHECK}, name="sessions") == []


@pytest.mark.parametrize("table", ["", "no name", "a" * 129, "x); drop", "{{ x }}"])
def test_what_is_no_table_is_not_looked_for(tmp_path: Path, table: str) -> None:
    """An entry may hold anything where a rule looks for a name."""
    assert found(tmp_path, {"back/a.py": CHECK}, table) == []


def test_a_service_whose_tree_is_not_there_is_not_looked_into(tmp_path: Path) -> None:
    """Then nothing that is missing in the repository means anything."""
    assert found(tmp_path, {"auth/a.py": CHECK}) == []


# --- migrations -----------------------------------------------------------------------------------

UP = "back/alembic/versions/x.py"
SQL = "back/migrations/002_sessions.sql"


def alembic(body: str, above: str = "") -> dict[str, str]:
    """Return a migration whose way forward is this."""
    return {UP: above + MIGRATION.format("b2", '"a1"', body)}


DJANGO = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [migrations.{0}]
"""
HELPED = "from back.helpers import make\n" + MIGRATION.format("b2", None, "make()")
HELPER = 'def make():\n    inner()\n\n\ndef inner():\n    op.create_table("sessions")\n'


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (alembic('op.create_table("sessions", Column("id"))'), 6),
        (alembic("op.create_table('sessions', schema='public')"), 6),
        (alembic('op.create_table(table_name="sessions")'), 6),
        (alembic("op.create_table(NAME)", 'NAME = "sessions"\n'), 7),
        (alembic("name: str = 'sessions'\n    op.create_table(name)"), 7),
        (alembic("for name in ('a', 'sessions'):\n        op.create_table(name)"), 7),
        (alembic("make('sessions')", "def make(name):\n    op.create_table(name)\n"), 2),
        (alembic("make(name='sessions')", "def make(name):\n    op.create_table(name)\n"), 2),
        (alembic('op.rename_table("old", "sessions")'), 6),
        (alembic('op.execute("CREATE TABLE sessions (id int)")'), 6),
        (alembic('op.execute("""\n    create table if not exists public."sessions" ()""")'), 7),
        (alembic('op.execute(f"CREATE TABLE {NAME} ()")', 'NAME = "sessions"\n'), 7),
        (alembic('op.execute("ALTER TABLE ONLY old RENAME TO sessions")'), 6),
        ({SQL: "-- sessions\nCREATE UNLOGGED TABLE [dbo].[sessions] (id int);"}, 2),
        ({SQL: "/* more\n */\nrename table old to `sessions`;"}, 3),
        ({UP: HELPED, "back/helpers.py": HELPER}, 6),
        (
            {"back/shop/migrations/0001_x.py": DJANGO.format("CreateModel(name='Sessions')")},
            None,
        ),
        (
            {
                "back/shop/migrations/0001_x.py": DJANGO.format(
                    "CreateModel('X', options={'abstract': 1, 'db_table': 'sessions'})"
                )
            },
            5,
        ),
        (
            {
                "back/shop/migrations/0001_x.py": DJANGO.format(
                    "AlterModelTable(name='X', table='sessions')"
                )
            },
            5,
        ),
        ({"db/migrations/1.sql": "create table sessions (id int);"}, 1),
    ],
)
def test_a_migration_that_creates_a_table_is_found(
    tmp_path: Path, files: Mapping[str, str], line: int | None
) -> None:
    """In every way to write it; Django's own names begin with the application's."""
    table = "sessions" if line else "shop_sessions"
    fact = only(CREATION, found(tmp_path, files, table))
    assert (fact.kind, fact.data["line"], fact.data["every"]) == ("table_created", line or 5, True)
    assert not fact.suggested


@pytest.mark.parametrize(
    "body",
    [
        'op.create_table("sessions_old")',
        'op.add_column("sessions", Column("id"))',
        'op.create_index("i", "sessions")',
        'op.execute("CREATE TEMP TABLE sessions ()")',
        'op.execute("-- CREATE TABLE sessions ()")',
        '"""op.create_table sessions: CREATE TABLE sessions ()"""',
        "pass\n\n\ndef downgrade():\n    op.create_table('sessions')",
        "pass\n\n\ndef downgrade():\n    back()\n\n\ndef back():\n    op.create_table('sessions')",
        "pass\n\n\ndef make(op):\n    pass",
        "Base.metadata.create_all(op.get_bind())",
        "op.create_table",
    ],
)
def test_a_migration_that_does_not_create_it_counts_as_searched(tmp_path: Path, body: str) -> None:
    """What only mentions the table, or is the way back, creates nothing."""
    facts = found(tmp_path, {"back/alembic/versions/a.py": OTHER, **alembic(body)})
    fact = only(CREATION, facts)
    assert fact.kind == "table_never_created"
    assert fact.text.startswith(
        "2 migrations of back/ searched, none creates sessions; they create"
    )
    assert "users (back/alembic/versions/a.py:6)" in fact.text
    assert fact.ref == "back/alembic/versions/"
    assert next(item.ref for item in of_kind("migration_creates", facts)) == (
        "back/alembic/versions/a.py:6"
    )


def test_migrations_that_create_nothing_are_told_as_such(tmp_path: Path) -> None:
    """Also where some lie in no service's tree."""
    files = {**alembic("pass"), "db/migrations/1.sql": "select 1;"}
    fact = only(CREATION, found(tmp_path, files))
    assert fact.text == (
        "2 migrations of back/ searched (1 of them in no service's tree), none creates sessions; "
        "they create no table"
    )


@pytest.mark.parametrize(
    ("files", "doubt"),
    [
        (alembic("op.create_table(next_name())"), f"{UP}:6"),
        (alembic("op.create_table(unknown)"), f"{UP}:6"),
        (alembic('op.create_table("session" + ending)'), f"{UP}:6"),
        (alembic('op.execute(f"create table {name()} (id int)")'), f"{UP}:6"),
        (alembic('op.execute("create table %s (id int)" % name)'), f"{UP}:6"),
        (alembic('op.execute("create table {} (id int)".format(name))'), f"{UP}:6"),
        (alembic("make(*names)", "def make(name):\n    op.create_table(name)\n"), f"{UP}:2"),
        (alembic("make(name=1)", "def make(*, name):\n    op.create_table(name)\n"), f"{UP}:2"),
        ({UP: "down_revision = None\nsessions = ("}, UP),
        ({UP: b"down_revision = None\n\0"}, "nothing"),
        ({**alembic("pass"), "back/migrations/001.js": "knex.createTable('sessions')"}, None),
        (
            {
                **alembic("Base.metadata.create_all(op.get_bind())"),
                "back/models.py": 'class S(Base):\n    __tablename__ = "sessions"\n',
            },
            f"{UP}:6",
        ),
        (
            {
                SQL: "create table sessions (id int);",
                "back/other/migrations/1.sql": "drop table sessions;",
            },
            None,
        ),
    ],
)
def test_what_cannot_be_told_is_not_claimed(
    tmp_path: Path, files: Mapping[str, str | bytes], doubt: str | None
) -> None:
    """A name that code makes up, a file that does not parse, or one in another language."""
    fact = only(CREATION, found(tmp_path, files))
    if doubt == "nothing":
        assert fact.kind == "no_migrations"
    else:
        assert fact.kind == "table_creation_unclear"
        assert doubt is None or fact.data["doubts"] == [doubt]


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ('op.create_table("sessions")', 'op.drop_table("sessions")', "table_dropped"),
        ('op.create_table("sessions")', 'op.rename_table("sessions", "x")', "table_renamed"),
        ('op.drop_table("sessions")', 'op.create_table("sessions")', "table_created"),
        ("pass", 'op.execute("DROP TABLE IF EXISTS a, sessions")', "table_dropped"),
    ],
)
def test_the_last_step_decides(tmp_path: Path, first: str, second: str, kind: str) -> None:
    """In the order of revisions, whatever the files are called."""
    files = {
        "back/alembic/versions/z.py": MIGRATION.format("a1", None, first),
        "back/alembic/versions/a.py": MIGRATION.format("b2", '"a1"', second),
    }
    fact = only(CREATION, found(tmp_path, files))
    assert (fact.kind, fact.data["path"]) == (kind, "back/alembic/versions/a.py")


def test_files_of_one_folder_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    """As tools without a graph run them; the way back is none."""
    files = {
        "back/migrations/1.sql": "create table sessions (id int);",
        "back/migrations/2.sql": "select 1;\n-- migrate:down\ndrop table sessions;",
        "back/migrations/3.down.sql": "drop table sessions;",
        "back/migrations/4.sql": "select 1;\ndrop table sessions;",
    }
    fact = only(CREATION, found(tmp_path, files))
    assert (fact.kind, fact.ref) == ("table_dropped", "back/migrations/4.sql:2")
    assert "before that: create at back/migrations/1.sql:1" in fact.text


def test_steps_on_two_branches_have_no_order(tmp_path: Path) -> None:
    """Neither of two revisions on one parent comes last."""
    files = {
        "back/alembic/versions/a.py": OTHER,
        "back/alembic/versions/b.py": MIGRATION.format("b", '"a1"', 'op.create_table("sessions")'),
        "back/alembic/versions/c.py": MIGRATION.format("c", '"a1"', 'op.drop_table("sessions")'),
    }
    assert only(CREATION, found(tmp_path, files)).kind == "table_creation_unclear"
    files["back/migrations/1.sql"] = "drop table sessions;"
    assert only(CREATION, found(tmp_path / "more", files)).kind == "table_creation_unclear"


def test_another_services_migration_is_told_as_its(tmp_path: Path) -> None:
    """It does not create the table for the backend."""
    files = {
        "back/alembic/versions/a.py": OTHER,
        "auth/migrations/1.sql": "create table sessions (id int);",
    }
    facts = found(tmp_path, files)
    assert only(CREATION, facts).kind == "table_never_created"
    (fact,) = of_kind("table_created_elsewhere", facts)
    assert (fact.ref, fact.data["service"]) == ("auth/migrations/1.sql:1", "auth")


def test_without_migrations_there_is_nothing_to_claim(tmp_path: Path) -> None:
    """That none of no migrations creates the table would be true, and mean nothing."""
    fact = only(CREATION, found(tmp_path, {"back/a.py": CHECK}))
    assert (fact.kind, fact.text) == (
        "no_migrations",
        "there is no migration in back/ (1 file searched)",
    )


@pytest.mark.parametrize(
    "line",
    [
        "from back.helpers import make",
        "from .. import helpers",
        "import back.helpers",
        "from ..helpers import make",
    ],
)
def test_helpers_are_found_as_they_are_imported(tmp_path: Path, line: str) -> None:
    """Also relative to the migration; what a helper has for the way back is not run."""
    body = line + "\n" + MIGRATION.format("b2", None, "helpers.make()")
    helper = HELPER + '\n\ndef undo():\n    op.drop_table("sessions")\n'
    fact = only(CREATION, found(tmp_path, {"back/versions/x.py": body, "back/helpers.py": helper}))
    assert (fact.kind, fact.ref) == ("table_created", "back/helpers.py:6")
    assert "which back/versions/x.py calls" in fact.text


# --- models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ('class S(Base):\n    __tablename__ = "sessions"\n', 2, "S"),
        ('class S(Base):\n    __tablename__: str = "sessions"\n', 2, "S"),
        ('NAME = "sessions"\n\n\nclass S(Base):\n    __tablename__ = NAME\n', 5, "S"),
        ('class S:\n    class Meta:\n        db_table = "sessions"\n', 3, "S"),
        ("class Sessions(SQLModel, table=True):\n    id: int\n", 1, "Sessions"),
        ('class S(SQLModel, table=True):\n    __tablename__ = "sessions"\n', 2, "S"),
        ('sessions = Table("sessions", metadata, Column("id"))\n', 1, ""),
        ('sessions = sa.Table("sessions", Base.metadata)\n', 1, ""),
        ('DDL = """\nCREATE TABLE IF NOT EXISTS app."sessions" (id int)"""\n', 2, ""),
    ],
)
def test_a_declaration_is_found(tmp_path: Path, text: str, line: int, name: str) -> None:
    """In every way to write it."""
    fact = only(DECLARATION, found(tmp_path, {"back/models.py": text}))
    assert (fact.kind, fact.ref) == ("table_declared", f"back/models.py:{line}")
    assert fact.data["name"] == name


def test_sql_outside_of_migrations_declares(tmp_path: Path) -> None:
    """Such as a file that makes a new database."""
    files = {"back/schema.sql": "\ncreate table sessions (id int);", "back/undo/down.sql": "x"}
    fact = only(DECLARATION, found(tmp_path, files))
    assert (fact.kind, fact.ref) == ("table_declared", "back/schema.sql:2")


@pytest.mark.parametrize(
    "text",
    [
        'class S(Base):\n    __tablename__ = "old_sessions"\n',
        'table = Table("sessions", "id")\n',
        'table = Table("sessions", metadata, autoload_with=engine)\n',
        '"""CREATE TABLE sessions (id int)"""\n',
        "class Sessions(SQLModel):\n    id: int\n",
        "class Sessions(SQLModel, table=False):\n    id: int\n",
        "class Sessions(Base):\n    pass\n",
    ],
)
def test_what_looks_like_a_declaration_is_none(tmp_path: Path, text: str) -> None:
    """Tables that are read from the database, those of a terminal, documentation."""
    facts = found(tmp_path, {"back/models.py": text, "back/tests/test_x.py": "__tablename__ = 'x'"})
    fact = only(DECLARATION, facts)
    assert fact.kind == "table_never_declared"
    assert fact.text.startswith("1 file of back/ searched, none declares sessions")
    assert fact.ref == "back"


@pytest.mark.parametrize(
    "files",
    [
        {"back/models.py": 'class S(Base):\n    __tablename__ = "sessions\n'},
        {"back/models.py": b"\0"},
        {"back/models.py": "class Base:\n    def __tablename__(cls):\n        pass\n",
         "back/more.py": "class Session(Base):\n    pass\n"},
        {"back/models.py": "class Session(models.Model):\n    pass\n"},
        {"back/models.py": "class Sessions(Base):\n    __tablename__ = named()\n"},
        {"back/models.py": "class Sessions(Base):\n    __tablename__ = NAMES['x']\n"},
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_be_told_is_not_denied(
    tmp_path: Path, files: Mapping[str, str | bytes]
) -> None:
    """A model may get its table's name from its own."""
    facts = found(tmp_path, {"back/a.py": CHECK, **files})
    assert only(DECLARATION, facts).kind == "table_declaration_unclear"


def test_names_that_are_made_up_from_other_classes_do_not_matter(tmp_path: Path) -> None:
    """No class could have given this name."""
    text = (
        "class Base:\n    def __tablename__(cls):\n        pass\n\n\nclass User(Base):\n    pass\n"
    )
    fact = only(DECLARATION, found(tmp_path, {"back/models.py": text}))
    assert fact.kind == "table_never_declared"


def test_another_services_model_is_told_as_its(tmp_path: Path) -> None:
    """The table is not the backend's."""
    files = {"back/a.py": CHECK, "auth/m.py": 'class S(B):\n    __tablename__ = "sessions"\n'}
    facts = found(tmp_path, files)
    assert only(DECLARATION, facts).kind == "table_never_declared"
    (fact,) = of_kind("table_declared_elsewhere", facts)
    assert (fact.ref, fact.data["service"], fact.data["every"]) == ("auth/m.py:2", "auth", True)


# --- expectations ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "how", "where"),
    [
        (CHECK, 1, "check", ""),
        ("def check_tables():\n    return ['sessions']\n", 2, "check", "check_tables"),
        ("class C:\n    def f(self, table):\n        f({'sessions': 1})\n", 3, "check", "C.f"),
        ("async def f():\n    inspect().has_table('sessions')\n", 2, "check", "f"),
        ("q = 'SELECT * FROM sessions WHERE x'\n", 1, "query", ""),
        ("q = f'select {x} from app.sessions s'\n", 1, "query", ""),
        ("q = '''\n  insert into sessions values (1)'''\n", 1, "query", ""),
        ("q = 'UPDATE sessions SET x = 1'\n", 1, "query", ""),
        ("q = \"select 1 from pg_indexes where tablename in ('a', 'sessions')\"\n", 1, "query", ""),
        ("for table in ['sessions']:\n    log('skipped')\n", 1, "check", ""),
        ("c = Column(ForeignKey('sessions.id'))\n", 1, "key", ""),
    ],
)
def test_code_that_expects_a_table_is_found(
    tmp_path: Path, text: str, line: int, how: str, where: str
) -> None:
    """With the function, and what stands around it says that a table is meant."""
    (fact,) = of_kind("table_expected", found(tmp_path, {"back/a.py": text}))
    assert (fact.ref, fact.data["how"], fact.data["where"]) == (f"back/a.py:{line}", how, where)


def test_what_the_same_list_names_is_told(tmp_path: Path) -> None:
    """It shows what the check is about."""
    (fact,) = of_kind("table_expected", found(tmp_path, {"back/a.py": CHECK}))
    assert fact.data["beside"] == ["users"]
    assert fact.text == f"back/a.py:1 expects sessions beside users: {CHECK.strip()}"


@pytest.mark.parametrize(
    "text",
    [
        "cache = ['sessions']\n",
        "stable_names = ['sessions']\n",
        "IGNORED_TABLES = ['sessions']\n",
        "def f():\n    return data['sessions']\n",
    ],
)
def test_a_mention_is_only_a_suggestion(tmp_path: Path, text: str) -> None:
    """Nothing says that a table is meant, or that it has to be there."""
    facts = found(tmp_path, {"back/a.py": text})
    assert of_kind("table_expected", facts) == []
    assert len(of_kind("table_not_expected", facts)) == 1
    (fact,) = of_kind("table_mentioned", facts)
    assert fact.suggested


@pytest.mark.parametrize(
    "files",
    [
        {"back/a.py": '"""The table sessions."""\n'},
        {"back/a.py": "log('reading from sessions')\n"},
        {"back/a.py": "c = Column(ForeignKey('old_sessions.id'))\n"},
        {"back/a.py": "table = 'sessions\n"},
        {"back/tests/a.py": CHECK},
        {"back/test_a.py": CHECK},
        {"back/a.txt": CHECK},
        {"back/a.ts": "log('sessions')\n", "back/b.ts": "log('select one of sessions')\n"},
        alembic("tables = ['sessions']"),
        {"back/m.py": 'class S(B):\n    __tablename__ = "sessions"\n'},
    ],
)
def test_what_does_not_expect_a_table(tmp_path: Path, files: Mapping[str, str]) -> None:
    """Documentation, messages, tests, migrations and models."""
    facts = found(tmp_path, {"back/z.py": "", **files})
    assert of_kind("table_expected", facts) == []
    (fact,) = of_kind("table_not_expected", facts)
    assert fact.data["tests"] == sum("test" in path for path in files)


def test_other_languages_are_searched_for_queries(tmp_path: Path) -> None:
    """Line by line."""
    files = {
        "back/a.ts": "// sessions\nawait db.query(`SELECT id FROM sessions`)\n",
        "back/b.py": "",
    }
    (fact,) = of_kind("table_expected", found(tmp_path, files))
    assert (fact.ref, fact.data["how"]) == ("back/a.ts:2", "query")


def test_the_file_that_logs_the_message_comes_first(tmp_path: Path) -> None:
    """It is the check that failed."""
    files = {
        "a.py": CHECK,
        "back/a.py": CHECK,
        "back/z.py": CHECK + "log('missing was seen by the check')\n",
        "auth/a.py": CHECK,
    }
    facts = found(tmp_path, files)
    told = [(item.ref, item.data["reports"]) for item in of_kind("table_expected", facts)]
    assert told == [("back/z.py:1", True), ("back/a.py:1", False), ("a.py:1", False)]
    (other,) = of_kind("table_expected_elsewhere", facts)
    assert (other.ref, other.data["service"]) == ("auth/a.py:1", "auth")


# --- several tables -------------------------------------------------------------------------------


def test_a_fact_says_whether_every_table_has_one_of_its_kind(tmp_path: Path) -> None:
    """An answer about all of them needs that."""
    facts = found(tmp_path, {**alembic('op.create_table("a")')}, tables=["a", "b"])
    assert [item.data["every"] for item in of_kind("table_created", facts)] == [False]
    assert [item.data["every"] for item in of_kind("table_never_declared", facts)] == [True, True]
    facts = found(tmp_path / "more", {**alembic("pass")}, tables=["a", "no name"])
    assert [item.data["every"] for item in of_kind("table_never_created", facts)] == [False]


# --- owners ---------------------------------------------------------------------------------------

AUTH = {
    "auth/m.py": 'class A(B):\n    __tablename__ = "auth_sessions"\n\n\n'
    'class U(B):\n    __tablename__ = "auth_users"\n'
}


def test_owners_are_shown_by_their_models(tmp_path: Path) -> None:
    """The migration tool's own table, as its settings name it, is nobody's model."""
    env = "from alembic import context\ncontext.configure(version_table='versions')\n"
    files = {"back/env.py": env, "auth/env.py": env.replace("(version_table='versions')", "()")}
    names = ["auth_sessions", "auth_users", "versions", "alembic_version"]
    facts = found(tmp_path, {**AUTH, **files}, tables=names)
    (fact,) = of_kind("tables_declared_elsewhere", facts)
    assert fact.data["owners"] == ["auth"]
    assert fact.data["places"] == ["auth/m.py:2", "auth/m.py:6"]
    assert fact.data["bookkeeping"] == ["versions", "alembic_version"]
    (models,) = of_kind("owner_models", facts)
    assert models.data["tables"] == ["auth_sessions", "auth_users"]
    assert [(item.data["name"], item.ref) for item in of_kind("version_table", facts)] == [
        ("versions", "back/env.py:2")
    ]


def test_the_tables_of_another_symptom_are_told_each_by_itself(tmp_path: Path) -> None:
    """With the line of each model, so that a why can cite them."""
    rules = ruleset(
        rule_text("missing"),
        rule_text("extra", audit="{caused_by: [{rule: missing, same: [service], within: 5m}]}"),
    )
    seen = (
        detection("missing", tables=["sessions"]),
        detection("extra", at=1, tables=["auth_users", "auth_sessions"]),
    )
    (both,) = correlate(rules, *seen).incidents()
    project = Project(tmp_path)
    project.commit("Start", {**AUTH, "back/c.py": CHECK})
    facts = list(tables.facts(case(both), project.code(CATALOG)))
    told = [(item.data["table"], item.ref, item.url) for item in of_kind("owner_declares", facts)]
    assert told == [("auth_users", "auth/m.py:6", ""), ("auth_sessions", "auth/m.py:2", "")]
    (together,) = of_kind("tables_declared_elsewhere", facts)
    assert together.data["symptom"] == "extra"
    assert together.data["trees"] == ["auth/"]


def test_a_table_that_no_model_declares_is_told(tmp_path: Path) -> None:
    """Then that the others are another service's does not explain it."""
    facts = found(tmp_path, {**AUTH, "back/a.py": ""}, tables=["auth_users", "stray"])
    (fact,) = of_kind("tables_declared_nowhere", facts)
    assert (fact.data["tables"], fact.ref.split()[0]) == (["stray"], "commit")
    assert of_kind("tables_declared_elsewhere", facts) == []


def test_what_the_catalog_gives_to_others_than_the_code_is_told(tmp_path: Path) -> None:
    """Both places are named."""
    files = {"back/m.py": 'class A(B):\n    __tablename__ = "auth_sessions"\n'}
    facts = found(tmp_path, files, "auth_sessions")
    (fact,) = of_kind("catalog_disagrees", facts)
    assert fact.ref == "back/m.py:2"
    assert "the catalog gives auth_sessions to auth (catalog.yml:3), but the model A" in fact.text
    assert len(of_kind("tables_declared_here", facts)) == 1
    assert of_kind("catalog_disagrees", found(tmp_path / "b", {**AUTH, "back/a.py": ""}, "x")) == []


def test_without_trees_all_is_the_services(tmp_path: Path) -> None:
    """Nothing is told as another service's that nobody says is one's."""
    files = {**AUTH, **alembic("pass")}
    facts = found(tmp_path, files, "auth_users", catalog="")
    assert only(DECLARATION, facts).kind == "table_declared"
    assert only(CREATION, facts).text.startswith("1 migration of the repository searched")
    assert of_kind("tables_declared_elsewhere", facts) == []


def test_bookkeeping_alone_is_no_question(tmp_path: Path) -> None:
    """The catalog knows it as a tool's."""
    catalog = CATALOG + "bookkeeping_tables: [alembic_version]\n"
    facts = found(tmp_path, {"back/a.py": ""}, "alembic_version", catalog=catalog)
    assert [item for item in facts if item.kind.startswith("tables_")] == []


# --- history --------------------------------------------------------------------------------------

GONE = 'class S(B):\n    __tablename__ = "sessions"\n    user = Column()\n    token = Column()\n'
CAME = GONE.replace('"sessions"', '"auth_sessions"')


def history(root: Path, *commits: Mapping[str, str]) -> list[Fact]:
    """Return the facts after some commits."""
    project = Project(root / "repo")
    for number, files in enumerate(commits):
        project.commit(f"Change {number}", files)
    catalog = load_catalog(CATALOG, "catalog.yml")
    found = incident("missing", tables=["sessions"])
    code = project.code(CATALOG, github="example/platform")
    return list(tables.facts(case(found, catalog=catalog), code))


def test_a_model_that_moved_is_found_with_its_commit(tmp_path: Path) -> None:
    """One commit took it out and brought one like it; the check is older."""
    before = {"back/m.py": GONE, "back/c.py": CHECK}
    facts = history(tmp_path, before, {"back/m.py": "", "auth/m.py": CAME}, {"back/x.py": ""})
    (fact,) = of_kind("table_moved", facts)
    assert (fact.data["like"], fact.data["service"], fact.data["place"]) == (
        "auth_sessions",
        "auth",
        "auth/m.py:2",
    )
    assert fact.data["columns"] == ["token", "user"]
    assert fact.url == f"https://github.com/example/platform/commit/{fact.url.rpartition('/')[2]}"
    assert len(of_kind("expectation_stayed", facts)) == 1
    assert len(of_kind("expectation_since", facts)) == 1


def test_a_check_that_was_renamed_is_as_old_as_before(tmp_path: Path) -> None:
    """It stood in another file when the model went."""
    project = [{"back/m.py": GONE, "back/c.py": CHECK}, {"back/m.py": ""}]
    facts = history(tmp_path, *project, {"back/c.py": "", "back/d.py": CHECK})
    (fact,) = of_kind("expectation_stayed", facts)
    assert "it stood in back/c.py, and stands at back/d.py:1 now" in fact.text


def test_a_younger_check_is_told(tmp_path: Path) -> None:
    """Mentions, tests and migrations that were there before do not make it older."""
    old = {
        "back/m.py": GONE,
        "back/c.py": "names = ['sessions']\n",
        "back/test_c.py": CHECK,
        **alembic("tables = ['sessions']"),
    }
    facts = history(tmp_path, old, {"back/m.py": ""}, {"back/c.py": CHECK})
    assert of_kind("expectation_stayed", facts) == []
    assert len(of_kind("expectation_came_later", facts)) == 1


@pytest.mark.parametrize(
    "came",
    [
        {"auth/m.py": CAME.replace("user", "a").replace("token", "b")},
        {"auth/m.py": CAME.replace("auth_sessions", "invoices")},
        {"auth/m.py": ""},
        {"other/m.py": CAME},
    ],
)
def test_what_is_not_alike_did_not_move(tmp_path: Path, came: Mapping[str, str]) -> None:
    """Other columns, another name, nothing at all, or a tree that is no service's."""
    facts = history(tmp_path, {"back/m.py": GONE}, {"back/m.py": "", **came})
    assert len(of_kind("model_removed", facts)) == 1
    assert of_kind("table_moved", facts) == []
    assert of_kind("expectation_stayed", facts) == []


def test_a_name_that_was_there_before_did_not_come(tmp_path: Path) -> None:
    """Another commit brought it, or this one brought only a word."""
    facts = history(tmp_path, {"back/m.py": GONE, "auth/m.py": CAME}, {"back/m.py": ""})
    assert of_kind("table_moved", facts) == []
    note = {"back/m.py": "", "auth/m.py": "# auth_sessions\n"}
    facts = history(tmp_path / "more", {"back/m.py": GONE}, note, {"auth/m.py": CAME})
    assert of_kind("table_moved", facts) == []


def test_a_table_of_the_same_name_moved_whatever_its_columns(tmp_path: Path) -> None:
    """Also from one kind of declaration to another."""
    ddl = {"auth/schema.sql": "create table sessions (id int);"}
    facts = history(tmp_path, {"back/m.py": GONE}, {"back/m.py": "", **ddl})
    (fact,) = of_kind("table_moved", facts)
    assert (fact.data["like"], fact.data["columns"]) == ("sessions", [])


def test_only_declarations_count_as_removed(tmp_path: Path) -> None:
    """Not a mention, nor a file of another kind; table objects and statements do."""
    words = {"back/a.md": "sessions", "back/b.py": "x = 'sessions'\n", "back/c.py": "("}
    facts = history(tmp_path, words, dict.fromkeys(words, ""))
    assert len(of_kind("table_never_removed", facts)) == 1
    ddl = {"back/s.sql": "create table sessions (id int);", "back/x.py": ""}
    facts = history(tmp_path / "sql", ddl, {"back/s.sql": ""})
    (fact,) = of_kind("model_removed", facts)
    assert "took the declaration of sessions out of back/s.sql (line 1 before it)" in fact.text


def test_a_table_that_is_declared_has_no_such_history(tmp_path: Path) -> None:
    """It is there."""
    facts = history(tmp_path, {"back/m.py": GONE}, {"back/m.py": "\n" + GONE})
    assert of_kind("model_removed", facts) + of_kind("table_never_removed", facts) == []


def test_a_folder_without_history_tells_none(tmp_path: Path) -> None:
    """Only what the files show."""
    project = Project(tmp_path)
    project.write({"back/c.py": CHECK})
    facts = tables.facts(case(incident("missing", tables=["sessions"])), project.code(CATALOG))
    kinds = {item.kind for item in facts}
    assert "table_expected" in kinds
    assert kinds.isdisjoint({"table_never_removed", "expectation_since"})


# --- columns --------------------------------------------------------------------------------------

MODEL = 'class User(Base):\n    __tablename__ = "users"\n    email = Column(String)\n'
NO_EMAIL = 'column "email" of relation "users" does not exist'


@pytest.mark.parametrize(
    ("files", "ref"),
    [
        (alembic('op.add_column("users", sa.Column("email", sa.String()))'), f"{UP}:6"),
        (alembic('with x as batch:\n        batch.add_column(Column("email"))'), f"{UP}:7"),
        (alembic('op.execute("ALTER TABLE users ADD COLUMN IF NOT EXISTS email text")'), f"{UP}:6"),
        ({SQL: "alter table users\n  add email text;"}, f"{SQL}:2"),
    ],
)
def test_a_migration_that_brings_a_column_is_found(
    tmp_path: Path, files: Mapping[str, str], ref: str
) -> None:
    """In every way to write it; it may be one of another table, so it is a suggestion."""
    facts = found(tmp_path, {**files, "back/m.py": MODEL}, problem=NO_EMAIL)
    assert [(item.ref, item.suggested) for item in of_kind("column_added", facts)] == [(ref, True)]
    assert of_kind("column_never_added", facts) == []


def test_a_column_without_a_migration_is_told_with_its_model(tmp_path: Path) -> None:
    """None of the files so much as names it."""
    files = {**alembic("pass"), "back/m.py": MODEL, "back/n.py": MODEL.replace("User", "(")}
    facts = found(tmp_path, files, problem="column u.email does not exist")
    (fact,) = of_kind("column_never_added", facts)
    assert fact.text == "1 migration of back/ searched, none names email"
    (model,) = of_kind("column_declared", facts)
    assert (model.ref, model.data["name"]) == ("back/m.py:3", "User")


@pytest.mark.parametrize(
    "files",
    [
        alembic('op.drop_column("users", "email")'),
        alembic("pass\n\n\ndef downgrade():\n    op.add_column('users', Column('email'))"),
        alembic("op.add_column('users', Column(*email))"),
        {UP: "down_revision = (", "back/migrations/1.sql": "select 1;"},
        {"back/m.py": "class A:\n    email = 1\n"},
    ],
)
def test_of_a_column_that_is_only_named_nothing_is_said(
    tmp_path: Path, files: Mapping[str, str]
) -> None:
    """Neither that a migration brings it nor that none does."""
    facts = found(tmp_path, files, problem=NO_EMAIL)
    assert [item for item in facts if item.kind.startswith("column_")] == []


# --- hostile files --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["back/a.py", UP, SQL])
@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 300,
        "x = " + " + ".join(["'sessions'"] * 1000),
        "tables = [" + ", ".join(["'sessions'"] * 5000) + "]",
        "tables = ['\\ud800', 'sessions', '\\ud800 sessions']",
        "def f(table):\n" + "    g('sessions')\n" * 1000,
        "".join(f"N{i} = N{i - 1} + N{i - 1}\n" if i else "N0 = 'ab'\n" for i in range(40)),
        "# -*- coding: nonsense -*-\ntables = ['sessions']\n",
        "CREATE TABLE (\n" * 5000,
        "DROP TABLE " + ", ".join(["a"] * 5000),
    ],
)
def test_a_hostile_file_stalls_nothing(tmp_path: Path, path: str, text: str) -> None:
    """Whatever it holds, every group of kinds has its one fact, and facts can be written out."""
    facts = found(tmp_path, {path: text + "\ndown_revision = None\n", "back/z.py": ""})
    assert only(CREATION, facts).data["table"] == "sessions"
    assert only(DECLARATION, facts).data["table"] == "sessions"
    assert "".join(item.text for item in facts).encode()
