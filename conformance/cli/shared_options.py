"""Options that several commands have, above all how a target is reached, and what their values mean."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

_MOST_WORKERS = 4

Header = Annotated[list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="Sent with every request. Repeatable.")]
TokenEnv = Annotated[str | None, typer.Option(metavar="VARIABLE", help="Environment variable with a bearer token.")]
TokenFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File with a bearer token.")]
AuthEnv = Annotated[
    str | None, typer.Option(metavar="VARIABLE", help="Environment variable with user:password (Basic).")
]
AuthFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File with user:password (Basic).")]
HeaderEnv = Annotated[
    list[str] | None,
    typer.Option(metavar="'NAME: VARIABLE'", help="As --header, the value from the environment. Repeatable."),
]
HeaderFile = Annotated[
    list[str] | None,
    typer.Option(metavar="'NAME: FILE'", help="As --header, the value from a file. Repeatable."),
]
Authority = Annotated[Path | None, typer.Option(metavar="FILE", help="Authority that signed the target's TLS.")]
ClientCert = Annotated[Path | None, typer.Option(metavar="FILE", help="Client certificate for TLS.")]
ClientKey = Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, where that is in another file.")]
Contract = Annotated[
    str | None,
    typer.Option(
        metavar="prefect==VERSION|FILE|URL", help="Judge by this OpenAPI document.", show_default="the target's own"
    ),
]
Rate = Annotated[float | None, typer.Option(metavar="N", help="Requests per second at most, over all workers.")]


def seed(value: str) -> int:
    """The seed that --seed names, or any. Raises BadParameter."""
    if value == "random":
        return secrets.randbelow(2**31)
    if not value.isdecimal():
        raise typer.BadParameter(f"--seed {value!r} is neither a whole number nor `random`")
    return int(value)


def above_zero(rate: float | None) -> float | None:
    """The rate as it was given. Raises BadParameter for one that no request could keep to."""
    if rate is not None and not 0 < rate < float("inf"):
        raise typer.BadParameter(f"--rate {rate:g}: it has to be a number of requests above 0")
    return rate


def workers(value: str | None, default: int) -> int:
    """How many processes --workers asks for. Raises BadParameter."""
    if value is None:
        return default
    if value == "auto":
        return cores()
    if not value.isdecimal() or int(value) < 1:
        raise typer.BadParameter(f"{value!r}: --workers takes a whole number above 0, or `auto`")
    return int(value)


def cores() -> int:
    """Workers of a whole run: each has a server of its own, and both take a quarter of a gigabyte."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(cores, _MOST_WORKERS)
