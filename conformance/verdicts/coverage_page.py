"""The coverage of the filter grammar as a page: what was judged of each collection, and what was not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from conformance.verdicts.coverage import Cell, State
from conformance.verdicts.document import Document
from conformance.verdicts.html import environment
from conformance.verdicts.printable import printable

_TEMPLATE: Final = "coverage.html.jinja"

_WORDS: Final = {
    State.COVERED: "covered",
    State.UNCOVERED: "uncovered",
    State.LEFT_OUT: "not asked for",
    State.DEPRECATED: "deprecated",
    State.UNKNOWN: "no meaning",
}


def render(document: Document) -> str:
    """The page as HTML. It loads nothing, and all that a server named is text in it."""
    pages = environment(Path(__file__).parent)
    pages.filters["anchor"] = _anchor
    grammar = document.grammar
    asked = {pair.collection: None for pair in grammar.related}
    return pages.get_template(_TEMPLATE).render(
        document=document,
        grammar=grammar,
        words=_WORDS,
        State=State,
        collections=_collections(grammar.cells),
        asked=list(asked),
        keys=list(dict.fromkeys(pair.by for pair in grammar.related)),
        pairs={(pair.collection, pair.by): pair for pair in grammar.related},
        joint=[combination for combination in grammar.combinations if len(combination.by) > 1],
    )


def _collections(cells: Iterable[Cell]) -> list[Mapping[str, Any]]:
    """Each collection with its criteria, each of those with its cells, and how many cells are covered of how many."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.collection, []).append(cell)
    return [
        {
            "name": name,
            "criteria": [(path, list(inner)) for path, inner in groupby(members, key=lambda cell: cell.criterion)],
            "covered": sum(cell.state is State.COVERED for cell in members),
            "wanted": sum(cell.state in (State.COVERED, State.UNCOVERED) for cell in members),
        }
        for name, members in found.items()
    ]


def _anchor(name: str) -> str:
    """An `id`, which may have no white space."""
    return "-".join(printable(name).split())
