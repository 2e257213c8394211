"""What a deployment costs a month, reckoned from list prices: `python infra/costs.py --help`.

Prices are in US dollars, of regions of the first tier such as us-central1, without tax and
discounts; each names where it was read. `python infra/costs.py` prints the tables of the README.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Final

HOURS: Final = 730
"""Of a month, as Google reckons."""

DAYS: Final = HOURS / 24
GIB: Final = 1024**3
TIB: Final = 1024**4

ATTRIBUTES: Final = 32 + 30 + 20 + 17
"""Bytes that Pub/Sub counts beside an entry: name and value of the one attribute that a sink sets
(`logging.googleapis.com/timestamp`), a time of publishing, and the number of the message."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs; so many of them a month are free.

    `where` is the page that names it; `is_seen` says that it was read on a copy of Google's own.
    """

    unit: str
    dollars: float
    where: str
    free: float = 0
    is_seen: bool = True

    def of(self, units: float) -> float:
        """Return what so many units cost."""
        return max(0.0, units - self.free) * self.dollars


PRICES: Final = {
    "throughput": Price("TiB", 40, "cloud.google.com/pubsub/pricing", 10 * GIB / TIB),
    "routing": Price("GiB routed by a log sink", 0, "cloud.google.com/stackdriver/pricing"),
    "cpu": Price("vCPU-second", 0.000018, "cloud.google.com/run/pricing", 240_000),
    "memory": Price("GiB-second", 0.000002, "cloud.google.com/run/pricing", 450_000, is_seen=False),
    "disk": Price("GB of SSD", 0.17, "cloud.google.com/sql/pricing", is_seen=False),
    "secret": Price("version", 0.06, "cloud.google.com/secret-manager/pricing", 6),
    "scheduler": Price("job", 0.10, "cloud.google.com/scheduler/pricing", 3),
    "image": Price("GB of images", 0.10, "cloud.google.com/artifact-registry/pricing", 0.5),
    "condition": Price("condition", 1.50, "cloud.google.com/monitoring/alerts/cost-control"),
    "series": Price("time series read", 0.35e-6, "cloud.google.com/monitoring/alerts/cost-control"),
}

_SQL: Final = "cloud.google.com/sql/pricing"
DATABASES: Final = {
    "db-f1-micro": Price("hour", 0.0105, _SQL, is_seen=False),
    "db-g1-small": Price("hour", 0.035, _SQL, is_seen=False),
    "db-custom-1-3840": Price("hour", 0.0413 + 3.75 * 0.007, _SQL, is_seen=False),
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used in a month, apart from how much is logged.

    An entry has `entry_bytes` on average; the runner `vcpus` and `memory` (GiB), all the time, and
    `overlap` minutes of each hour twice, when the next execution of the job has begun; the database
    so many GB of `disk`; `images` are GB in Artifact Registry. Each of the `conditions` of alerts
    is looked at every half a minute, and reads one time series.
    """

    entry_bytes: int = 1_000
    vcpus: float = 1
    memory: float = 1
    overlap: float = 2
    database: str = "db-g1-small"
    disk: float = 10
    versions: int = 3
    images: float = 1
    conditions: int = 8


def month(gigabytes: float, usage: Usage) -> dict[str, float]:
    """Return what a month costs, in dollars, with so many GB (10**9 bytes) logged a day."""
    seconds = HOURS * 3600
    running = seconds * (1 + usage.overlap / 60)
    counted = gigabytes * 1e9 * DAYS * (1 + ATTRIBUTES / usage.entry_bytes)
    looks = usage.conditions * seconds / 30
    return {
        "Log sinks": PRICES["routing"].of(gigabytes),
        "Pub/Sub, in and out": PRICES["throughput"].of(2 * counted / TIB),
        "Runner, processor": PRICES["cpu"].of(usage.vcpus * running),
        "Runner, memory": PRICES["memory"].of(usage.memory * running),
        f"Cloud SQL, {usage.database}": DATABASES[usage.database].of(HOURS),
        "Cloud SQL, disk": PRICES["disk"].of(usage.disk),
        "Secret Manager": PRICES["secret"].of(usage.versions),
        "Cloud Scheduler": PRICES["scheduler"].of(1),
        "Artifact Registry": PRICES["image"].of(usage.images),
        "Alerts": PRICES["condition"].of(usage.conditions) + PRICES["series"].of(looks),
    }


def table(volumes: list[float], usage: Usage) -> str:
    """Return what a month costs at some volumes (GB a day), as a table of Markdown."""
    months = [month(volume, usage) for volume in volumes]
    rows = [
        (name, *(f"{one[name]:,.2f}" for one in months)) for name in (months[0] if months else ())
    ]
    total = ("**Together**", *(f"**{sum(one.values()):,.0f}**" for one in months))
    head = ("US dollars a month", *(f"{volume:g} GB a day" for volume in volumes))
    return _markdown([head, ("---", *("--:" for _ in volumes)), *rows, total])


def prices() -> str:
    """Return all prices and where they stand, as a table of Markdown."""
    head = [("what", "US dollars", "free a month", "where", "read"), ("---",) * 5]
    named = [*((price.unit, price) for price in PRICES.values())]
    named += [(f"hour of {name}", price) for name, price in DATABASES.items()]
    return _markdown([*head, *(_price(name, one) for name, one in named)])


def _price(name: str, price: Price) -> tuple[str, ...]:
    dollars = f"{price.dollars:.8f}".rstrip("0").rstrip(".")
    free = f"{price.free:,.4g}" if price.free < 1 else f"{price.free:,.0f}"
    read = "on a copy of that page" if price.is_seen else "only as others quote it"
    return name, dollars, free if price.free else "", price.where, read


def _markdown(rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Print what a month costs, and the prices."""
    usual = Usage()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("gigabytes", nargs="*", type=float, default=[1, 10, 100], help="GB logged a day (1 10 100)")
    add("--entry-bytes", type=int, default=usual.entry_bytes, help="of an entry, on average")
    add("--vcpus", type=float, default=usual.vcpus)
    add("--memory", type=float, default=usual.memory, help="GiB")
    add("--overlap", type=float, default=usual.overlap, help="minutes an hour; a worker pool: 0")
    add("--database", choices=[*DATABASES], default=usual.database)
    add("--disk", type=float, default=usual.disk, help="GB")
    add("--versions", type=int, default=usual.versions, help="of secrets, that are not destroyed")
    add("--images", type=float, default=usual.images, help="GB in Artifact Registry")
    add("--conditions", type=int, default=usual.conditions, help="of alerts")
    options = vars(parser.parse_args())
    print(table(options.pop("gigabytes"), Usage(**options)), prices(), sep="\n\n")


if __name__ == "__main__":
    main()
