"""One Markdown file an incident, in a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import markdown
from pipeline.errors import SinkError
from pipeline.report import Action

if TYPE_CHECKING:
    from pipeline.incident import Incident
    from pipeline.ports import Outcome


class FileSink:
    """Keeps `<folder>/<incident id>.md` as the issue of the incident should read now.

    The folder is a view of what was reported, so an issue that did not change is written again: a
    new folder shows it, too. What was never reported has no file. The file of an incident that
    another absorbed says so and no more, lest it look like an open issue. Beside an issue that is
    updated `<incident id>.update.md` has what a comment would say changed.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def send(self, outcome: Outcome) -> None:
        """Write the report, and a notice over those it absorbed.

        A file that another program reads is never half written.
        """
        if outcome.decision.action is Action.LEAVE and not outcome.reported:
            return
        self._replace(self.path_of(outcome), _text(outcome))
        update = outcome.document.report.update
        if outcome.decision.action is Action.UPDATE and update:
            self._replace(self._folder / f"{outcome.incident.id}.update.md", update)
        for name in outcome.incident.absorbed:
            for path in (self._folder / f"{name}.md", self._folder / f"{name}.update.md"):
                # The name of a file, not a way out of the folder.
                if path.name.startswith(f"{name}.") and path.is_file():
                    self._replace(path, _notice(name, outcome.incident))

    def path_of(self, outcome: Outcome) -> Path:
        """Return the file of an incident."""
        return self._folder / f"{outcome.incident.id}.md"

    def _replace(self, path: Path, text: str) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"{path.name}.part")
            draft.write_text(text, encoding="utf-8", errors="replace")
            os.replace(draft, path)  # noqa: PTH105 - atomic on every platform, as its documentation says
        except OSError as error:
            message = f"{path}: the report cannot be written: {error.strerror}"
            raise SinkError(message, recoverable=False) from error


def _text(outcome: Outcome) -> str:
    report = outcome.report
    return f"# {report.title}\n\nLabels: {', '.join(report.labels)}\n\n{report.body}"


def _notice(absorbed: str, incident: Incident) -> str:
    names = f"{markdown.code(absorbed)} became part of {markdown.code(incident.id)}"
    return f"# {names}: {markdown.inline(incident.title)}\n"
