"""The parameters that commands of approvals share; kept apart from what they import when they run."""

from pathlib import Path
from typing import Annotated

import typer

RequestId = Annotated[str, typer.Argument(metavar="ID", help="A request's id, from `approvals list`.")]
Directory = Annotated[
    Path | None,
    typer.Option("--dir", metavar="PATH", help="The folder of requests, for somebody without the profile."),
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why (required).")]
