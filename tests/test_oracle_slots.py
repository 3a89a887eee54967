"""The judgement of parallel histories: by hand, and by histories that a model made, whole and then spoilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.oracle.slots import Step, most_held, sequence

law = settings(derandomize=True, deadline=None, max_examples=200)


def acquire(holder: str, started: float, ended: float, granted: bool = True, slots: int = 1) -> Step:
    return Step("acquire", holder, started, ended, granted, slots)


def release(holder: str, started: float, ended: float, slots: int = 1) -> Step:
    return Step("release", holder, started, ended, slots=slots)


@pytest.mark.parametrize(
    ("history", "limit", "held", "explained"),
    [
        ([], 1, 0, True),
        ([acquire("a", 0, 1)], 1, 1, True),
        ([acquire("a", 0, 1), acquire("b", 0, 1)], 1, 2, False),
        ([acquire("a", 0, 1), acquire("b", 0, 1, granted=False)], 1, 1, True),
        # Nobody held it: there was no reason to deny.
        ([acquire("a", 0, 1, granted=False)], 1, 0, False),
        # The denial came after the release had been answered.
        ([acquire("a", 0, 1), release("a", 2, 3), acquire("b", 4, 5, granted=False)], 1, 1, False),
        # It overlaps the release, and may have come before it.
        ([acquire("a", 0, 1), release("a", 2, 4), acquire("b", 3, 5, granted=False)], 1, 1, True),
        # Granted while the release was still under way.
        ([acquire("a", 0, 1), release("a", 2, 5), acquire("b", 3, 4)], 1, 1, True),
        ([acquire("a", 0, 1), acquire("b", 2, 3), release("a", 4, 5)], 1, 2, False),
        # All or nothing, however many are asked for.
        ([acquire("a", 0, 1, slots=2), acquire("b", 2, 3, granted=False, slots=2), acquire("c", 4, 5)], 3, 3, True),
        ([acquire("a", 0, 1, slots=2), acquire("b", 2, 3, slots=2)], 3, 4, False),
        # Each alone can be explained, not both: one of the two denials needs the slot to be taken before `a` began.
        ([acquire("b", 0, 1, granted=False), acquire("a", 2, 3), acquire("c", 4, 5, granted=False)], 1, 1, False),
    ],
)
def test_histories(history: list[Step], limit: int, held: int, explained: bool) -> None:
    assert most_held(history) == held
    assert (sequence(history, limit) is not None) is explained


def played(seed: int, limit: int, callers: int) -> list[Step]:
    """What callers of a real limit would see: each call takes effect at one moment between its start and its end."""
    random = Random(seed)
    free = limit
    history: list[Step] = []
    mine: dict[str, list[Step]] = {}
    clock = [0.0] * callers
    for effect in range(1, 4 * callers):
        caller = random.randrange(callers)
        started = max(clock[caller], effect - random.random() * 3)
        clock[caller] = ended = effect + random.random() * 0.9
        held = mine.setdefault(str(caller), [])
        if held and random.random() < 0.5:
            step = replace(held.pop(), kind="release", started=started, ended=ended)
        else:
            slots = random.choice([1, 1, 2])
            step = acquire(f"{caller}-{effect}", started, ended, granted=slots <= free, slots=slots)
            if step.granted:
                held.append(step)
        free -= step.change
        history.append(step)
    random.shuffle(history)
    return history


def keeps_time(order: Sequence[Step]) -> bool:
    return all(later.ended >= earlier.started for n, later in enumerate(order) for earlier in order[:n])


@law
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 8))
def test_what_a_limit_does_is_explained(seed: int, limit: int, callers: int) -> None:
    history = played(seed, limit, callers)
    order = sequence(history, limit)
    assert order is not None
    assert sorted(map(repr, order)) == sorted(map(repr, history))
    assert keeps_time(order)
    assert most_held(history) <= limit


@law
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_more_than_there_is_is_never_explained(seed: int, limit: int) -> None:
    history = played(seed, limit + 1, 4)
    if most_held(history) > limit:
        assert sequence(history, limit) is None


def by_trying_all(history: Sequence[Step], limit: int) -> bool:
    def right(order: Sequence[Step]) -> bool:
        taken = 0
        for step in order:
            if step.kind == "acquire" and step.granted is not (taken + step.slots <= limit):
                return False
            taken += step.change
        return True

    return any(keeps_time(order) and right(order) for order in permutations(history))


@pytest.mark.parametrize("limit", [1, 2])
def test_the_search_finds_what_trying_every_order_finds(limit: int) -> None:
    spans = [(0, 1), (0, 3), (2, 3), (2, 5)]
    for answers in product([True, False], repeat=len(spans)):
        history = [
            acquire(str(n), *span, granted=granted)
            for n, (span, granted) in enumerate(zip(spans, answers, strict=True))
        ]
        first = next((step for step in history if step.granted), None)
        if first is not None:
            history.append(release(first.holder, first.ended + 0.5, first.ended + 1))
        assert (sequence(history, limit) is not None) is by_trying_all(history, limit)
