"""Which checks a run means to do: those that are asked for, or its share of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from conformance.catalogue import Catalogue
from conformance.contract import Contract
from conformance.errors import ConformanceError
from conformance.settings import Settings
from conformance.suite.check import declarations, selected

Key = tuple[str, str]
"""A requirement's id and a subject."""

TOGETHER: Final = frozenset({"fuzz", "hostile", "stateful"})
"""The chapters in which several checks of a subject judge the same requests, which are sent once."""

ALL_TOGETHER: Final = frozenset({"client"})
"""The chapters in which all checks do."""


def asked_for(contract: Contract, catalogue: Catalogue, settings: Settings) -> Sequence[Key]:
    """Every check that the settings ask for, whichever shard does it, in the order of the catalogue."""
    order = {requirement: number for number, requirement in enumerate(catalogue)}
    return [
        (declared.requirement, name)
        for _, declared in sorted(declarations(), key=lambda entry: order[entry[1].requirement])
        if settings.fuzz or not declared.requirement.startswith("fuzz.")
        for name in declared.names(contract)
        if selected(declared.requirement, name, settings.select)
    ]


def planned(contract: Contract, catalogue: Catalogue, settings: Settings) -> Sequence[Key]:
    """Those of `asked_for` that this run does: all, or its shard of them. Raises ConformanceError for a bad shard."""
    asked = asked_for(contract, catalogue, settings)
    if settings.shard is None:
        return asked
    number, of = parse_shard(settings.shard)
    return [key for key, place in zip(asked, _dealt(asked, of), strict=True) if place == number]


def parse_shard(text: str) -> tuple[int, int]:
    """The number and the count in `2/3`. Raises ConformanceError for what is none."""
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= of:
        raise ConformanceError(f"--shard {text!r} is no shard: pass one of 1/N to N/N, such as 2/3")
    return number, of


def _dealt(asked: Sequence[Key], of: int) -> list[int]:
    """The shard of each check, counted from 1.

    They are dealt like cards, in the order of the catalogue: of every rule, and so of what is quick and what is slow,
    each shard gets as many as the others. What is sent once for several checks stays together.
    """
    groups = dict.fromkeys(map(_group, asked))
    place = {group: number % of + 1 for number, group in enumerate(groups)}
    return [place[_group(key)] for key in asked]


def together(key: Key) -> Key:
    """What checks that judge the same requests on a subject have in common: the chapter, or one check's own key."""
    chapter = key[0].partition(".")[0]
    return (chapter, key[1]) if chapter in TOGETHER | ALL_TOGETHER else key


def _group(key: Key) -> Key:
    chapter = key[0].partition(".")[0]
    return (chapter, "") if chapter in ALL_TOGETHER else together(key)
