"""Entries as they are logged: a Pub/Sub subscription that a log sink delivers to.

One folder of helpers behind one name: `PubSubFeed`.
"""

from __future__ import annotations

from pipeline.sources.pubsub.feed import PubSubFeed, PullSettings

__all__ = ["PubSubFeed", "PullSettings"]
