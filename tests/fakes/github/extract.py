"""Cuts the part that the fake answers out of GitHub's OpenAPI description.

    npm install --ignore-scripts @octokit/openapi@23.0.2
    python -m tests.fakes.github.extract node_modules/@octokit/openapi

writes `openapi.json` and `openapi.LICENSE` beside this file. The package's version stands in
`VERSION`; another one is refused, so that a new description is a decision.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERSION = "23.0.2"
HERE = Path(__file__).parent

OPERATIONS = frozenset(
    [
        "apps/create-installation-access-token",
        "apps/get-authenticated",
        "apps/get-installation",
        "issues/add-assignees",
        "issues/add-labels",
        "issues/add-sub-issue",
        "issues/check-user-can-be-assigned",
        "issues/create",
        "issues/create-comment",
        "issues/create-label",
        "issues/create-milestone",
        "issues/delete-comment",
        "issues/get",
        "issues/get-comment",
        "issues/get-event",
        "issues/get-label",
        "issues/get-milestone",
        "issues/get-parent",
        "issues/list-assignees",
        "issues/list-comments",
        "issues/list-comments-for-repo",
        "issues/list-events",
        "issues/list-events-for-timeline",
        "issues/list-for-repo",
        "issues/list-labels-for-repo",
        "issues/list-labels-on-issue",
        "issues/list-milestones",
        "issues/list-sub-issues",
        "issues/lock",
        "issues/remove-all-labels",
        "issues/remove-assignees",
        "issues/remove-label",
        "issues/remove-sub-issue",
        "issues/set-labels",
        "issues/unlock",
        "issues/update",
        "issues/update-comment",
        "issues/update-label",
        "rate-limit/get",
        "reactions/create-for-issue",
        "reactions/create-for-issue-comment",
        "reactions/list-for-issue",
        "reactions/list-for-issue-comment",
        "repos/get",
        "repos/get-collaborator-permission-level",
        "repos/list-issue-types",
        "users/get-authenticated",
        "users/get-by-username",
    ]
)
"""The operations of the fake, by the description's own names."""

# Their prose says "you can also pass an array of labels directly", their schemas forgot.
_BARE_LISTS = frozenset({"issues/add-labels", "issues/set-labels"})
_BARE_LIST = {"type": "array", "items": {"type": "string"}}

_PROSE = frozenset({"description", "example", "examples", "externalDocs", "summary", "tags"})
_VERBS = frozenset({"delete", "get", "patch", "post", "put"})


def extract(description: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a description that `OPERATIONS` need, without prose."""
    paths = _chosen(description["paths"])
    components: dict[str, dict[str, Any]] = {}
    waiting = list(_references(paths))
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name not in components.setdefault(kind, {}):
            part = _plain(description["components"][kind][name])
            components[kind][name] = {"description": "", **part} if kind == "responses" else part
            waiting += _references(components[kind][name])
    info = {key: description["info"][key] for key in ("title", "version", "license")}
    return {
        "openapi": description["openapi"],
        "info": info,
        "paths": paths,
        "components": components,
    }


def _chosen(paths: dict[str, Any]) -> dict[str, Any]:
    kept = {
        path: {
            verb: _operation(said)
            for verb, said in verbs.items()
            if verb in _VERBS and said["operationId"] in OPERATIONS
        }
        for path, verbs in paths.items()
    }
    return {path: verbs for path, verbs in kept.items() if verbs}


def _operation(said: dict[str, Any]) -> dict[str, Any]:
    """Keep the address of the documentation: GitHub's errors name it."""
    kept: dict[str, Any] = _plain(said)
    kept["externalDocs"] = {"url": said["externalDocs"]["url"]}
    if said["operationId"] in _BARE_LISTS:
        kept["requestBody"]["content"]["application/json"]["schema"]["oneOf"].append(_BARE_LIST)
    for answer in kept["responses"].values():
        if "$ref" not in answer:
            answer["description"] = ""  # the one thing that OpenAPI demands of an answer
    return kept


def _plain(value: Any, *, names: bool = False) -> Any:
    """Leave out prose and extensions; `names` says that the keys are names of properties."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _plain(item, names=key == "properties" and not names)
        for key, item in value.items()
        if names or not (key in _PROSE or key.startswith("x-"))
    }
    return kept if names else _repaired(kept)


def _repaired(schema: dict[str, Any]) -> dict[str, Any]:
    """Say `nullable` where OpenAPI 3.0 hears it.

    Beside `oneOf` or `anyOf` and without a `type` it has no meaning there, and validators either
    refuse null or stop working; said of the first alternative it means what GitHub means.
    """
    if "nullable" not in schema or "type" in schema:
        return schema
    choice = next(key for key in ("oneOf", "anyOf") if key in schema)
    first, *others = schema[choice]
    kept = {key: value for key, value in schema.items() if key != "nullable"}
    return {**kept, choice: [{**first, "nullable": True}, *others]}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def main(arguments: Sequence[str]) -> None:
    """Read an installed package, write the two files."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.github.extract")
    parser.add_argument("package", type=Path, help="the folder of @octokit/openapi")
    package = parser.parse_args(arguments).package
    description = json.loads((package / "generated/api.github.com.json").read_text("utf-8"))
    if description["info"]["version"] != VERSION:
        parser.error(f"this is {description['info']['version']}, wanted is {VERSION}")
    text = json.dumps(extract(description), indent=1, sort_keys=True)
    (HERE / "openapi.json").write_text(text + "\n", "utf-8")
    (HERE / "openapi.LICENSE").write_text((package / "LICENSE").read_text("utf-8"), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
