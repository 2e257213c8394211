"""Union-find over rows: which of them belong together by any chain of links."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Forest:
    """Each row is a component of its own until it is joined to others."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, row: int) -> int:
        """Return the representative of a row's component (path halving)."""
        parents = self._parents
        while (parent := parents[row]) != row:
            parents[row] = row = parents[parent]
        return row

    def join(self, rows: Iterable[int], other: int) -> None:
        """Make the components of all these rows one with that of another row."""
        parents, head = self._parents, self.find(other)
        for row in rows:
            parent = parents[row]
            if parent == row:  # mostly: nothing was joined to it yet
                parents[row] = head
            elif parent != head:
                parents[self.find(row)] = head

    def unite(self, ones: Iterable[int], others: Iterable[int]) -> None:
        """Make the components of each one and the other next to it one."""
        parents = self._parents
        for one, other in zip(ones, others, strict=True):
            left, right = one, other
            while (parent := parents[left]) != left:  # `find`, twice: a call takes longer
                parents[left] = left = parents[parent]
            while (parent := parents[right]) != right:
                parents[right] = right = parents[parent]
            parents[left] = right

    def flatten(self) -> list[int]:
        """Return the representative of each row; quicker than to find them one by one."""
        parents = self._parents
        for row, parent in enumerate(parents):
            head = parent
            while (above := parents[head]) != head:
                head = above
            parents[row] = head
        return parents
