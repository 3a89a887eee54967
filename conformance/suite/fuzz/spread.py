"""Schemathesis's coverage phase, bounded: of the thousands of cases that it makes of some bodies, a spread over all.

What it makes of one body goes through the properties in turn, the nested ones of each included, with a handful of
values for each: the first hundred cases would all be about the first property.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise, zip_longest
from typing import Any, TypeVar

from schemathesis import Case, GenerationMode
from schemathesis.generation.meta import CoveragePhaseData

AnyCase = Case[Any]
Item = TypeVar("Item")

_PROPERTY = re.compile(r"'([^']*)'")


def covering(target: Any, mode: GenerationMode, most: int, examined: int) -> list[AnyCase]:
    """At most `most` of the first `examined` coverage cases of a Schemathesis operation, of one mode.

    The shallow and the nested properties take turns, each property gets one case before any gets two.
    """
    config = target.schema.config.generation_for(operation=target)
    generated = target.schema.iter_coverage_cases(target, generation_modes=[mode], generation_config=config)
    # Cases with another method than the operation's are about a route that there is not.
    own = (case for case in islice(generated, examined) if case.method.upper() == target.method.upper())
    return spread(((place(case), case) for case in own), most)


def spread(items: Iterable[tuple[tuple[str, ...], Item]], most: int) -> list[Item]:
    """At most `most` items: from each depth of place alike, from each place of it alike, otherwise in their order."""
    places: dict[tuple[str, ...], list[Item]] = {}
    for where, item in items:
        places.setdefault(where, []).append(item)
    depths: dict[int, list[list[Item]]] = {}
    for where, found in places.items():
        depths.setdefault(len(where), []).append(found)
    turns = [_present(zip_longest(*_evenly(depths[depth], most))) for depth in sorted(depths)]
    return list(islice(_present(zip_longest(*turns)), most))


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


def _evenly(found: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of them, from the first to the last."""
    if len(found) <= most:
        return list(found)
    return [found[number * len(found) // most] for number in range(most)]


def _present(groups: Iterable[Iterable[Any]]) -> Iterator[Any]:
    return (item for group in groups for item in group if item is not None)
