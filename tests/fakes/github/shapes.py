"""The JSON of each thing that GitHub tells about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .state import (
        Comment,
        Event,
        Issue,
        IssueType,
        Label,
        Milestone,
        Reaction,
        Repository,
        State,
    )

HTML = "https://github.com"
BEGAN = "2020-01-01T00:00:00Z"
"""When everything was created that nobody created."""

_CONTENTS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")

_REPOSITORY_ADDRESSES = {
    "archive_url": "{archive_format}{/ref}", "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}", "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}", "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}", "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}", "contributors_url": "contributors",
    "deployments_url": "deployments", "downloads_url": "downloads", "events_url": "events",
    "forks_url": "forks", "git_commits_url": "git/commits{/sha}", "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}", "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}", "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}", "keys_url": "keys{/key_id}", "labels_url": "labels{/name}",
    "languages_url": "languages", "merges_url": "merges", "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}", "releases_url": "releases{/id}",
    "stargazers_url": "stargazers", "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers", "subscription_url": "subscription", "tags_url": "tags",
    "teams_url": "teams", "trees_url": "git/trees{/sha}",
}  # fmt: skip
_USER_ADDRESSES = {
    "followers_url": "followers", "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}", "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions", "organizations_url": "orgs", "repos_url": "repos",
    "events_url": "events{/privacy}", "received_events_url": "received_events",
}  # fmt: skip
_COUNTS = (
    "forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count",
    "watchers", "watchers_count", "network_count", "subscribers_count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shapes:
    """What stands in `state`, as an API says it that is reached at `base`."""

    state: State
    base: str

    def user(self, login: str | None) -> dict[str, Any] | None:
        """Describe an account; None for nobody."""
        return None if login is None else self.account(login)

    def account(self, login: str) -> dict[str, Any]:
        """Describe an account."""
        user = self.state.users[login]
        url = f"{self.base}/users/{quote(login)}"
        page = f"apps/{login.removesuffix('[bot]')}" if user.kind == "Bot" else login
        return {
            "login": login,
            "id": user.id,
            "node_id": f"U_{user.id}",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{user.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{HTML}/{page}",
            **{key: f"{url}/{rest}" for key, rest in _USER_ADDRESSES.items()},
            "type": user.kind,
            "site_admin": False,
            "user_view_type": "public",
        }

    def profile(self, login: str) -> dict[str, Any]:
        """Describe an account with what it says about itself: nothing."""
        keys = ("name", "company", "blog", "location", "email", "hireable", "bio")
        counts = ("public_repos", "public_gists", "followers", "following")
        return {
            **self.account(login),
            **dict.fromkeys(keys),
            **dict.fromkeys(counts, 0),
            "created_at": BEGAN,
            "updated_at": BEGAN,
        }

    def repository(self, repository: Repository, role: str) -> dict[str, Any]:
        """Describe a repository to somebody with that role."""
        url = self._repository_url(repository)
        page = f"{HTML}/{repository.full_name}"
        roles = ("read", "triage", "write", "maintain", "admin")
        names = ("pull", "triage", "push", "maintain", "admin")
        granted = roles[: roles.index(role) + 1] if role in roles else ()
        return {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.private,
            "owner": self.account(repository.owner),
            "html_url": page,
            "description": None,
            "fork": False,
            "url": url,
            **{key: f"{url}/{rest}" for key, rest in _REPOSITORY_ADDRESSES.items()},
            "clone_url": f"{page}.git",
            "git_url": f"git:{page.removeprefix('https:')}.git",
            "ssh_url": f"git@github.com:{repository.full_name}.git",
            "svn_url": page,
            **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
            **dict.fromkeys(("has_projects", "has_wiki", "has_pages", "has_discussions"), False),
            "archived": repository.archived,
            "disabled": False,
            **dict.fromkeys(_COUNTS, 0),
            "open_issues_count": sum(one.state == "open" for one in repository.here),
            "has_issues": repository.has_issues,
            "default_branch": "main",
            "visibility": "private" if repository.private else "public",
            "permissions": {
                name: right in granted for name, right in zip(names, roles, strict=True)
            },
            **dict.fromkeys(("pushed_at", "created_at", "updated_at"), BEGAN),
        }

    def issue(self, repository: Repository, issue: Issue) -> dict[str, Any]:
        """Describe an issue, or a pull request, which is one here."""
        url = self.issue_url(repository, issue)
        page = f"{HTML}/{repository.full_name}/{'pull' if issue.pull_request else 'issues'}"
        said = {
            "id": issue.id,
            "node_id": f"I_{issue.id}",
            "url": url,
            "repository_url": self._repository_url(repository),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": f"{page}/{issue.number}",
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "user": self.account(issue.user),
            "labels": [self.label(repository, self._named(repository, x)) for x in issue.labels],
            "state": issue.state,
            "state_reason": issue.state_reason,
            "locked": issue.locked,
            "active_lock_reason": issue.lock_reason,
            "assignee": self.user(issue.assignees[0] if issue.assignees else None),
            "assignees": [self.account(login) for login in issue.assignees],
            "milestone": self._milestone_of(repository, issue),
            "comments": len(issue.comments),
            "created_at": issue.created_at,
            "updated_at": issue.updated_at,
            "closed_at": issue.closed_at,
            "closed_by": self.user(issue.closed_by),
            "author_association": self._association(repository, issue.user),
            "type": self._type_of(repository, issue),
            "reactions": self.rollup(url, issue.reactions),
            "performed_via_github_app": self._app_of(issue.user),
            "sub_issues_summary": self._sub_issues(issue),
            "issue_dependencies_summary": dict.fromkeys(
                ("blocked_by", "blocking", "total_blocked_by", "total_blocking"), 0
            ),
            "issue_field_values": [],
        }
        if issue.parent is not None and (parent := self.state.issue(issue.parent)):
            said["parent_issue_url"] = self.issue_url(*parent)
        if issue.pull_request:
            own = f"{page}/{issue.number}"
            said["pull_request"] = {
                "url": f"{self._repository_url(repository)}/pulls/{issue.number}",
                "html_url": own,
                "diff_url": f"{own}.diff",
                "patch_url": f"{own}.patch",
                "merged_at": None,
            }
        return said

    def comment(self, repository: Repository, issue: Issue, comment: Comment) -> dict[str, Any]:
        """Describe a comment on an issue."""
        url = f"{self._repository_url(repository)}/issues/comments/{comment.id}"
        page = f"{HTML}/{repository.full_name}/issues/{issue.number}"
        return {
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "url": url,
            "html_url": f"{page}#issuecomment-{comment.id}",
            "issue_url": self.issue_url(repository, issue),
            "user": self.account(comment.user),
            "body": comment.body,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "author_association": self._association(repository, comment.user),
            "performed_via_github_app": self._app_of(comment.user),
            "reactions": self.rollup(url, comment.reactions),
        }

    def label(self, repository: Repository, label: Label) -> dict[str, Any]:
        """Describe a label."""
        return {
            "id": label.id,
            "node_id": f"LA_{label.id}",
            "url": f"{self._repository_url(repository)}/labels/{label.name.replace(' ', '%20')}",
            "name": label.name,
            "color": label.color,
            "default": False,
            "description": label.description,
        }

    def milestone(self, repository: Repository, milestone: Milestone) -> dict[str, Any]:
        """Describe a milestone."""
        url = f"{self._repository_url(repository)}/milestones/{milestone.number}"
        states = [one.state for one in repository.here if one.milestone == milestone.number]
        return {
            "id": milestone.id,
            "node_id": f"MI_{milestone.id}",
            "url": url,
            "html_url": f"{HTML}/{repository.full_name}/milestone/{milestone.number}",
            "labels_url": f"{url}/labels",
            "number": milestone.number,
            "title": milestone.title,
            "description": milestone.description,
            "creator": self.account(milestone.creator),
            "state": milestone.state,
            "open_issues": states.count("open"),
            "closed_issues": states.count("closed"),
            "created_at": milestone.at,
            "updated_at": milestone.at,
            "closed_at": None,
            "due_on": None,
        }

    def issue_type(self, kind: IssueType) -> dict[str, Any]:
        """Describe a type of issues."""
        return {
            "id": kind.id,
            "node_id": f"IT_{kind.id}",
            "name": kind.name,
            "description": kind.description,
            "color": "gray",
            "is_enabled": True,
            "created_at": BEGAN,
            "updated_at": BEGAN,
        }

    def reaction(self, reaction: Reaction) -> dict[str, Any]:
        """Describe an emoji that somebody left."""
        return {
            "id": reaction.id,
            "node_id": f"RE_{reaction.id}",
            "user": self.account(reaction.user),
            "content": reaction.content,
            "created_at": reaction.at,
        }

    def rollup(self, url: str, reactions: Sequence[Reaction]) -> dict[str, Any]:
        """How many reactions of each kind there are."""
        contents = [one.content for one in reactions]
        return {
            "url": f"{url}/reactions",
            "total_count": len(contents),
            **{content: contents.count(content) for content in _CONTENTS},
        }

    def event(self, repository: Repository, event: Event) -> dict[str, Any]:
        """Describe a line of an issue's history."""
        return {
            "id": event.id,
            "node_id": f"EV_{event.id}",
            "url": f"{self._repository_url(repository)}/issues/events/{event.id}",
            "actor": self.account(event.actor),
            "event": event.kind,
            "commit_id": None,
            "commit_url": None,
            "created_at": event.at,
            "performed_via_github_app": self._app_of(event.actor),
            **self._details(event),
        }

    def app(self) -> dict[str, Any]:
        """Describe the App."""
        app = self.state.app
        owner = next(one.login for one in self.state.users.values() if one.kind == "Organization")
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": f"A_{app.id}",
            "owner": self.account(owner),
            "name": app.slug,
            "description": None,
            "external_url": f"{HTML}/apps/{app.slug}",
            "html_url": f"{HTML}/apps/{app.slug}",
            "created_at": BEGAN,
            "updated_at": BEGAN,
            "permissions": app.permissions,
            "events": [],
        }

    def installation(self) -> dict[str, Any]:
        """Describe the one installation of the App."""
        app = self.state.app
        said = self.app()
        url = f"{self.base}/app/installations/{app.installation}"
        return {
            "id": app.installation,
            "app_id": app.id,
            "app_slug": app.slug,
            "account": said["owner"],
            "target_id": said["owner"]["id"],
            "target_type": "Organization",
            "repository_selection": "all",
            "access_tokens_url": f"{url}/access_tokens",
            "repositories_url": f"{self.base}/installation/repositories",
            "html_url": f"{HTML}/settings/installations/{app.installation}",
            "permissions": app.permissions,
            "events": [],
            "single_file_name": None,
            "created_at": BEGAN,
            "updated_at": BEGAN,
            "suspended_by": None,
            "suspended_at": None,
        }

    def issue_url(self, repository: Repository, issue: Issue) -> str:
        """Return the address of an issue."""
        return f"{self._repository_url(repository)}/issues/{issue.number}"

    def _repository_url(self, repository: Repository) -> str:
        return f"{self.base}/repos/{repository.full_name}"

    def _named(self, repository: Repository, name: str) -> Label:
        label = repository.label(name)
        if label is None:
            message = f"{repository.full_name} has no label {name}"
            raise LookupError(message)
        return label

    def _milestone_of(self, repository: Repository, issue: Issue) -> dict[str, Any] | None:
        found = (one for one in repository.milestones if one.number == issue.milestone)
        return next((self.milestone(repository, one) for one in found), None)

    def _type_of(self, repository: Repository, issue: Issue) -> dict[str, Any] | None:
        found = (one for one in repository.types if one.name == issue.type)
        return next((self.issue_type(one) for one in found), None)

    def _sub_issues(self, issue: Issue) -> dict[str, int]:
        found = [self.state.issue(one) for one in issue.sub_issues]
        closed = sum(one is not None and one[1].state == "closed" for one in found)
        percent = 100 * closed // len(found) if found else 0
        return {"total": len(found), "completed": closed, "percent_completed": percent}

    def _association(self, repository: Repository, login: str) -> str:
        if login == repository.owner:
            return "OWNER"
        return "COLLABORATOR" if repository.roles.get(login, "none") != "none" else "NONE"

    def _app_of(self, login: str) -> dict[str, Any] | None:
        return self.app() if self.state.users[login].kind == "Bot" else None

    def _details(self, event: Event) -> dict[str, Any]:
        """Say who is meant in full where the history knows a login or an issue's id."""
        said = dict(event.details)
        for key in ("assignee", "assigner"):
            if key in said:
                said[key] = self.account(said[key])
        for key in ("sub_issue", "parent_issue"):
            if key in said:
                found = self.state.issue(said[key])
                said[key] = self.issue(*found) if found else None
        return said
