"""The report page, `index.html`: one file that shows a verdicts document, and loads nothing."""

from conformance.verdicts.page.placing import anchor
from conformance.verdicts.page.rendering import render

__all__ = ["anchor", "render"]
