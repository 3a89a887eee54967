"""Schemathesis's coverage phase, bounded: of the thousands of cases that it makes of some bodies, a spread over all.

What it makes of one body goes through the properties in turn, the nested ones of each included, with a handful of
values for each: the first hundred cases would all be about the first property.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any, TypeVar

from schemathesis import Case, GenerationMode
from schemathesis.generation.meta import CoveragePhaseData

AnyCase = Case[Any]
Item = TypeVar("Item")

_ALONE = re.compile(r"properties and '[^']*'$")
_PROPERTY = re.compile(r"'([^']*)'")


def covering(target: Any, mode: GenerationMode, most: int, examined: int) -> list[AnyCase]:
    """At most `most` of the first `examined` coverage cases of a Schemathesis operation, of one mode.

    Each property gets one before any gets two, the outer ones first.
    """
    config = target.schema.config.generation_for(operation=target)
    generated = target.schema.iter_coverage_cases(target, generation_modes=[mode], generation_config=config)
    # Cases with another method than the operation's are about a route that there is not.
    own = (case for case in islice(generated, examined) if case.method.upper() == target.method.upper())
    return spread(((place(case), case) for case in sorted(own, key=_rank)), most)


def spread(items: Iterable[tuple[tuple[str, ...], Item]], most: int) -> list[Item]:
    """At most `most` items: one of each place, the outer ones first; then a second one of each, and so on.

    Where there is no room for all of one depth, those that are as far apart as can be.
    """
    places: dict[tuple[str, ...], list[Item]] = {}
    for where, item in items:
        places.setdefault(where, []).append(item)
    taken: list[Item] = []
    for turn in range(max(map(len, places.values()), default=0)):
        for depth in sorted({len(where) for where in places}):
            found = [items[turn] for where, items in places.items() if len(where) == depth and turn < len(items)]
            room = most - len(taken)
            taken += found if len(found) <= room else [found[number * len(found) // room] for number in range(room)]
    return taken


def place(case: AnyCase) -> tuple[str, ...]:
    """The properties, from the outermost one on, that a coverage case is about."""
    meta = case.meta
    data = meta.phase.data if meta is not None else None
    if not isinstance(data, CoveragePhaseData):
        return ()
    if data.location:  # a pointer to what is broken in the schema: its last step is the rule
        steps = data.location.strip("/").split("/")
        named = [step for before, step in pairwise(steps) if before == "properties"]
        return (*named, data.scenario.value)
    return tuple(_PROPERTY.findall(data.description))


def _rank(case: AnyCase) -> int:
    """Which of the cases of one place comes first: a value, then null, then the property with no other beside it."""
    meta = case.meta
    text = str(meta.phase.data.description) if meta is not None else ""
    return 2 if _ALONE.search(text) else int(text.endswith("null value"))
