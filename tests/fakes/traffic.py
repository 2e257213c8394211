"""What a correlator knows of requests, made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.traffic import Question


class Unforgetting:
    """Can tell at any time, and so need not keep what it told (`episodes.Traffic`)."""

    version: int = 0

    def ask_anew(self) -> None:
        """Note nothing."""

    def forget(self, _until: int) -> tuple[Question, ...]:
        """Forget nothing."""
        return ()
