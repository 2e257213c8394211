"""Variables that an error names: where they are read and set, and whether both agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pipeline.investigators.source_code import variables
from pipeline.investigators.source_code.variables.names import is_meant
from pipeline.investigators.source_code.variables.places import is_deployment, settings
from pipeline.investigators.source_code.variables.reads import reads
from tests.investigators.support import Project, case, incident, of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.facts import Fact
    from pipeline.incident import Incident

CATALOG = "services:\n  backend: {path: back/}\n  auth: {path: auth/}\n"
READS = 'import os\n\nKEY = os.environ["JWT_KEY"]\n'
SETS = "steps:\n  - run: gcloud run deploy --set-env-vars JWT_KEY=a,B=b\n"
READ = {"variable_read", "variable_never_read", "variable_read_unclear"}
SET = {"variable_set", "variable_never_set", "variable_set_unclear", "no_deployment_files"}
MISSING = "KeyError: 'JWT_KEY'"


def found(
    root: Path,
    files: Mapping[str, str | bytes],
    *,
    setting: str = "JWT_KEY",
    text: str = MISSING,
    catalog: str = CATALOG,
    **fields: Any,
) -> list[Fact]:
    """Return the facts about a setting that the text names, in a repository with some files."""
    project = Project(root / "repo")
    project.commit("Start", files)
    given = asked_for(text, setting=setting, **fields)
    return list(variables.facts(case(given), project.code(catalog)))


def asked_for(text: str, **fields: Any) -> Incident:
    """Return an incident whose entry has a text."""
    found = incident("refused", **fields)
    (sample,) = found.root.samples
    return replace(found, root=replace(found.root, samples=(structs.replace(sample, text=text),)))


def only(kinds: set[str], facts: list[Fact]) -> Fact:
    """Return the one fact that is of one of these kinds."""
    (fact,) = [item for item in facts if item.kind in kinds]
    return fact


# --- what is asked --------------------------------------------------------------------------------


def test_an_error_without_a_variable_is_not_looked_into(tmp_path: Path) -> None:
    """There is nothing to look for."""
    assert found(tmp_path, {"back/a.py": READS}, setting="", text="ValueError: no") == []


@pytest.mark.parametrize("setting", ["no name", "x" * 129, "{{ x }}", "a);"])
def test_what_is_no_name_is_not_looked_for(tmp_path: Path, setting: str) -> None:
    """An entry may hold anything where a rule looks for one."""
    assert found(tmp_path, {"back/a.py": READS}, setting=setting, text=setting) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (MISSING, "variable_missing"),
        ("required environment variable JWT_KEY", "variable_missing"),
        ("environs.EnvError: JWT_KEY not set", "variable_missing"),
        ('SettingsError: error parsing env var "JWT_KEY"\nrequired', "variable_refused"),
    ],
)
def test_what_the_entry_says_of_it_is_a_fact(tmp_path: Path, text: str, kind: str) -> None:
    """That it is not there, or wrong; words of other lines do not count."""
    facts = found(tmp_path, {"back/a.py": READS}, text=text)
    fact = only({"variable_missing", "variable_refused"}, facts)
    assert (fact.kind, fact.data["variable"]) == (kind, "JWT_KEY")
    assert fact.ref.startswith("insertId ")


def test_all_fields_that_a_model_refuses_are_asked_for(tmp_path: Path) -> None:
    """With what is wrong with each."""
    model = "class AppSettings(BaseSettings):\n    one: str\n    two: int\n"
    text = (
        "2 validation errors for AppSettings\none\n  Field required [type=missing]\n"
        "two\n  Input should be a valid integer [type=int_parsing]\n"
    )
    facts = found(tmp_path, {"back/a.py": model}, setting="one", text=text, model="AppSettings")
    told = {fact.data["variable"]: fact.kind for fact in facts if fact.ref.startswith("insertId")}
    assert told == {"ONE": "variable_missing", "TWO": "variable_refused"}


def test_a_name_in_any_exception_counts_if_the_code_reads_it(tmp_path: Path) -> None:
    """Else it may be anything; and that something is wrong with it is not said."""
    text = "RuntimeError: JWT_KEY and NOT_READ are wrong"
    facts = found(tmp_path, {"back/a.py": READS}, setting="", text=text)
    assert only(READ, facts).data["variable"] == "JWT_KEY"
    assert not of_kind("variable_refused", facts)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("RuntimeError: JWT_KEY must be set", True),
        ("RuntimeError: JWT_KEY is\nnot set", False),
        ("KeyError: 'JWT_KEY'", False),
    ],
)
def test_an_exception_may_say_that_it_is_missing(
    tmp_path: Path, text: str, *, missing: bool
) -> None:
    """In so many words: a key that is not there may be one of anything."""
    facts = found(tmp_path, {"back/a.py": READS}, setting="", text=text)
    assert bool(of_kind("variable_missing", facts)) is missing
    assert only(READ, facts).kind == "variable_read"


# --- where it is read -----------------------------------------------------------------------------


def test_a_read_is_told_with_its_line(tmp_path: Path) -> None:
    """And whether a default stands in; that of another service or of a test is none."""
    files = {"back/a.py": READS, "auth/a.py": READS, "back/tests/test_a.py": READS}
    fact = only(READ, found(tmp_path, files))
    assert (fact.kind, fact.ref, fact.suggested) == ("variable_read", "back/a.py:3", False)
    assert fact.text == "back/a.py:3 reads JWT_KEY by os.environ[…], without a default"
    assert (fact.data["needed"], fact.data["fallback"]) == (True, False)


@pytest.mark.parametrize(
    ("line", "fallback"),
    [
        ('os.environ["X_Y"]', False),
        ("environ['X_Y']", False),
        ('os.environ.get("X_Y")', False),
        ('os.environ.get("X_Y", "secret")', True),
        ('os.getenv("X_Y", default="secret")', True),
        ('getenv("X_Y")', False),
        ('env("X_Y")', False),
        ('env.int("X_Y", default=3)', True),
        ('config("X_Y", default=1)', True),
        ('get_env().get("X_Y")', False),
        ('require_env("X_Y")', False),
        ("os.environ[NAME]", False),
    ],
)
def test_python_reads_in_many_ways(line: str, *, fallback: bool) -> None:
    """The name may be that of a constant."""
    (read,) = reads(f'NAME = "X_Y"\nvalue = {line}\n'.encode(), is_python=True)
    assert (read.name, read.line, read.fallback) == ("X_Y", 2, fallback)


@pytest.mark.parametrize(
    "line",
    [
        'os.environ["X_Y"] = "1"',
        'del os.environ["X_Y"]',
        'monkeypatch.setenv("X_Y", "1")',
        'os.environ.setdefault("X_Y", "1")',
        'print("X_Y")',
        "env(name)",
        "env()",
        'env("x y")',
        'EnvVar("X_Y", 1)',
        'rows["X_Y"]',
        'f()()("X_Y")',
        '"".join("X_Y")',
        "def broken(:",
    ],
)
def test_what_sets_or_says_a_name_does_not_read_it(line: str) -> None:
    """Nor what has no name, or does not parse."""
    assert reads(f"{line}\n".encode(), is_python=True) == ()


@pytest.mark.parametrize(
    "line",
    [
        "const x = process.env.X_Y || 1",
        'process.env["X_Y"]',
        "import.meta.env.X_Y",
        'os.Getenv("X_Y")',
        'os.LookupEnv("X_Y")',
        'System.getenv("X_Y")',
        'Environment.GetEnvironmentVariable("X_Y")',
        'ENV["X_Y"]',
        "ENV.fetch('X_Y')",
        'std::env::var("X_Y")',
        "getenv('X_Y')",
    ],
)
def test_other_languages_read_as_they_do(line: str) -> None:
    """Whether a default stands in is not known of them."""
    (read,) = reads(f"\n{line}\n".encode(), is_python=False)
    assert (read.name, read.line, read.fallback) == ("X_Y", 2, None)


MODEL = """\
class Other:
    key: str

class AppSettings({base}):
    model_config = {config}
    key: str{value}
    plain = 1
"""


@pytest.mark.parametrize(
    ("base", "config", "value", "names", "sure", "fallback"),
    [
        ("BaseSettings", "{}", "", ["KEY"], True, False),
        ("BaseSettings", 'SettingsConfigDict(env_prefix="app_")', "", ["APP_KEY"], True, False),
        ("BaseSettings", '{"env_prefix": "APP_", **x}', " = 'a'", ["APP_KEY"], True, True),
        ("pydantic_settings.BaseSettings", "{}", " = ...", ["KEY"], True, False),
        ("BaseSettings", "{}", ' = Field(alias="THE_KEY")', ["THE_KEY"], True, False),
        ("BaseSettings", "{}", ' = Field(..., env=["A_B", "C_D"])', ["A_B", "C_D"], True, False),
        ("BaseSettings", "{}", " = Field(default=3)", ["KEY"], True, True),
        ("BaseSettings", "{}", " = Field(default_factory=list)", ["KEY"], True, True),
        ("BaseSettings", "{}", " = Field('x')", ["KEY"], True, True),
        ("CommonSettings", "{}", "", ["KEY"], False, False),
        ("BaseSettings", "{'extra': 'a'}", "\n    model_config: X = 1", ["KEY"], True, False),
        ("BaseSettings", "SettingsConfigDict(env_prefix=PREFIX)", "", ["KEY"], False, False),
        ("BaseSettings", "{'env_prefix': PREFIX}", "", ["KEY"], False, False),
    ],
)
def test_a_model_takes_variables(  # noqa: PLR0913 - a table
    base: str, config: str, value: str, names: list[str], *, sure: bool, fallback: bool
) -> None:
    """By alias or prefix; that of a base class may be written elsewhere."""
    data = MODEL.format(base=base, config=config, value=value).encode()
    found = reads(data, is_python=True)
    assert [one.name for one in found] == names
    assert {(one.field, one.how) for one in found} == {("key", "AppSettings.key")}
    assert {(one.sure, one.fallback) for one in found} == {(sure, fallback)}


def test_a_model_of_the_first_pydantic_has_its_prefix_in_a_class() -> None:
    """`class Config`."""
    data = b"class S(BaseSettings):\n    key: str\n    class Config:\n        env_prefix = 'A_'\n"
    (read,) = reads(data, is_python=True)
    assert (read.name, read.sure) == ("A_KEY", True)
    data = data.replace(b"'A_'", b"PREFIX")
    (read,) = reads(data, is_python=True)
    assert not read.sure


def test_a_setting_of_a_model_is_found_by_its_field(tmp_path: Path) -> None:
    """Of the model that the error names, where it names one."""
    config = 'SettingsConfigDict(env_prefix="APP_")'
    model = MODEL.format(base="BaseSettings", config=config, value="")
    files = {"back/a.py": model, "back/b.py": model.replace("App", "Web").replace("APP", "WEB")}
    text = "1 validation error for AppSettings\nkey\n  Field required\n"
    facts = found(tmp_path, files, setting="key", text=text, model="AppSettings")
    fact = only(READ, facts)
    assert (fact.data["variable"], fact.ref) == ("APP_KEY", "back/a.py:6")
    (since,) = of_kind("variable_read_since", facts)
    assert since.text.startswith("back/a.py names key since commit")


@pytest.mark.parametrize(
    ("files", "kind", "text"),
    [
        (
            {"back/a.py": "x = 1\n"},
            "variable_never_read",
            "no file of code names JWT_KEY (1 searched)",
        ),
        (
            {"back/a.py": 'NAMES = ["JWT_KEY"]\n'},
            "variable_read_unclear",
            "back/a.py:1 names JWT_KEY, and does not seem to read it",
        ),
        (
            {"back/a.py": f"{READS}\ndef broken(:\n"},
            "variable_read_unclear",
            "back/a.py:3 names JWT_KEY, and does not seem to read it",
        ),
    ],
)
def test_what_nothing_reads_is_said(
    tmp_path: Path, files: dict[str, str], kind: str, text: str
) -> None:
    """Never read is what no file so much as names."""
    fact = only(READ, found(tmp_path, files))
    assert (fact.kind, fact.text) == (kind, text)


def test_since_when_it_is_named(tmp_path: Path) -> None:
    """The commit that brought the name into the file."""
    (fact,) = of_kind("variable_read_since", found(tmp_path, {"back/a.py": READS}))
    assert fact.text.endswith("of 2025-09-01, “Start”")
    assert (fact.data["place"], fact.data["word"]) == ("back/a.py:3", "JWT_KEY")


def test_what_is_not_committed_has_no_since(tmp_path: Path) -> None:
    """The folder is looked at where no commit is known to be deployed."""
    project = Project(tmp_path)
    project.commit("Start", {"back/a.py": "x = 1\n"})
    project.write({"back/a.py": READS})
    given = asked_for(MISSING, setting="JWT_KEY")
    facts = list(variables.facts(case(given), project.code()))
    assert only(READ, facts).kind == "variable_read"
    assert not of_kind("variable_read_since", facts)


def test_without_a_history_nobody_knows_since_when(tmp_path: Path) -> None:
    """A folder is read all the same."""
    Project(tmp_path).write({"back/a.py": READS})
    given = asked_for(MISSING, setting="JWT_KEY")
    facts = list(variables.facts(case(given), Project(tmp_path).code()))
    assert only(READ, facts).kind == "variable_read"
    assert not of_kind("variable_read_since", facts)


# --- where it is set ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("Dockerfile", "FROM x\nENV X_Y=1 Z_Z=2\n", [2]),
        ("api.dockerfile", "env X_Y 1\n", [1]),
        ("Dockerfile.api", "ENV A=1 \\\n  # no\n  X_Y=2 \\\n  B=3\nRUN X_Y=4 make\n", [3]),
        (".env", "# X_Y=0\nexport X_Y=1\nx X_Y=2\n", [2]),
        ("prod.env", "X_Y=1\n", [1]),
        ("compose.yml", "a:\n  environment:\n    - X_Y=1\n    - Z_Z=$X_Y\n", [3]),
        ("compose.yaml", "a:\n  environment:\n    X_Y: 1\n  labels:\n    X_Y: 2\n", [3]),
        ("service.yaml", "env:\n- name: X_Y\n  value: a\n- name: B\n", [2]),
        (
            "service.yaml",
            "env:\n  - name: Z_Z\n    valueFrom:\n      ref:\n        name: X_Y\n",
            [],
        ),
        ("app.yaml", "env_variables:\n  X_Y: 'a'\nhandlers:\n  X_Y: 1\n", [2]),
        ("ci.yml", "env: {A: 1, X_Y: 2}\n# env: {X_Y: 1}\n", [1]),
        (
            "ci.yml",
            "with:\n  env_vars: |-\n    A=1\n    X_Y=2\n  secrets: |-\n    X_Y=a:latest\n",
            [4, 6],
        ),
        ("ci.yml", "secrets:\n  X_Y: a\n", []),
        ("ci.yml", "run: |\n  gcloud run deploy --set-env-vars=A=1,X_Y=2 --region X_Y=3\n", [2]),
        ("cloudbuild.yaml", "args:\n  - --update-env-vars\n  - X_Y=1\n  - X_Y=2\n", [3]),
        ("main.tf", 'env {\n  name  = "X_Y"\n  value = 1\n}\n', [2]),
        ("main.tf", "env_vars = {\n  X_Y = 1\n}\nlocals {\n  X_Y = 2\n}\n", [2]),
        ("main.tf", 'dynamic "env" {\n  for_each = {\n    X_Y = 1\n  }\n}\n', [3]),
        ("deploy.sh", "export X_Y=1\nX_Y=2\n[ $X_Y = 1 ]\n", [1]),
        ("deploy.sh", "gcloud run deploy \\\n --set-secrets \\\n X_Y=a:1 \\\n --b X_Y=2\n", [3]),
        ("deploy.sh", "# gcloud --set-env-vars X_Y=1\ngcloud --set-env-vars '^@^A=1@X_Y=2'\n", [2]),
        ("deploy.sh", "gcloud --set-env-vars A=1\nX_Y=2 run\n", []),
        ("deploy.py", 'ENV_VARS = {\n    "X_Y": 1,\n}\nrun("--set-env-vars", ENV_VARS)\n', [2]),
        ("deploy", "#!/bin/sh\nexport X_Y=1\n", [2]),
    ],
)
def test_what_deploys_sets_variables_in_many_ways(name: str, text: str, lines: list[int]) -> None:
    """What only looks like it, or lies elsewhere, does not count."""
    assert is_deployment(f"a/{name}", text.encode)
    found = [one.line for one in settings(name, text.encode()) if one.name == "X_Y"]
    assert found == lines


@pytest.mark.parametrize(
    "name", [".env.example", "sample.env", "a.py", "README.md", "run", "a.json"]
)
def test_what_sets_nothing_is_no_deployment_file(name: str) -> None:
    """An example of an env file says what could be set."""
    assert not is_deployment(name, lambda: b"X_Y=1\n")


def test_where_it_is_set_is_told(tmp_path: Path) -> None:
    """With the file's line; what another service's tree sets is told as its own."""
    files = {"back/a.py": READS, ".github/workflows/deploy.yml": SETS, "auth/deploy.yml": SETS}
    facts = found(tmp_path, files)
    fact = only(SET, facts)
    assert (fact.kind, fact.ref) == ("variable_set", ".github/workflows/deploy.yml:2")
    assert fact.text == ".github/workflows/deploy.yml:2 sets JWT_KEY (--set-env-vars)"
    (other,) = of_kind("variable_set_elsewhere", facts)
    assert other.text == "auth/deploy.yml:2 sets JWT_KEY (--set-env-vars), in the tree of auth"


@pytest.mark.parametrize(
    ("files", "kind", "text"),
    [
        (
            {"deploy.sh": "export A=1\n", "auth/deploy.sh": "export JWT_KEY=1\n"},
            "variable_never_set",
            "no deployment file sets JWT_KEY (1 searched)",
        ),
        (
            {"deploy.sh": "echo $JWT_KEY\n"},
            "variable_set_unclear",
            "deploy.sh:1 names JWT_KEY; whether it sets it is not clear",
        ),
        (
            {"deploy.sh": "export A=1\n", "run.py": 'x = EnvVar(name="JWT_KEY")\n'},
            "variable_set_unclear",
            "run.py:1 names JWT_KEY, and may set it",
        ),
        (
            {"deploy.sh": "export A=1\n", "run.py": 'raise E("JWT_KEY is not set")\n'},
            "variable_never_set",
            "no deployment file sets JWT_KEY (1 searched)",
        ),
        (
            {"deploy.sh": "export A=1\n", "big.yml": b"#" * 1024 * 1024 + b"x"},
            "variable_never_set",
            "no deployment file sets JWT_KEY (2 searched, 1 of them could not be read)",
        ),
        ({}, "no_deployment_files", "the repository has no file of the service's that sets"),
    ],
)
def test_what_nothing_sets_is_said(
    tmp_path: Path, files: dict[str, str | bytes], kind: str, text: str
) -> None:
    """Never set is what no file so much as names that could set it."""
    fact = only(SET, found(tmp_path, {"back/a.py": READS, **files}))
    assert fact.kind == kind
    assert fact.text.startswith(text)


def test_an_argument_of_the_image_is_not_there_when_it_runs(tmp_path: Path) -> None:
    """Unless something else sets it."""
    files = {"back/a.py": READS, "back/Dockerfile": "FROM x\nARG JWT_KEY\n"}
    facts = found(tmp_path, files)
    assert only(SET, facts).kind == "variable_never_set"
    (fact,) = of_kind("variable_set_at_build", facts)
    assert fact.text == (
        "back/Dockerfile:2 sets JWT_KEY only while the image is built (ARG of the image)"
    )


@pytest.mark.parametrize(
    ("name", "text", "spaced"),
    [
        (".env", 'JWT_KEY="secret "\n', True),
        (".env", 'JWT_KEY="secret"\n', False),
        ("ci.yml", "env:\n  JWT_KEY: ' secret'\n", True),
        ("service.yaml", 'env:\n- name: JWT_KEY\n  value: "secret\t"\n- name: B\n', True),
        ("service.yaml", 'env:\n- name: JWT_KEY\n- name: B\n  value: " b"\n', False),
    ],
)
def test_white_space_around_a_value_is_said(
    tmp_path: Path, name: str, text: str, *, spaced: bool
) -> None:
    """And the value never."""
    facts = found(tmp_path, {"back/a.py": READS, f"back/{name}": text})
    assert bool(of_kind("variable_spaced", facts)) is spaced
    assert not any("secret" in f"{fact.text} {fact.data}" for fact in facts)


def test_no_fact_has_a_value_or_a_default(tmp_path: Path) -> None:
    """Whatever kinds of fact there are."""
    files = {
        "back/a.py": 'import os\nKEY = os.getenv("JWT_KEY", "hidden")\n',
        "deploy.sh": "gcloud --set-env-vars JWT_KEY=hidden\nexport JWT_KEY=hidden\n",
        "back/Dockerfile": "ARG JWT_KEY=hidden\nENV JWT_KEY hidden\n",
        "auth/.env": "JWT_KEY=hidden\n",
    }
    facts = found(tmp_path, files)
    assert len(facts) > len(files)
    assert not any("hidden" in f"{fact.text} {fact.data} {fact.ref}" for fact in facts)


# --- under another name ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "meant"),
    [
        ("JWT_KEY", "JWTKEY", True),
        ("JWT_KEY", "jwt_key", True),
        ("JWT_KEY", "APP_JWT_KEY", True),
        ("JWT_SECRET", "JWT_SECRET_KEY", True),
        ("JWT_KEY", "KEY_JWT", True),
        ("DATABASE_URL", "DATABSE_URL", True),
        ("DATABASE_URL", "DATABAES_URL", True),
        ("JWT_KEY", "API_KEY", False),
        ("DB_URL_A", "DB_URL_B", False),
        ("KEY_1", "KEY_2", False),
        ("ORDER_SERVICE_URL", "USER_SERVICE_URL", False),
        ("PORT", "REDIS_PORT", False),
        ("A_B_C", "A_X_C_D", False),
    ],
)
def test_which_names_may_be_meant_for_one(one: str, other: str, *, meant: bool) -> None:
    """Whichever of both comes first."""
    assert is_meant(one, other) is meant
    assert is_meant(other, one) is meant


UNDER_ANOTHER = {"back/a.py": READS, "deploy.yml": SETS.replace("JWT_KEY", "APP_JWT_KEY")}


def misnamed(root: Path, files: Mapping[str, str | bytes], **more: Any) -> list[Fact]:
    """Return the facts that a variable is set under another name."""
    return of_kind("variable_misnamed", found(root, {**UNDER_ANOTHER, **files}, **more))


def test_a_variable_that_is_set_under_another_name(tmp_path: Path) -> None:
    """Both lines prove it, and how far the search went."""
    (fact,) = misnamed(tmp_path, {})
    assert (fact.ref, fact.suggested) == ("deploy.yml:2", False)
    assert fact.text == (
        "JWT_KEY is read at back/a.py:3 and set nowhere (deployment files searched: 1); "
        "APP_JWT_KEY is set at deploy.yml:2 and read nowhere (files of code searched: 1)"
    )


@pytest.mark.parametrize(
    "files",
    [
        {"deploy.sh": "export JWT_KEY=$APP_JWT_KEY\n"},
        {"deploy.sh": "echo JWT_KEY\n"},
        {"deploy.sh": "export A=${APP_JWT_KEY:-}\n"},
        {"back/b.py": 'import os\nos.environ["APP_JWT_KEY"]\n'},
        {"auth/b.py": 'NAMES = ["APP_JWT_KEY"]\n'},
        {"back/b.py": "class S(BaseSettings):\n    app_jwt_key: str\n"},
        {"back/a.py": "x = 1\n"},
        {"deploy.yml": "steps: []\n"},
        {"deploy.yml": "", "auth/deploy.yml": UNDER_ANOTHER["deploy.yml"]},
        {"deploy.yml": "", "Dockerfile": "ARG APP_JWT_KEY=1\n"},
        {"deploy.yml": SETS.replace("JWT_KEY", "JWT_KEY_2").replace("KEY_2", "KE")},
    ],
)
def test_without_one_of_the_proofs_it_is_not_said(
    tmp_path: Path, files: dict[str, str | bytes]
) -> None:
    """It is set, or may be; the other one is read, or not set here; or they are not alike."""
    assert not any(not fact.suggested for fact in misnamed(tmp_path, files))


@pytest.mark.parametrize(
    "files",
    [
        {"other.sh": "export OLD_JWT_KEY=1\n"},
        {"back/b.py": 'import os\nos.environ[f"{kind}_JWT_KEY"]\n'},
        {"back/b.ts": "process.env[`APP_${kind}`]\n"},
        {"back/b.py": "class S(CommonSettings):\n    key: str\n"},
        {"back/big.py": b"#" * 1024 * 1024 + b"x"},
        {"deploy.yml": SETS.replace("JWT_KEY", "GOOGLE_JWT_KEY")},
        {"deploy.yml": SETS.replace("JWT_KEY", "JWT_KEYS_X").replace("KEYS_X", "KEIS")},
    ],
)
def test_where_it_may_be_read_or_there_are_two_it_is_only_suggested(
    tmp_path: Path, files: dict[str, str | bytes]
) -> None:
    """By a name that is put together, a model, a library; or the name is only alike."""
    facts = misnamed(tmp_path, files)
    assert facts
    assert all(fact.suggested for fact in facts)


def test_hostile_files_raise_nothing(tmp_path: Path) -> None:
    """Of whatever encoding, however deep or broken."""
    files: dict[str, str | bytes] = {
        "back/a.py": b"\xff\xfe os.environ[" + b"(" * 50_000,
        "back/b.py": READS,
        "deploy.yml": b"\xff env:\n" + b" " * 5_000 + b"JWT_KEY\n" + b"- " * 50_000,
        "Dockerfile": b"ENV " + b"\\\n" * 50_000,
        "deploy.sh": b"--set-env-vars" * 20_000,
        "main.tf": b"env {" * 50_000,
    }
    assert only(READ, found(tmp_path, files)).kind == "variable_read"


# --- laws -----------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    (
        "ENV ",
        "env:",
        "\n",
        "  ",
        "- ",
        "name: ",
        "A_B",
        "=",
        "1",
        '"',
        "{",
        "\\\n",
        "--set-env-vars ",
    )
)
NAMES = st.lists(st.sampled_from(("APP", "KEY", "URL", "DB", "1")), min_size=1, max_size=4)


@given(st.sampled_from(("Dockerfile", "a.yml", ".env", "a.sh", "a.py")), st.lists(PIECES))
def test_what_is_set_stands_in_its_line(name: str, pieces: list[str]) -> None:
    """Whatever a file holds."""
    text = "".join(pieces)
    lines = text.split("\n")
    assert all(one.name in lines[one.line - 1] for one in settings(name, text.encode()))


@given(NAMES, NAMES)
def test_to_be_meant_goes_both_ways(one: list[str], other: list[str]) -> None:
    """And a name is meant by itself in another case."""
    first, second = "_".join(one), "_".join(other)
    assert is_meant(first, second) == is_meant(second, first)
    assert is_meant(first, first.lower())
