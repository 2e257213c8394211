"""The description: which part of it is here, and what it makes of requests and answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import TOKEN, FakeGithub, Request
from .conftest import Ask, asking
from .description import FILE, Operation, find, operations
from .extract import OPERATIONS, VERSION, extract
from .fake import HANDLERS

HERE = "example/platform"
ISSUES = f"/repos/{HERE}/issues"


def operation(verb: str, path: str) -> Operation:
    """Return the operation of a method and a path."""
    found = find(verb, path)
    assert found
    return found[0]


def test_what_is_described_is_answered() -> None:
    """Each operation of the description has a handler, and the other way round."""
    assert {one.name for one in operations()} == HANDLERS.keys() == OPERATIONS
    assert json.loads(FILE.read_text("utf-8"))["info"]["version"] == VERSION


@pytest.mark.parametrize(
    ("verb", "path", "name", "values"),
    [
        ("GET", ISSUES, "issues/list-for-repo", {}),
        ("GET", f"{ISSUES}/comments", "issues/list-comments-for-repo", {}),
        ("GET", f"{ISSUES}/7", "issues/get", {"issue_number": "7"}),
        ("DELETE", f"{ISSUES}/7/labels/on%20call", "issues/remove-label", {"name": "on call"}),
    ],
)
def test_an_operation_is_found(verb: str, path: str, name: str, values: dict[str, str]) -> None:
    """By method and path, what is written out before what is a variable."""
    found = find(verb, path)
    assert found
    assert found[0].name == name
    assert values.items() <= found[1].items()


def test_what_is_not_described_is_no_operation() -> None:
    """Neither an unknown path nor a method that it does not have."""
    assert find("GET", "/search/issues") is None
    assert find("PUT", ISSUES) is None


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"title": "x", "milestone": None, "assignee": None, "type": None}, []),
        ({"title": 7}, []),
        (None, ["body: is missing"]),
        ({}, ["body: $ 'title' is a required property"]),
        ({"title": "x", "labels": "bug"}, ["body: $.labels 'bug' is not of type 'array'"]),
        ({"title": "x", "lables": []}, ["body: lables is unknown"]),
    ],
)
def test_a_body_is_held_against_the_description(body: object, problems: list[str]) -> None:
    """Null counts where GitHub says so; a key that it would pass over is named."""
    assert operation("POST", ISSUES).request_problems({}, body) == problems


@pytest.mark.parametrize(
    ("body", "sound"),
    [
        ({"milestone": None, "title": None, "type": None, "body": None}, True),
        ({"state": "closed", "state_reason": None}, True),
        ({"state": "shut"}, False),
        ({"state_reason": "wontfix"}, False),
        ({"milestone": []}, False),
    ],
)
def test_null_is_heard_beside_alternatives(body: object, sound: bool) -> None:  # noqa: FBT001 - a column
    """What OpenAPI 3.0 would overhear, `nullable` without a type, is said so that it counts."""
    assert (operation("PATCH", f"{ISSUES}/1").request_problems({}, body) == []) == sound


def test_a_query_is_held_against_the_description() -> None:
    """Names, numbers, times and the values that are allowed."""
    listing = operation("GET", ISSUES)
    assert listing.request_problems({"state": "all", "page": "2"}, None) == []
    query = {"state": "shut", "per_page": "many", "since": "yesterday", "q": "x"}
    problems = listing.request_problems(query, {"title": "x"})
    places = [problem.split(":")[0] for problem in problems]
    assert places == ["query state", "query per_page", "query since", "query", "body"]


def test_an_answer_is_held_against_the_description(ask: Ask) -> None:
    """A status that it does not have, a body that lacks or is too much, a value that is none."""
    get = operation("GET", f"{ISSUES}/1")
    issue = ask("POST", ISSUES, {"title": "x"}).json
    assert get.answer_problems(200, issue) == []
    assert get.answer_problems(201, issue) == ["issues/get has no answer 201"]
    assert get.answer_problems(200, None) == ["issues/get: 200 lacks a body"]
    assert get.answer_problems(304, {}) == ["issues/get: 304 has a body"]
    assert get.answer_problems(304, None) == []
    assert get.answer_problems(403, {"message": "no"}) == []
    assert get.answer_problems(403, {"message": 7}) == ["403: $.message 7 is not of type 'string'"]
    (problem,) = get.answer_problems(200, {**issue, "created_at": "yesterday"})
    assert problem == "200: $.created_at 'yesterday' is not a 'date-time'"
    (problem,) = get.answer_problems(200, {**issue, "url": "nowhere"})
    assert problem == "200: $.url 'nowhere' is not a 'uri'"


def test_an_address_has_no_characters_that_none_has(ask: Ask) -> None:
    """As that of an App's account would, whose login ends with `[bot]`."""
    answer = ask("GET", f"/repos/{HERE}").json
    answer["owner"]["url"] = "https://api.github.com/users/fivewhys%5Bbot%5D"
    assert operation("GET", f"/repos/{HERE}").answer_problems(200, answer) == []
    answer["owner"]["url"] = "https://api.github.com/users/fivewhys[bot]"
    assert len(operation("GET", f"/repos/{HERE}").answer_problems(200, answer)) == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "Problems parsing JSON"),
        (b'{"title": "\\ud800"}', 400, "Problems parsing JSON"),
        (b"{}", 422, "Invalid request.\n\nbody: $ 'title' is a required property"),
        (b'{"title": "x", "lables": []}', 201, None),
    ],
)
def test_what_is_not_as_described_is_noted(body: bytes, status: int, said: str | None) -> None:
    """GitHub refuses it or passes over it; a test fails in either case."""
    github = FakeGithub()
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = github.exchange(Request("POST", ISSUES, headers, body))
    assert (answer.status, answer.json.get("message")) == (status, said)
    assert len(github.violations) == 1


def test_what_github_does_not_know_is_noted() -> None:
    """Also a path that it knows and the fake does not: the search lags, so nobody asks it."""
    github = FakeGithub()
    assert asking(github)("GET", "/search/issues?q=x").status == 404
    assert github.violations == ["GET /search/issues?q=x is not known here"]


_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_DEEDS = st.one_of(
    st.tuples(st.just("open_issue"), st.fixed_dictionaries({"title": _TEXT, "body": _TEXT})),
    *(
        st.tuples(st.just(name), st.fixed_dictionaries({"issue": st.integers(1, 3), **more}))
        for name, more in (
            ("rename", {"title": _TEXT}),
            ("edit", {"body": _TEXT}),
            ("label", {"labels": st.lists(st.sampled_from(["bug", "p1", "on call"]))}),
            ("unlabel", {"labels": st.lists(st.sampled_from(["bug", "p1"]))}),
            ("assign", {"logins": st.lists(st.sampled_from(["admin", "triager"]))}),
            ("classify", {"kind": st.sampled_from(["Bug", "Task", None])}),
            ("comment", {"body": _TEXT}),
            ("close", {"reason": st.sampled_from(["completed", "not_planned", "duplicate"])}),
            ("reopen", {}),
            ("lock_issue", {"reason": st.sampled_from(["spam", "off-topic", None])}),
            ("unlock_issue", {}),
            ("react", {"content": st.sampled_from(["eyes", "+1"])}),
            ("convert_to_discussion", {}),
            ("transfer", {"to": st.just("example/attic")}),
            ("delete", {}),
        )
    ),
)


@given(st.lists(_DEEDS, max_size=12))
def test_whatever_people_do_answers_are_as_described(deeds: list[tuple[str, Any]]) -> None:
    """Issues, comments, histories: each answer is valid, and the state survives being saved."""
    github = FakeGithub()
    github.state.add_repository("example/attic")
    for name, said in deeds:
        try:
            getattr(github.people, name)("example/platform", **said)
        except LookupError:
            continue
    ask = asking(github)
    for place in (ISSUES, "/repos/example/attic/issues"):
        for number in range(1, 4):
            for rest in ("", "/comments", "/events", "/timeline", "/labels", "/reactions"):
                ask("GET", f"{place}/{number}{rest}")
        ask("GET", f"{place}?state=all")
    assert github.violations == []
    assert json.loads(github.state.dumped())


def test_the_part_is_cut_out_with_all_that_it_refers_to() -> None:
    """Prose goes, references stay whole, names of properties are no prose, null is heard."""
    title = {"description": "of the issue", "nullable": True, "oneOf": [{"type": "string"}]}
    user = {"type": "object", "properties": {"description": {"type": "string", "example": "x"}}}
    create = {
        "operationId": "issues/create",
        "summary": "Create an issue",
        "externalDocs": {"url": "https://docs.github.com/x"},
        "requestBody": {
            "content": {"application/json": {"schema": {"properties": {"title": title}}}}
        },
        "responses": {
            "201": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/user"}}}
            },
            "404": {"$ref": "#/components/responses/not_found"},
        },
    }
    whole = {
        "openapi": "3.0.3",
        "info": {"title": "GitHub", "version": VERSION, "license": {"name": "MIT"}, "contact": {}},
        "paths": {"/issues": {"post": create, "get": {"operationId": "x"}}, "/x": {}},
        "components": {
            "schemas": {"user": user, "other": {}},
            "responses": {"not_found": {"description": "Resource not found"}},
        },
    }
    cut = extract(whole)
    assert cut["components"] == {
        "schemas": {"user": {"type": "object", "properties": {"description": {"type": "string"}}}},
        "responses": {"not_found": {"description": ""}},
    }
    assert cut["paths"].keys() == {"/issues"}
    assert cut["paths"]["/issues"].keys() == {"post"}
    kept = cut["paths"]["/issues"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert kept == {"properties": {"title": {"oneOf": [{"type": "string", "nullable": True}]}}}
