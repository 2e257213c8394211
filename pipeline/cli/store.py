"""`fivewhys store`: how much a store keeps."""

from typing import TYPE_CHECKING

import typer

from pipeline.cli.options import KeptStore, Placeholders, Rules, guarded

if TYPE_CHECKING:
    from pipeline.retention import Size

store_app = typer.Typer(help="See how much a store keeps, and make it smaller.")

MEGABYTE = 1_000_000


@store_app.command("size")
def store_size(*, store: KeptStore = "") -> None:
    """Print how many rows there are of what, and how much room they take together."""
    from pipeline.bootstrap.pruning import size

    _show(guarded(lambda: size(store)))


@store_app.command("prune")
def store_prune(
    *, store: KeptStore = "", rules: Rules = None, placeholders: Placeholders = ""
) -> None:
    """Forget what is over for long, as a service does by itself, and give room back.

    What was needed to count requests is kept as long as the rules ask for it: those of the settings
    of `fivewhys run`, where no option names others.
    """
    from pipeline.bootstrap.pruning import prune

    pruned, left = guarded(lambda: prune(store, rules=rules or (), placeholders=placeholders))
    typer.echo(
        f"put away {pruned.put_away:,} incidents; forgot {pruned.incidents:,} incidents, "
        f"{pruned.decisions:,} decisions, {pruned.receipts:,} receipts and {pruned.poison:,} "
        "messages in quarantine\n"
    )
    _show(left)


def _show(size: "Size") -> None:
    from pipeline.display import print_table

    print_table(("What", "Rows"), [(name, f"{rows:,}") for name, rows in sorted(size.rows.items())])
    typer.echo(f"\n{size.total / MEGABYTE:,.1f} MB")
