"""`fivewhys templates`: what messages have in common."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.options import guarded


class TemplateFormat(StrEnum):
    """How `templates` prints."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def templates(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="One message a line; - is standard input.")
    ],
    *,
    format_: Annotated[
        TemplateFormat,
        typer.Option(
            "--format",
            help="table: the templates. csv: line number, template id and template of each line, "
            "without a header. json: the same as objects, with the parameters explained.",
        ),
    ] = TemplateFormat.TABLE,
) -> None:
    """Find the templates of messages: what they have in common, with <*> for what differs."""
    from pipeline.bootstrap.mining import Mined
    from pipeline.display import print_table

    with guarded(lambda: Mined(file)) as mined:
        if format_ is TemplateFormat.TABLE:
            print_table(("Messages", "Id", "Template"), mined.templates())
        else:
            sys.stdout.writelines(mined.csv() if format_ is TemplateFormat.CSV else mined.json())
