"""How a template becomes a page: autoescaped, and with nothing in a server's text that could do more than be seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.verdicts.printable import printable

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(folder: Path) -> Environment:
    """Jinja's environment for the templates in `folder`: a name that a template does not get is an error."""
    # A worker has no use for it, and it is read by one process at the end of a run.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )


def _printable(value: Any) -> Any:
    """What the template is about to escape, without what could do more than be seen."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
