"""Examining batches in processes of their own."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from pipeline.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.ports import Batch, Work

FORK = "fork"

AHEAD = 3
"""Batches for each process that are read before their turn."""

_work: Any = None


def in_processes(
    jobs: int, work: Callable[[Batch], Work], batches: Iterable[Batch]
) -> Iterator[Work]:
    """Send blocks to processes that were forked with all that the work needs, results in order."""
    context = multiprocessing.get_context(FORK)
    waiting: deque[Future[Work]] = deque()
    with ProcessPoolExecutor(jobs, context, _begin, (work,)) as pool:
        try:
            for batch in batches:
                waiting.append(_submitted(pool, work, batch))
                if len(waiting) > AHEAD * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            message = (
                "a process that examined entries was killed, probably for want of memory; "
                "nothing was reported; try again with --jobs 1"
            )
            raise SourceError(message) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _submitted(
    pool: ProcessPoolExecutor, work: Callable[[Batch], Work], batch: Batch
) -> Future[Work]:
    """Hand a block over; records that are parsed already are sooner examined than sent."""
    if not isinstance(batch, list):
        return pool.submit(_do, pickle.dumps(batch))
    done: Future[Work] = Future()
    done.set_result(work(batch))
    return done


def _begin(work: Callable[[Batch], object]) -> None:
    """Take the work over from the parent, which alone listens to Ctrl-C."""
    global _work  # noqa: PLW0603 - how a forked process keeps what is too large to be sent
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _do(sent: bytes) -> Any:
    """Unpack a block only here, where what goes wrong is told to the parent."""
    return _work(pickle.loads(sent))  # noqa: S301 - from the parent
