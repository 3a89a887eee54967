"""Where the data files are: inside the installed wheel, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_SHIPPED = _PACKAGE / "_data"


def fixtures() -> Path:
    """The folder `fixtures/`: populations, waivers, server versions, schemas."""
    return _SHIPPED / "fixtures" if _SHIPPED.is_dir() else _PACKAGE.parent / "fixtures"


def allure() -> Path:
    """The folder with the Allure configuration and the lock file of its command-line tool."""
    return _SHIPPED / "allure" if _SHIPPED.is_dir() else _PACKAGE.parent / "reports" / "allure"


def requirements() -> Path:
    """The folder with a page for each requirement."""
    return _SHIPPED / "requirements" if _SHIPPED.is_dir() else _PACKAGE.parent / "docs" / "requirements"
