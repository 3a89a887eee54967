"""Options that several commands have, above all how a target is reached, and what their values mean."""

from __future__ import annotations

import inspect
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_type_hints

import typer

from conformance.settings import Settings

_MOST_WORKERS = 4

_Header = Annotated[
    list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="Sent with every request. Repeatable.")
]
_TokenEnv = Annotated[str | None, typer.Option(metavar="VARIABLE", help="Environment variable with a bearer token.")]
_TokenFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File with a bearer token.")]
_AuthEnv = Annotated[
    str | None, typer.Option(metavar="VARIABLE", help="Environment variable with user:password (Basic).")
]
_AuthFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File with user:password (Basic).")]
_HeaderEnv = Annotated[
    list[str] | None,
    typer.Option(metavar="'NAME: VARIABLE'", help="As --header, the value from the environment. Repeatable."),
]
_HeaderFile = Annotated[
    list[str] | None,
    typer.Option(metavar="'NAME: FILE'", help="As --header, the value from a file. Repeatable."),
]
_Authority = Annotated[Path | None, typer.Option(metavar="FILE", help="Authority that signed the target's TLS.")]
_ClientCert = Annotated[Path | None, typer.Option(metavar="FILE", help="Client certificate for TLS.")]
_ClientKey = Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, where that is in another file.")]
_Contract = Annotated[
    str | None,
    typer.Option(
        metavar="prefect==VERSION|FILE|URL", help="Judge by this OpenAPI document.", show_default="the target's own"
    ),
]
_Rate = Annotated[float | None, typer.Option(metavar="N", help="Requests per second at most, over all workers.")]

Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True, kw_only=True)
class Reaching:
    """How a target is reached, as the options of a command; what each means is in its help."""

    header: _Header = None
    token_env: _TokenEnv = None
    token_file: _TokenFile = None
    auth_env: _AuthEnv = None
    auth_file: _AuthFile = None
    header_env: _HeaderEnv = None
    header_file: _HeaderFile = None
    ca: _Authority = None
    client_cert: _ClientCert = None
    client_key: _ClientKey = None
    contract: _Contract = None
    rate: _Rate = None

    def settings(self, **more: Any) -> Settings:
        """A run's settings by these and `more`. Raises BadParameter for a rate that no request could keep to."""
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise typer.BadParameter(f"--rate {self.rate:g}: it has to be a number of requests above 0")
        return Settings(
            headers=tuple(self.header or ()),
            token_env=self.token_env,
            token_file=self.token_file,
            auth_env=self.auth_env,
            auth_file=self.auth_file,
            header_env=tuple(self.header_env or ()),
            header_file=tuple(self.header_file or ()),
            ca=self.ca,
            client_cert=self.client_cert,
            client_key=self.client_key,
            contract=self.contract,
            rate=self.rate,
            **more,
        )


def reaching(command: Command) -> Command:
    """A command with the options of `Reaching` in the place of its parameter `target`; all are keywords.

    Typer knows no groups of options; several commands reach a target, and they have to do so by the same ones.
    """
    hints = get_type_hints(Reaching, include_extras=True)
    names = [field.name for field in fields(Reaching)]

    @wraps(command)
    def called(**given: Any) -> None:
        command(target=Reaching(**{name: given.pop(name) for name in names}), **given)

    parameters = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if parameter.name == "target":
            parameters += [
                parameter.replace(name=field.name, annotation=hints[field.name], default=field.default)
                for field in fields(Reaching)
            ]
        else:
            parameters.append(parameter)
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return cast("Command", called)


def seed(value: str) -> int:
    """The seed that --seed names, or any. Raises BadParameter."""
    if value == "random":
        return secrets.randbelow(2**31)
    if not value.isdecimal():
        raise typer.BadParameter(f"--seed {value!r} is neither a whole number nor `random`")
    return int(value)


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
