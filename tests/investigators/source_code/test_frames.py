"""The line at which the application fails: which file it is in, who changed it, who owns it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from pipeline.investigators.source_code import frames
from pipeline.investigators.source_code.variables.survey import Survey
from tests.investigators.support import AUTHOR, Project, case, incident

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.facts import Fact
    from pipeline.incident import Incident

CATALOG = """\
services:
  backend: {path: back/, owners: ["@example/backend"]}
  auth: {path: auth/}
"""
PLAN = """\
RATES = {}


class Plan:
    def price(self, name):
        rate = RATES[name]
        return rate * 2
"""
OUTCOMES = {"frame", "frame_differs", "frame_ambiguous", "frame_not_found"}


def traceback(*calls: tuple[str, int, str, str], error: str = "KeyError: 'gold'") -> str:
    """Return a traceback of Python; each call is file, line, function and the line of code."""
    lines = ["Traceback (most recent call last):"]
    for file, line, function, quote in calls:
        lines.append(f'  File "{file}", line {line}, in {function}')
        lines += [f"    {quote}"] if quote else []
    return "\n".join([*lines, error])


RAISED = ("/app/back/plan.py", 6, "price", "rate = RATES[name]")


def raised(*texts: str, service: str = "backend") -> Incident:
    """Return an incident whose root's samples have these texts."""
    found = incident(service=service)
    (sample,) = found.root.samples
    samples = tuple(structs.replace(sample, text=text) for text in texts)
    return replace(found, root=replace(found.root, samples=samples))


def found(
    root: Path,
    *texts: str,
    files: Mapping[str, str | bytes] | None = None,
    catalog: str = CATALOG,
    deployed: bool = False,
) -> list[Fact]:
    """Return the facts about tracebacks in a repository with some files."""
    project = Project(root / "repo")
    head = project.commit("Start", files or {"back/plan.py": PLAN})
    code = project.code(catalog, deployed=head if deployed else "")
    return list(frames.facts(case(raised(*texts)), code))


def outcome(facts: list[Fact]) -> Fact:
    """Return the one fact that says which line it is."""
    (fact,) = [item for item in facts if item.kind in OUTCOMES]
    return fact


def test_the_line_is_told_as_the_traceback_quotes_it(tmp_path: Path) -> None:
    """With what lies around it, and the function it is in."""
    fact = outcome(found(tmp_path, traceback(RAISED)))
    assert (fact.kind, fact.ref, fact.suggested) == ("frame", "back/plan.py:6", False)
    assert fact.text == (
        "the innermost frame of the application, /app/back/plan.py:6 in price, is back/plan.py:6 "
        "in Plan.price: `rate = RATES[name]`, as the traceback quotes it"
    )
    assert fact.data["around"] == PLAN.splitlines()[2:]
    assert (fact.data["first_line"], fact.data["innermost"], fact.data["quoted"]) == (3, True, True)


def test_who_changed_the_line_and_when(tmp_path: Path) -> None:
    """Of a file as the commit has it; what was changed in the folder has no history yet."""
    project = Project(tmp_path)
    project.commit("Start", {"back/plan.py": PLAN.replace("RATES[name]", "1")})
    second = project.commit("Look rates up", {"back/plan.py": PLAN})
    given = case(raised(traceback(RAISED)))
    (fact,) = [one for one in frames.facts(given, project.code()) if one.kind == "line_changed"]
    assert fact.text == (
        f"back/plan.py:6 was last changed by {AUTHOR}, in commit {second[:12]} of 2025-09-02, "
        "“Look rates up”"
    )
    assert (fact.ref, fact.data["place"]) == (f"commit {second[:12]}", "back/plan.py:6")
    project.write({"back/plan.py": PLAN + "\n"})
    kinds = {one.kind for one in frames.facts(given, project.code())}
    assert kinds == {"frame"}


def test_a_line_that_is_not_there_was_changed_by_nobody(tmp_path: Path) -> None:
    """Nor one of a file that is not there."""
    project = Project(tmp_path)
    project.commit("Start", {"back/plan.py": PLAN})
    assert not list(project.code().changed("line_changed", "back/plan.py", 99))
    assert not list(project.code().changed("line_changed", "back/none.py", 1))


def test_what_is_made_of_the_code_is_made_once(tmp_path: Path) -> None:
    """For the same services."""
    code = Project(tmp_path).code()
    assert code.kept(Survey, ("a",)) is code.kept(Survey, ("a",))
    assert code.kept(Survey, ("b",)) is not code.kept(Survey, ("a",))


def test_a_folder_without_history_has_the_line_alone(tmp_path: Path) -> None:
    """Nobody is known to have changed it."""
    Project(tmp_path).write({"back/plan.py": PLAN})
    facts = frames.facts(case(raised(traceback(RAISED))), Project(tmp_path).code())
    assert [fact.kind for fact in facts] == ["frame"]


def test_a_line_that_differs_is_not_what_ran(tmp_path: Path) -> None:
    """Then nothing further is said of it."""
    changed = PLAN.replace("rate = RATES[name]", "rate = RATES.get(name)")
    (fact,) = found(tmp_path, traceback(RAISED), files={"back/plan.py": changed})
    assert fact.kind == "frame_differs"
    assert fact.text == (
        "back/plan.py:6 says `rate = RATES.get(name)` where the traceback quotes "
        "`rate = RATES[name]`: the code looked at is not what ran"
    )


def test_a_file_that_ends_before_the_line_is_not_what_ran(tmp_path: Path) -> None:
    """Its number says so without a quote."""
    text = traceback(("/app/back/plan.py", 60, "price", ""))
    (fact,) = found(tmp_path, text)
    assert (fact.kind, fact.ref) == ("frame_differs", "back/plan.py")
    assert fact.text.startswith("back/plan.py has 7 lines, and the traceback tells of line 60")


@pytest.mark.parametrize(
    "text",
    [
        traceback(("/app/back/plan.py", 6, "price", "")),
        traceback(("/app/back/plan.py", 6, "price", "rate = [REDACTED]")),
        traceback(RAISED).rpartition("\n")[0] + "… (9 more characters)",
        "at price (/app/back/plan.py:6:3)",
    ],
)
def test_without_a_quote_only_the_deployed_commit_is_sure(tmp_path: Path, text: str) -> None:
    """Of a checkout nobody knows whether it is what ran."""
    facts = found(tmp_path / "a", text)
    assert all(fact.suggested for fact in facts if fact.kind in {"frame", "line_changed"})
    facts = found(tmp_path / "b", text, deployed=True)
    assert [fact.suggested for fact in facts] == [False] * 3
    assert outcome(facts).data["quoted"] is False


def test_a_traceback_on_one_line_is_read(tmp_path: Path) -> None:
    """With escaped line feeds and quotes."""
    text = traceback(RAISED).replace('"', '\\"').replace("\n", "\\n")
    assert outcome(found(tmp_path, text)).data["quoted"] is True


def test_what_repeats_is_told_once(tmp_path: Path) -> None:
    """Tracebacks that end elsewhere are further ones."""
    other = ("/app/back/plan.py", 7, "price", "return rate * 2")
    facts = found(tmp_path, traceback(RAISED), traceback(RAISED), traceback(other), "no traceback")
    assert [fact.ref for fact in facts if fact.kind == "frame"] == [
        "back/plan.py:6",
        "back/plan.py:7",
    ]


# --- which file it is -----------------------------------------------------------------------------


def test_the_longest_common_end_is_the_file(tmp_path: Path) -> None:
    """The container's own folders say nothing."""
    files = {"back/a/plan.py": PLAN, "back/b/plan.py": PLAN}
    text = traceback(("/srv/back/b/plan.py", 6, "price", ""))
    assert outcome(found(tmp_path, text, files=files, deployed=True)).ref == "back/b/plan.py:6"


def test_of_two_the_one_of_the_service_is_the_file(tmp_path: Path) -> None:
    """Where both have as much in common with the path."""
    files = {"auth/db/plan.py": PLAN, "back/db/plan.py": PLAN}
    text = traceback(("/app/db/plan.py", 6, "price", ""))
    assert outcome(found(tmp_path, text, files=files, deployed=True)).ref == "back/db/plan.py:6"


def test_of_two_the_one_with_the_line_is_the_file(tmp_path: Path) -> None:
    """Whatever lies nearer."""
    files = {"auth/db/plan.py": PLAN, "back/plan.py": "x = 1\n" * 9}
    text = traceback(("/app/plan.py", 6, "price", RAISED[3]))
    assert outcome(found(tmp_path, text, files=files)).ref == "auth/db/plan.py:6"


@pytest.mark.parametrize(
    "files",
    [
        {"back/a/plan.py": PLAN, "back/b/plan.py": PLAN},
        {"back/plan.py": PLAN, "x/shared/plan.py": PLAN},
        {"back/deep/plan.py": PLAN},
    ],
)
def test_where_it_is_not_sure_the_candidates_are_told(
    tmp_path: Path, files: Mapping[str, str]
) -> None:
    """Two alike; one nearer and one with more in common; only a name in common."""
    text = traceback(("/app/shared/plan.py", 6, "price", ""))
    (fact,) = found(tmp_path, text, files=files, deployed=True)
    assert fact.kind == "frame_ambiguous"
    assert set(fact.data["candidates"]) == set(files)


def test_many_candidates_are_counted(tmp_path: Path) -> None:
    """And five named."""
    files = {f"back/{number}/plan.py": PLAN for number in range(7)}
    (fact,) = found(tmp_path, traceback(("/app/plan.py", 6, "price", "")), files=files)
    assert fact.text.endswith("back/4/plan.py and 2 more")


def test_a_file_that_is_not_here_is_passed_over_for_its_caller(tmp_path: Path) -> None:
    """A library may lie outside of where libraries lie."""
    text = traceback(RAISED, ("/opt/vendor/lib.py", 3, "get", "return x"))
    fact = outcome(found(tmp_path, text))
    assert (fact.kind, fact.ref, fact.data["innermost"]) == ("frame", "back/plan.py:6", False)
    assert "the innermost frame of the application that is here" in fact.text


def test_no_file_of_that_name_is_said_with_how_many_there_are(tmp_path: Path) -> None:
    """As far as the search went."""
    (fact,) = found(tmp_path, traceback(("/opt/vendor/lib.py", 3, "get", "return x")))
    assert fact.kind == "frame_not_found"
    assert fact.text == (
        "no file of the repository (1 searched) has the name of /opt/vendor/lib.py:3 in get"
    )


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("TypeError: x\n    at f (/app/web/src/cart.ts:2:5)", "web/src/cart.ts"),
        (
            "panic: x\n\ngoroutine 1 [running]:\nmain.f()\n\t/src/cmd/api/main.go:2 +0x1\n",
            "cmd/api/main.go",
        ),
        (
            "java.lang.IllegalStateException: x\n\tat com.example.pay.Cart$Item.add(Cart.java:2)",
            "pay/src/main/java/com/example/pay/Cart.java",
        ),
    ],
)
def test_frames_of_other_languages_are_found(tmp_path: Path, text: str, path: str) -> None:
    """By the end of their path; Java tells a class's folders by its package."""
    files = {path: "one\ntwo\n", "other/" + path.rpartition("/")[2]: "one\n"}
    fact = outcome(found(tmp_path, text, files=files, catalog="", deployed=True))
    assert (fact.kind, fact.ref, fact.data["source"]) == ("frame", f"{path}:2", "two")


@pytest.mark.parametrize("data", [b"\xff\xfe(" * 6, b"", b"def f(:\n" * 9, b"\0", b"(" * 200_000])
def test_a_file_that_is_no_python_raises_nothing(tmp_path: Path, data: bytes) -> None:
    """Its line is told as far as there is one."""
    text = traceback(("/app/back/plan.py", 6, "price", ""))
    fact = outcome(found(tmp_path, text, files={"back/plan.py": data, "x": "x"}, deployed=True))
    assert fact.kind in {"frame", "frame_differs"}


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    """A generated file may have one."""
    text = traceback(("/app/back/plan.py", 1, "price", ""))
    fact = outcome(found(tmp_path, text, files={"back/plan.py": "x" * 500}, deployed=True))
    assert len(fact.data["source"]) == frames.WIDEST


# --- owners ---------------------------------------------------------------------------------------


def test_the_owners_of_the_file_are_told(tmp_path: Path) -> None:
    """Those of CODEOWNERS with its line, those of the catalog with its place."""
    files = {"back/plan.py": PLAN, "CODEOWNERS": "* @all\n/back/ @a @b\n"}
    facts = {fact.kind: fact for fact in found(tmp_path, traceback(RAISED), files=files)}
    assert facts["code_owners"].ref == "CODEOWNERS:2"
    assert facts["code_owners"].data["owners"] == ["@a", "@b"]
    assert facts["service_owners"].ref == "catalog.yml:2"
    assert facts["service_owners"].text == (
        "@example/backend owns backend, in whose tree back/plan.py lies"
    )


@pytest.mark.parametrize("text", ["/auth/ @a\n", "* @a\n/back/\n"])
def test_a_file_may_be_nobodys(tmp_path: Path, text: str) -> None:
    """No pattern is for it, or one without owners; nor is its service in the catalog."""
    files = {"back/plan.py": PLAN, "CODEOWNERS": text}
    facts = found(tmp_path, traceback(RAISED), files=files, catalog="")
    assert {fact.kind for fact in facts} == {"frame", "line_changed"}
