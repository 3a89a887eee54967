"""Prefect's own SDK, of the target's release, at work in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

from conformance.contract import Contract, frozen
from conformance.data import fixtures
from conformance.errors import ProvisioningError
from conformance.target import embedded
from conformance.target.embedded import Release, supervisor
from conformance.target.task_worker import token

_OWN_HEADERS: Final = frozenset({"prefect-csrf-token", "prefect-csrf-client", "user-agent"})
"""Headers that the SDK fills by itself."""

# How this machine reaches the target is the SDK's way too; nothing else of the user's environment reaches it.
_KEPT: Final = (
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *(name for way in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for name in (way, way.lower())),
)

_SCHEMES: Final = {"bearer": "PREFECT_API_KEY", "basic": "PREFECT_API_AUTH_STRING"}
"""The settings that have the SDK send an Authorization header, by its scheme."""

_GRACE: Final = 1.0
_POLL_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 2.0
_CLOUD: Final = re.compile(r"(.+)/accounts/[^/]+/workspaces/[^/]+/?")
"""A base URL as Prefect Cloud has it: what stands before the account is Cloud's own."""

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")


class SdkTrouble(Exception):  # noqa: N818 - it is neither an error of the caller nor a verdict
    """The SDK could not be brought to its work or to an end: nothing that the target is to blame for."""


@dataclass(frozen=True)
class Use:
    """What the SDK is told: where the API is, what gets it in, and what begins the names that it gives out.

    `limit` is the name of a global concurrency limit that is there, None where there is none. `authority`: the file
    with the authority that signed the API's certificate, where it isn't one that everybody knows.
    """

    url: str
    headers: Mapping[str, str]
    prefix: str
    limit: str | None = None
    authority: Path | None = None


def release_for(version: str, operations: Collection[str]) -> Release:
    """The release whose SDK is of the generation of a target that says `version` and has `operations`.

    That release itself; else the newest supported one that is not newer, for servers serve older clients; and where
    the target does not say, the one whose contract is most like its own.
    """
    with suppress(ProvisioningError):
        return embedded.release(version)
    releases = embedded.supported()
    try:
        said = Version(version)
    except InvalidVersion:
        return max(releases, key=lambda release: (_likeness(release, operations), Version(release.version)))
    older = [release for release in releases if Version(release.version) <= said]
    return older[-1] if older else releases[0]


def _likeness(release: Release, operations: Collection[str]) -> float:
    """How much of both contracts' operations is in both, from 0 to 1. The administrative ones are often hidden."""
    own, others = (
        {label for label in labels if "/admin/" not in label}
        for labels in (Contract.parse(frozen.path(release.version).read_bytes()).operations, operations)
    )
    return len(own & others) / len(own | others)


def credentials(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The environment that has an SDK send `headers`, if it knows the settings: not all releases do."""
    variables: dict[str, str] = {}
    others: dict[str, str] = {}
    for name, value in headers.items():
        setting = _SCHEMES.get(value.partition(" ")[0].lower()) if name.lower() == "authorization" else None
        if setting is not None:
            variables[setting] = token(headers) or ""
        elif name.lower() not in _OWN_HEADERS:
            others[name] = value
    return variables | ({"PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps(others)} if others else {})


def travel(release: Release, use: Use, report: Path, look: Callable[[], object], patience: float) -> None:
    """Have the SDK of `release` do all that `fixtures/client` has in store, and write what it sees into `report`.

    `look` is called now and then meanwhile: what it raises ends the SDK at once. Whatever ends this ends the SDK, and
    what that has started. Raises SdkTrouble where it can't be started, or is not done after `patience` seconds.
    """
    try:
        python = embedded.interpreter(release, lambda _: None)
        home = Path(tempfile.mkdtemp(prefix="prefect-conformance-"))
    except (ProvisioningError, OSError) as error:
        raise SdkTrouble(f"the SDK of prefect {release.version} can't be had: {error}") from error
    for program in (fixtures() / "client").glob("*.py"):
        shutil.copy(program, home)
    log = report.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, str(_GRACE), str(home), str(python), "journey.py"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=home,
            env=environment(python, home, use, report),
            start_new_session=True,
        )
    try:
        _wait(process, look, patience, log)
    finally:
        if process.stdin:
            process.stdin.close()
        process.terminate()
        process.wait(_GRACE + 10)


def _wait(process: subprocess.Popen[bytes], look: Callable[[], object], patience: float, log: Path) -> None:
    deadline = time.monotonic() + patience
    looked = time.monotonic()
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise SdkTrouble(f"the SDK was not done after {patience:.0f} s: {_last_line(log)}")
        if time.monotonic() > looked + _LOOK_SECONDS:
            look()
            looked = time.monotonic()
        time.sleep(_POLL_SECONDS)


def _last_line(log: Path) -> str:
    lines = _ANSI.sub("", log.read_text("utf-8", errors="replace")).split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it wrote nothing")


def _as_cloud(url: str) -> dict[str, str]:
    """What tells the SDK that a target is one of Prefect Cloud's shape, wherever it stands; nothing for another.

    It asks such a one for nothing administrative: not for its version, nor for CSRF tokens.
    """
    shaped = _CLOUD.fullmatch(url)
    # The second is what 2.0 called it.
    return {} if shaped is None else dict.fromkeys(("PREFECT_CLOUD_API_URL", "PREFECT_CLOUD_URL"), shaped[1])


def environment(python: Path, home: Path, use: Use, report: Path) -> dict[str, str]:
    """All that the SDK sees of the world."""
    told = credentials(use.headers)
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    around = [variables.get("NO_PROXY") or variables.get("no_proxy", ""), "127.0.0.1", "localhost"]
    variables["NO_PROXY"] = variables["no_proxy"] = ",".join(filter(None, around))
    return variables | {
        "PATH": os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8",
        "TZ": "UTC",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": use.url,
        "PREFECT_LOGGING_COLORS": "false",
        # What a run logs is there when the run has ended, or soon after.
        "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.2",
        # Not a word to anyone but the target.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        **_as_cloud(use.url),
        # All generations go by it: httpx itself, or the setting PREFECT_API_SSL_CERT_FILE whose default it is.
        **({} if use.authority is None else {"SSL_CERT_FILE": str(use.authority.absolute())}),
        **told,
        "CONFORMANCE_NEEDS": " ".join(told),
        "CONFORMANCE_PREFIX": use.prefix,
        "CONFORMANCE_REPORT": str(report),
        **({} if use.limit is None else {"CONFORMANCE_LIMIT": use.limit}),
    }
