"""The coverage of the API as a page: the criteria with their levels, what was never seen, and each operation."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from conformance.contract.surface import LEVELS, Criterion
from conformance.verdicts import html
from conformance.verdicts.api_coverage import shown
from conformance.verdicts.document import Document

_TEMPLATE: Final = "api_coverage.html.jinja"

_WORDS: Final = {
    Criterion.PATHS: ("Paths", "a request to the path was answered"),
    Criterion.OPERATIONS: ("Operations", "a request of the operation was answered, whatever the answer"),
    Criterion.REQUEST_TYPES: ("Request content types", "a body of the documented type was sent"),
    Criterion.RESPONSE_TYPES: ("Response content types", "a body of the documented type came back"),
    Criterion.PARAMETERS: (
        "Parameters",
        "a request named the parameter, or the field of its body; what filters a query is in the grammar's coverage",
    ),
    Criterion.STATUS_CLASSES: ("Status classes", "an answer of 2xx, and one of 4xx, where one is documented"),
    Criterion.PARAMETER_VALUES: (
        "Parameter values",
        "each value of an enumeration or boolean was sent, and for a date-time or uuid one that is",
    ),
    Criterion.STATUS_CODES: ("Status codes", "each documented status was answered"),
    Criterion.RESPONSE_PROPERTIES: (
        "Response properties",
        "each field of the documented answers came with a value other than null",
    ),
}


def render(document: Document) -> str:
    """The page as HTML. It loads nothing, and all that a server named is text in it."""
    environment = html.environment(Path(__file__).parent)
    environment.filters["percent"] = shown
    return environment.get_template(_TEMPLATE).render(
        document=document,
        found=document.api_coverage,
        words=_WORDS,
        levels={criterion: level for level, criteria in LEVELS.items() for criterion in criteria},
        highest=max(LEVELS),
        # A path is none of an operation.
        columns=[criterion for criterion in Criterion if criterion is not Criterion.PATHS],
    )
