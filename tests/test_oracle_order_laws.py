"""Laws of the order that the oracle asks of rows: it is what servers are judged by, so it is judged too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timezone
from itertools import pairwise
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_samples import ZONES, World, law, moved, worlds

from conformance.oracle import first_disorder
from conformance.oracle.operators import instant
from conformance.resources import RESOURCES, Record

SORTED: Mapping[tuple[str, str], Callable[[Record], Any]] = {
    ("flow_runs", "END_TIME"): lambda run: run["end_time"] and instant(run["end_time"]),
    ("flow_runs", "EXPECTED_START_TIME"): lambda run: (
        run["expected_start_time"] and instant(run["expected_start_time"])
    ),
    ("flow_runs", "START_TIME"): lambda run: (
        (run["start_time"] or run["expected_start_time"]) and instant(run["start_time"] or run["expected_start_time"])
    ),
    ("task_runs", "DURATION"): lambda task: task["estimated_run_time"],
    ("flow_runs", "NAME"): lambda run: run["name"],
}
"""What a sort key orders by, where values have one order only; of names, the order by code point."""


@st.composite
def ordered_lists(draw: st.DrawFn) -> tuple[str, str, World, list[Record], list[Record]]:
    """A collection, a sort key, a world, its rows with a value in that order, and those without."""
    collection, prefix = draw(st.sampled_from(sorted(SORTED)))
    descending = draw(st.booleans())
    world = draw(worlds)
    read = SORTED[collection, prefix]
    present = [record for record in world[collection] if read(record) is not None]
    nulls = [record for record in world[collection] if read(record) is None]
    sort = f"{prefix}_{'DESC' if descending else 'ASC'}"
    return collection, sort, world, sorted(present, key=read, reverse=descending), nulls


def in_order(collection: str, sort: str, rows: Sequence[Record], world: World) -> bool:
    return first_disorder(RESOURCES[collection], sort, rows, world) is None


@law
@given(ordered_lists())
def test_sorted_rows_are_in_order_with_nulls_at_either_end(
    case: tuple[str, str, World, list[Record], list[Record]],
) -> None:
    collection, sort, world, present, nulls = case
    assert in_order(collection, sort, [*present, *nulls], world)
    assert in_order(collection, sort, [*nulls, *present], world)


@law
@given(ordered_lists())
def test_nulls_between_are_out_of_order(case: tuple[str, str, World, list[Record], list[Record]]) -> None:
    collection, sort, world, present, nulls = case
    if nulls and len(present) > 1:
        assert not in_order(collection, sort, [present[0], *nulls, *present[1:]], world)
    if len(nulls) > 1 and present:
        assert not in_order(collection, sort, [nulls[0], *present, *nulls[1:]], world)


@law
@given(ordered_lists())
def test_of_two_different_neighbours_only_one_order_is_right(
    case: tuple[str, str, World, list[Record], list[Record]],
) -> None:
    collection, sort, world, present, _ = case
    assume(not sort.startswith("NAME"))  # no collation is promised
    read = SORTED[collection, sort.rpartition("_")[0]]
    if len({read(record) for record in present}) > 1:
        assert not in_order(collection, sort, present[::-1], world)
    for at, (first, second) in enumerate(pairwise(present)):
        swapped = [*present[:at], second, first, *present[at + 2 :]]
        assert in_order(collection, sort, swapped, world) is (read(first) == read(second))


@law
@given(ordered_lists(), st.randoms(use_true_random=False))
def test_what_is_out_of_order_is_shown_by_two_neighbours(
    case: tuple[str, str, World, list[Record], list[Record]], random: Any
) -> None:
    collection, sort, world, present, nulls = case
    rows = [*present, *nulls]
    random.shuffle(rows)
    wrong = first_disorder(RESOURCES[collection], sort, rows, world)
    read = SORTED[collection, sort.rpartition("_")[0]]
    if wrong is None:
        values = [read(row) for row in rows if read(row) is not None]
        if not sort.startswith("NAME"):
            assert values == sorted(values, reverse=sort.endswith("_DESC"))
        return
    assert wrong.first in rows
    assert rows.index(wrong.first) < rows.index(wrong.second)
    assert read(wrong.first) != read(wrong.second)


@law
@given(ordered_lists(), st.randoms(use_true_random=False))
def test_ties_may_stand_in_any_order(case: tuple[str, str, World, list[Record], list[Record]], random: Any) -> None:
    collection, sort, world, present, nulls = case
    rows = [*present, *nulls]
    random.shuffle(rows)
    read = SORTED[collection, sort.rpartition("_")[0]]
    values = [read(row) for row in rows]
    before = in_order(collection, sort, rows, world)
    for one in range(len(rows)):
        other = random.choice([at for at, value in enumerate(values) if value == values[one]])
        rows[one], rows[other] = rows[other], rows[one]
    assert in_order(collection, sort, rows, world) is before


@law
@given(ordered_lists(), st.randoms(use_true_random=False))
def test_descending_is_ascending_read_backwards(
    case: tuple[str, str, World, list[Record], list[Record]], random: Any
) -> None:
    collection, sort, world, present, nulls = case
    rows = [*present, *nulls]
    random.shuffle(rows)
    prefix = sort.rpartition("_")[0]
    assert in_order(collection, f"{prefix}_ASC", rows, world) is in_order(
        collection, f"{prefix}_DESC", rows[::-1], world
    )


@law
@given(ordered_lists(), st.randoms(use_true_random=False), st.sampled_from(ZONES))
def test_the_zones_of_records_do_not_count_in_an_order(
    case: tuple[str, str, World, list[Record], list[Record]], random: Any, zone: timezone
) -> None:
    collection, sort, world, present, nulls = case
    rows = [*present, *nulls]
    random.shuffle(rows)
    elsewhere = [moved(row, zone) for row in rows]
    assert in_order(collection, sort, elsewhere, world) is in_order(collection, sort, rows, world)
