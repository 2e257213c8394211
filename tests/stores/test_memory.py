"""The store that keeps nothing; what it shares with the others is in `test_contract.py`."""

from __future__ import annotations

from pipeline.stores.memory import MemoryStore
from tests.stores.support import BASE, detection, outcome


def test_a_store_that_ends_with_its_run_keeps_no_detections() -> None:
    """It does not even look at them, however many there are; all else is as in any store."""
    kept, passing = MemoryStore(), MemoryStore(keeps_detections=False)
    told = iter([detection()])
    for store, given in ((kept, [detection()]), (passing, told)):
        store.record(given, [outcome()], BASE)
    assert list(told) == [detection()]
    assert (len(kept.detections()), passing.detections()) == (1, ())
    assert passing.incidents() == kept.incidents()
    assert passing.ledger() == kept.ledger()
