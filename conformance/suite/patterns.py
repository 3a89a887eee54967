"""Operands that stand for the beginning of a text, for labels, and for resources in roles.

Databases like to compare texts more loosely than the API says: upper and lower case alike, `%` and `_` as wildcards.
That is a rule of its own. The operands of all others mean the same either way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NOBODY = "nobody-has-this"

_MOST = 6
"""Texts of the world that operands are made of."""

_ROLE = "prefect.resource.role"

Labels = Mapping[str, str]


def operands(operator: str, present: Sequence[Any]) -> Iterator[Any]:
    """Operands for one of the operators that this module knows; `present` is what the world has there."""
    match operator:
        case "startswith_" | "prefix" | "exclude_prefix" | "id_prefix":
            yield from prefixes(present, heeds_case=operator != "startswith_")
        case "labels":
            yield from labels(present)
        case "resources_in_roles":
            yield from pairs(present)


def prefixes(texts: Sequence[str], *, heeds_case: bool) -> Iterator[list[str]]:
    """Beginnings of the texts that mean the same to a strict and to a loose comparison, and some of nobody.

    `heeds_case`: whether the operator tells upper and lower case apart.
    """
    sound = [start for start in _beginnings(texts) if _is_sound(start, texts, heeds_case=heeds_case)]
    yield from ([start] for start in sound[: 2 * _MOST])
    if len(sound) > 1:
        yield [sound[0], sound[-1]]
        yield [sound[0], NOBODY]
    # What stands further on in a text is not its beginning.
    inner = [part for text in dict.fromkeys(texts) if (part := text[1:]) and not any(t.startswith(part) for t in texts)]
    yield from ([part] for part in [part for part in inner if _is_sound(part, texts, heeds_case=heeds_case)][:2])
    yield [NOBODY]


def loose_prefixes(texts: Sequence[str]) -> Iterator[list[str]]:
    """Those that a loose comparison finds more of."""
    for starts in (_beginnings(texts), [text[0] + wild for text in texts if text for wild in ("_", "%")]):
        loose = [start for start in dict.fromkeys(starts) if not _is_sound(start, texts)]
        yield from ([start] for start in loose[:_MOST])


def labels(resources: Sequence[Labels]) -> Iterator[dict[str, Any]]:
    """Labels that some of the resources have: one, one of several values, several at once."""
    found = list(_label_values(resources))
    values = {name: [value for value in values if _is_sound(value, values)] for name, values in found}
    for name, those in values.items():
        yield from ({name: value} for value in those[:3])
        if len(those) > 1:
            yield {name: [those[0], those[-1]]}
        yield {name: [*those[:1], NOBODY]}
        yield {name: NOBODY}
    for resource in resources[:_MOST]:
        known = {name: value for name, value in resource.items() if value in values[name]}
        if len(known) > 1:
            yield known
            # Both labels exist, but no resource has them with these values.
            yield {**known, min(known): NOBODY}
    yield {NOBODY: "red"}


def loose_labels(resources: Sequence[Labels]) -> Iterator[dict[str, Any]]:
    """Values that a loose comparison finds more of."""
    for name, values in _label_values(resources):
        yield from ({name: value} for value in values if not _is_sound(value, values))
        yield from ({name: other} for value in values[:1] if (other := value.swapcase()) not in values)


def label_patterns(resources: Sequence[Labels]) -> Iterator[dict[str, Any]]:
    """Beginnings with a `*` for the rest, what is not to match, and several patterns, of which one has to.

    Not for the role, which all releases compare as it is written.
    """
    for name, values in _label_values([{k: v for k, v in one.items() if k != _ROLE} for one in resources]):
        sound = [value for value in values if _is_sound(value, values)]
        starts = [start for value in sound if _is_sound(start := value[: max(1, len(value) - 2)], values)]
        yield from ({name: f"{start}*"} for start in starts[:3])
        yield from ({name: f"!{value}"} for value in sound[:2])
        yield from ({name: f"!{start}*"} for start in starts[:2])
        if len(sound) > 1:
            yield {name: [f"{starts[0]}*", sound[-1]]}
            yield {name: [f"{starts[0]}*", f"{starts[-1]}*"]}


def pairs(found: Sequence[list[str]]) -> Iterator[list[list[str]]]:
    """Ids and roles that go together, some that don't, and several."""
    distinct = [pair for at, pair in enumerate(found) if pair not in found[:at]]
    yield from ([pair] for pair in distinct[:_MOST])
    yield from ([crossed] for crossed in _crossed(distinct)[:2])
    if len(distinct) > 1:
        yield [distinct[0], distinct[-1]]
    yield [[NOBODY, distinct[0][1]], distinct[0]] if distinct else [[NOBODY, NOBODY]]


def _crossed(pairs: Sequence[list[str]]) -> list[list[str]]:
    every = [[id_, role] for id_, _ in pairs for _, role in pairs]
    return [pair for pair in every if pair not in pairs]


def _label_values(resources: Sequence[Labels]) -> Iterator[tuple[str, list[str]]]:
    for name in dict.fromkeys(name for resource in resources for name in resource):
        yield name, list(dict.fromkeys(resource[name] for resource in resources if name in resource))


def _beginnings(texts: Sequence[str]) -> list[str]:
    """Each text whole and without its last character, and the two with the case of letters swapped."""
    distinct = list(dict.fromkeys(texts))
    starts = [start for text in distinct for start in (text, text[:-1]) if start]
    return list(dict.fromkeys([*starts, *(start.swapcase() for start in starts)]))


def _is_sound(start: str, texts: Sequence[str], *, heeds_case: bool = True) -> bool:
    """Whether the same texts begin with it under a loose comparison as under the one that is promised."""
    strict = re.compile(re.escape(start), re.NOFLAG if heeds_case else re.IGNORECASE)
    loose = re.compile("".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in start), re.IGNORECASE | re.DOTALL)
    return start.isascii() and all(bool(loose.match(text)) == bool(strict.match(text)) for text in texts)
