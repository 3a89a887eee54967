"""Isolated Python environments with one Prefect release each, built by uv."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from conformance.errors import ProvisioningError
from conformance.target.embedded.releases import Release

# What would change which packages are chosen, or tie the environment to uv's own cache. Everything else of the
# user's (index, proxy, certificates, offline) is how this machine reaches its packages, and stays.
_DROPPED = frozenset(
    {
        "PYTHONHOME",
        "PYTHONPATH",
        "UV_BUILD_CONSTRAINT",
        "UV_CONSTRAINT",
        "UV_EXCLUDE",
        "UV_EXCLUDE_NEWER",
        "UV_EXCLUDE_NEWER_PACKAGE",
        "UV_LINK_MODE",
        "UV_OVERRIDE",
        "UV_PRERELEASE",
        "UV_PYTHON",
        "UV_RESOLUTION",
        "UV_SYSTEM_PYTHON",
        "VIRTUAL_ENV",
    }
)

_NOISE = re.compile(r"^\W*(error:|cause:|caused by:)?[\s×╰├─▶]*", re.IGNORECASE)


def interpreter(release: Release) -> str:
    """What uv is asked for: the running interpreter, or the newest Python that `release` can run on."""
    newest = tuple(map(int, release.python.split(".")))
    return sys.executable if sys.version_info[:2] <= newest else release.python


def identity(release: Release) -> str:
    """What an environment of `release` depends on, as text: two machines or days with the same can share one."""
    wanted = interpreter(release)
    if wanted == sys.executable:
        wanted = f"{platform.python_implementation()} {platform.python_version()} {sys.base_prefix}"
    return "\n".join([release.version, release.exclude_newer, *release.overrides, release.app, wanted, machine()])


def machine() -> str:
    """What a package with programs in it depends on."""
    return f"{platform.system()} {platform.machine()}"


def python_of(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / "bin" / "python"


def create(release: Release, environment: Path) -> None:
    """Makes the folder `environment`: it can be moved afterwards.

    Raises `ProvisioningError` where there is no Python for it, or no way to its packages.
    """
    _uv(
        ["venv", "--quiet", "--relocatable", "--python", interpreter(release), str(environment)],
        environment.parent,
        f"prefect {release.version} needs Python {release.python} or older, and there is none",
        "install it or run the suite with it",
    )
    overrides = environment / "overrides.txt"
    overrides.write_text("".join(f"{override}\n" for override in release.overrides), encoding="utf-8")
    _uv(
        [
            *("pip", "install", "--quiet", "--python", str(python_of(environment))),
            # With the hour and the zone: a bare date means another moment on each machine.
            *("--exclude-newer", f"{release.exclude_newer}T23:59:59Z"),
            *("--overrides", str(overrides)),
            # Not compiled here (9 to 18 s a release on two cores): the start that makes the template compiles what a
            # server imports, and that is a fraction of it.
            "--no-compile-bytecode",
            f"prefect=={release.version}",
        ],
        environment.parent,
        f"can't install prefect {release.version}",
        "check the network and the package index (UV_DEFAULT_INDEX, UV_OFFLINE), then run again",
    )


def unpack(package: str, folder: Path) -> None:
    """Puts the files of one package, without what it depends on, into the existing `folder`.

    Raises `ProvisioningError` where there is none for this machine, or no way to it.
    """
    _uv(
        ["pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", str(folder), package],
        folder,
        f"can't install {package}",
        "check the network and the package index (UV_DEFAULT_INDEX, UV_OFFLINE), then run again, or give the URL of "
        "a PostgreSQL with --database",
    )


def _uv(arguments: list[str], folder: Path, problem: str, remedy: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    try:
        uv = find_uv_bin()
    except FileNotFoundError as error:
        raise ProvisioningError(f"{problem}: uv is not installed; run `pip install uv`") from error
    # In a folder of ours, so that no project's uv.toml or pyproject.toml is taken for ours.
    done = subprocess.run(
        [uv, *arguments], cwd=folder, env=variables, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        raise ProvisioningError(f"{problem}: {_reason(done.stderr.decode(errors='replace'))}; {remedy}")


def _reason(output: str) -> str:
    """What uv's error says in its first two lines, on one."""
    lines = output.splitlines()
    errors = [number for number, line in enumerate(lines) if re.match(r"error|\s*×", line)]
    told = [_NOISE.sub("", line).strip() for line in lines[errors[0] if errors else 0 :]]
    return ": ".join([line for line in told if line][:2]).rstrip(".")[:400] or "uv said nothing"
