"""The options of a run, written once: pytest's flags for them, and the settings that they make.

The command line passes its options on to pytest by these flags, so that `prefect-conformance run` and
plain pytest are one thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conformance.settings import Settings


@dataclass(frozen=True)
class _Option:
    flag: str
    field: str
    help: str
    kind: type = str
    repeats: bool = False


# Only the two that name a target have short names: they are what makes a session a run, and a plugin
# must not take common names from others.
_OPTIONS = (
    _Option("--target", "url", "base URL of the Prefect API under test, such as http://host:4200/api"),
    _Option("--server", "server", "release to provision and test, such as prefect==3.9.1"),
    _Option("--conformance-database", "database", "what the server is on: sqlite, postgres, a URL or env:NAME"),
    _Option("--conformance-header", "headers", "header for every request: 'NAME: VALUE'", repeats=True),
    _Option("--conformance-token-env", "token_env", "environment variable with a bearer token"),
    _Option("--conformance-token-file", "token_file", "file with a bearer token", kind=Path),
    _Option("--conformance-auth-env", "auth_env", "environment variable with user:password"),
    _Option("--conformance-auth-file", "auth_file", "file with user:password", kind=Path),
    _Option("--conformance-header-env", "header_env", "header for every request: 'NAME: VARIABLE'", repeats=True),
    _Option("--conformance-header-file", "header_file", "header for every request: 'NAME: FILE'", repeats=True),
    _Option("--conformance-ca", "ca", "certificates of the authority that the target is trusted by", kind=Path),
    _Option("--conformance-client-cert", "client_cert", "client certificate, with its key or without", kind=Path),
    _Option("--conformance-client-key", "client_key", "key of the client certificate", kind=Path),
    _Option("--conformance-contract", "contract", "the contract to judge by: prefect==VERSION, a file or an address"),
    _Option("--conformance-rate", "rate", "requests per second at most, over all workers", kind=float),
    _Option("--conformance-exclusive", "exclusive", "the target belongs to this run alone", kind=bool),
    _Option("--conformance-select", "select", "only checks that match the pattern", repeats=True),
    _Option("--conformance-no-fuzz", "fuzz", "leave the fuzz out", kind=bool),
    _Option("--conformance-fuzz-examples", "fuzz_examples", "generated cases an operation", kind=int),
    _Option("--conformance-seed", "seed", "seed of everything that is generated", kind=int),
    _Option("--conformance-waivers", "waivers", "file with accepted deviations", kind=Path, repeats=True),
    _Option("--conformance-no-waivers", "use_waivers", "apply no waivers", kind=bool),
    _Option("--conformance-reports", "reports", "folder for the reports", kind=Path),
    _Option("--conformance-no-allure", "allure", "leave Allure's results unrendered", kind=bool),
    _Option("--conformance-read-only", "read_only", "send nothing that may change the target", kind=bool),
    _Option("--conformance-shard", "shard", "do this share of the checks only: 2/3"),
    _Option("--conformance-require-coverage", "require_coverage", "coverage to reach: operations=100", repeats=True),
    _Option("--conformance-fail-fast", "fail_fast", "stop at the first failed verdict", kind=bool),
)
_NEGATED = frozenset({"fuzz", "use_waivers", "allure"})


def add(group: pytest.OptionGroup) -> None:
    """Declare the flags."""
    for option in _OPTIONS:
        if option.kind is bool:
            group.addoption(option.flag, dest=_dest(option), action="store_true", help=option.help)
        else:
            action = "append" if option.repeats else "store"
            group.addoption(option.flag, dest=_dest(option), action=action, type=option.kind, help=option.help)


def names_a_target(config: pytest.Config) -> bool:
    """Whether the session was told what to test."""
    return bool(config.getoption("conformance_url") or config.getoption("conformance_server"))


def settings(config: pytest.Config) -> Settings:
    """The settings that the flags make. Raises pytest.UsageError for a value that is out of range."""
    values: dict[str, Any] = {}
    for option in _OPTIONS:
        value = config.getoption(_dest(option))
        if option.kind is bool and value:
            values[option.field] = option.field not in _NEGATED
        elif option.kind is not bool and value is not None:
            values[option.field] = tuple(value) if option.repeats else value
    workers = getattr(config.option, "numprocesses", None)
    if isinstance(workers, int) and workers > 0:
        values["workers"] = workers
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise pytest.UsageError(f"{first['loc'][0]}: {first['msg']}") from error


def arguments(wanted: Settings) -> list[str]:
    """The flags that make these settings: the inverse of `settings`."""
    found: list[str] = []
    for option in _OPTIONS:
        value = getattr(wanted, option.field)
        if value == Settings.model_fields[option.field].default:
            continue
        if option.kind is bool:
            found.append(option.flag)
        elif option.repeats:
            found += [f"{option.flag}={item}" for item in value]
        else:
            found.append(f"{option.flag}={value}")
    if wanted.workers > 1:
        found += ["-n", str(wanted.workers)]
    return found


def _dest(option: _Option) -> str:
    return f"conformance_{option.field}"
