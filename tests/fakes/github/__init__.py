"""GitHub as far as issues go: stateful, held to GitHub's own description, and able to fail.

    with running(FakeGithub()) as github:
        client = Github(auth=Auth.Token(TOKEN), base_url=github.base)
        github.fail("issues/create #1 = timeout-after")
        github.people.close("example/platform", 1, "not_planned")

`python -m tests.fakes.github` serves one; README.md says more.
"""

from .fake import FakeGithub, Outcome, Request, Seen
from .faults import FAULTS
from .limits import Limits
from .people import People
from .server import running
from .state import BOT, TOKEN, App, Clock, State, beginning, load

__all__ = [
    "BOT",
    "FAULTS",
    "TOKEN",
    "App",
    "Clock",
    "FakeGithub",
    "Limits",
    "Outcome",
    "People",
    "Request",
    "Seen",
    "State",
    "beginning",
    "load",
    "running",
]
