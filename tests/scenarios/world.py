"""Who runs: services of a made-up trade, who calls whom, their databases, and the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from random import Random

LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"
LOCATION: Final = "europe-west4"

# Three trades; of each service its tables and the things that its code is about.
TRADES: Final = {
    "rail": {
        "ticket-desk": ("basket_lines kiosk_visits", "Basket Kiosk"),
        "journeys": ("journey_legs platform_calls transfers", "JourneyLeg Transfer"),
        "fares": ("fare_bands railcards peak_calendars", "FareBand Railcard"),
        "seats": ("coach_layouts seat_holds quiet_zones", "CoachLayout SeatHold"),
        "refunds": ("refund_claims voucher_batches", "RefundClaim Voucher"),
        "loyalty": ("tier_balances perk_grants", "TierBalance Perk"),
        "rolling-stock": ("bogie_inspections unit_diagrams", "UnitDiagram Bogie"),
        "disruptions": ("line_closures crew_rosters", "LineClosure Roster"),
    },
    "library": {
        "reading-room": ("desk_visits locker_keys", "DeskVisit Locker"),
        "loans": ("loan_slips overdue_marks renewals", "LoanSlip Renewal"),
        "holdings": ("shelf_marks volumes_bound editions", "ShelfMark Edition"),
        "patrons": ("patron_cards card_blocks", "PatronCard CardBlock"),
        "fines": ("fine_ledger waivers", "FineEntry Waiver"),
        "acquisitions": ("purchase_slips vendor_quotes", "PurchaseSlip Quote"),
        "digitising": ("scan_batches plate_images", "ScanBatch Plate"),
        "interloans": ("partner_requests courier_bags", "PartnerRequest CourierBag"),
    },
    "orchard": {
        "stall-web": ("crate_offers stall_hours", "CrateOffer StallHour"),
        "harvests": ("picking_rows bin_weights", "PickingRow BinWeight"),
        "weighbridge": ("axle_readings tare_records", "AxleReading Tare"),
        "cold-chain": ("probe_samples chamber_doors", "ProbeSample Chamber"),
        "grading": ("apple_grades defect_photos", "AppleGrade Defect"),
        "haulage": ("lorry_slots dock_windows", "LorrySlot DockWindow"),
        "tariffs": ("export_duties quota_shares", "ExportDuty QuotaShare"),
        "growers": ("grower_plots graft_records", "GrowerPlot Graft"),
    },
}


@dataclass(frozen=True, slots=True)
class Service:
    """A Cloud Run service and the habits of its code.

    `server` is what serves it; `driver` what it talks to PostgreSQL with; `structured` says that it
    logs JSON with traces; `by_line` that a traceback comes one line an entry; `propagates` that it
    hands the trace of a request on to whom it calls.
    """

    name: str
    calls: tuple[str, ...]
    database: str
    tables: tuple[str, ...]
    things: tuple[str, ...]
    server: str
    driver: str
    structured: bool
    by_line: bool
    propagates: bool
    host: str
    noises: tuple[str, ...]

    @property
    def package(self) -> str:
        """The name of its Python package."""
        return self.name.replace("-", "_")

    @property
    def resource(self) -> str:
        """What its addresses are about."""
        return self.tables[0].replace("_", "-")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a service and the commit that it was built from."""

    service: Service
    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a revision."""

    revision: Revision
    name: str

    @property
    def service(self) -> Service:
        """The service it runs."""
        return self.revision.service


@dataclass(frozen=True, slots=True)
class World:
    """All services, the one that users see first, and the address of each database."""

    project: str
    services: tuple[Service, ...]
    databases: dict[str, str]

    def service(self, name: str) -> Service:
        """Return a service by its name."""
        return next(item for item in self.services if item.name == name)

    def callers(self, service: Service) -> list[Service]:
        """Return who calls a service."""
        return [item for item in self.services if service.name in item.calls]

    def users(self, database: str) -> list[Service]:
        """Return who uses a database."""
        return [item for item in self.services if item.database == database]

    def catalog(self) -> str:
        """Write the catalog as YAML."""
        services = {
            item.name: {
                "match": {"service": [item.name, f"{item.name}-migrate"]},
                "repository": f"example/{self.project}",
                "path": f"{item.package}/",
                "tables": {"database": item.database, "own": list(item.tables)},
                "depends_on": [*item.calls, item.database],
                "health": f"https://{item.host}/healthz",
            }
            for item in self.services
        }
        resources = {
            name: {
                "kind": "cloud_sql",
                "match": {"text": [address, f"/cloudsql/{self.project}:{LOCATION}:{name}"]},
            }
            for name, address in self.databases.items()
        }
        return yaml.safe_dump({"services": services, "resources": resources}, sort_keys=False)


def make_world(chance: Random) -> World:
    """Make three to eight services of one trade; each but the first is called by an earlier one."""
    trade = chance.choice(sorted(TRADES))
    names = list(TRADES[trade])[: chance.randint(3, 8)]
    databases = {f"{trade}-main": f"10.{chance.randint(11, 99)}.0.{chance.randint(3, 30)}"}
    if len(names) > 4:
        databases[f"{trade}-depot"] = f"10.{chance.randint(100, 199)}.1.{chance.randint(3, 30)}"
    calls = _calls(chance, names)
    services = tuple(
        _service(chance, name, tuple(calls[name]), chance.choice(sorted(databases)), trade)
        for name in names
    )
    return World(f"{trade}-{chance.choice(('prod', 'staging'))}", services, databases)


def _calls(chance: Random, names: list[str]) -> dict[str, list[str]]:
    calls: dict[str, list[str]] = {name: [] for name in names}
    for index, name in enumerate(names[1:], start=1):
        for caller in chance.sample(names[:index], min(index, chance.choice((1, 1, 2)))):
            calls[caller].append(name)
    return calls


def _service(
    chance: Random, name: str, calls: tuple[str, ...], database: str, trade: str
) -> Service:
    tables, things = TRADES[trade][name]
    structured = chance.random() < 0.5
    server = chance.choice(("gunicorn", "gunicorn", "uvicorn", "flask"))
    return Service(
        name=name,
        calls=calls,
        database=database,
        tables=tuple(tables.split()),
        things=tuple(things.split()),
        server=server,
        driver="psycopg2" if server == "flask" else chance.choice(("psycopg", "asyncpg")),
        structured=structured,
        by_line=chance.random() < 0.3,
        propagates=chance.random() < 0.7 or not structured,  # else nothing would tell who failed
        host=f"{name}-{letters(chance, 10)}-ez.a.run.app",
        noises=tuple(chance.sample(("sdk", "space", "deprecated", "cache"), chance.randint(0, 2))),
    )


def letters(chance: Random, count: int) -> str:
    """Draw letters, as in the name of a revision."""
    return "".join(chance.choice(LETTERS) for _ in range(count))
