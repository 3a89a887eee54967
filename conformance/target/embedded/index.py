"""The package index: when a release was uploaded, which says what its dependencies were then."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import platformdirs
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from conformance.errors import ProvisioningError
from conformance.target.redaction import Redactor

PYPI = "https://pypi.org/simple"

_JSON = "application/vnd.pypi.simple.v1+json"


def address() -> str:
    """The index that packages are installed from: uv's own settings first, then pip's, then PyPI."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if named := os.environ.get(name):
            return named.rpartition("=")[2] if "=" in named.partition("://")[0] else named
    return next(_configured(), None) or os.environ.get("PIP_INDEX_URL") or PYPI


def uploaded(project: str, version: Version) -> date:
    """The day (UTC) on which the first file of a release was uploaded.

    Raises ProvisioningError, with one line, where the index can't be asked, lacks the release or names no day.
    """
    index = address().rstrip("/")
    shown = Redactor().url(index)
    listed = _listed(f"{index}/{project}/", shown)
    files = [file for file in listed if _version(file.get("filename", "")) == version]
    if not files:
        known = [found for file in listed if (found := _version(file.get("filename", "")))]
        newest = max((found for found in known if not found.is_prerelease), default=None)
        there = f"; the newest there is {newest}" if newest else ""
        raise ProvisioningError(f"the package index {shown} has no {project} {version}{there}")
    times = [file["upload-time"] for file in files if isinstance(file.get("upload-time"), str)]
    try:
        return min(datetime.fromisoformat(time).astimezone(UTC).date() for time in times)
    except ValueError as error:
        raise ProvisioningError(
            f"the package index {shown} does not say when {project} {version} was uploaded (PEP 700), which decides "
            "about its dependencies; name one that does with UV_DEFAULT_INDEX"
        ) from error


def _listed(url: str, shown: str) -> list[dict[str, Any]]:
    """The files of a project, as PEP 691 describes them in JSON."""
    if not url.startswith(("http://", "https://")):
        raise ProvisioningError(f"the package index {shown} is no address that can be asked for dates of uploads")
    try:
        with httpx.Client(follow_redirects=True, timeout=30) as http:
            response = http.get(url, headers={"accept": f"{_JSON}, text/html;q=0.1"})
            response.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise ProvisioningError(f"the package index {shown} answers {error.response.status_code}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProvisioningError(f"can't ask the package index {shown}: {str(error) or type(error).__name__}") from error
    # By its look: mirrors are known to send pages under the type that was asked for.
    if response.text.lstrip().startswith("<"):
        page = _Page()
        page.feed(response.text)
        return page.files
    try:
        files = response.json()["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise ProvisioningError(f"the package index {shown} does not answer as one (PEP 691)") from error
    return [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []


class _Page(HTMLParser):
    """The files of a project's page; the times of upload stand there in `data-upload-time`, as uv reads it too."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One link a file."""
        told = dict(attrs)
        if tag == "a" and (href := told.get("href")):
            name = unquote(urlsplit(href).path.rpartition("/")[2])
            self.files.append({"filename": name, "upload-time": told.get("data-upload-time")})


def _version(name: str) -> Version | None:
    """The version in the name of a distribution's file, None for other files."""
    try:
        return parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def _configured() -> Iterator[str]:
    """The default index of uv's configuration files of user and system."""
    places = (platformdirs.user_config_path("uv", appauthor=False), Path("/etc/uv"))
    for path in (place / "uv.toml" for place in places):
        try:
            settings = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue  # uv itself will say so
        for index in settings.get("index", ()):
            if isinstance(index, dict) and index.get("default") and index.get("url"):
                yield str(index["url"])
        if named := settings.get("index-url") or settings.get("pip", {}).get("index-url"):
            yield str(named)
