"""Laws that the oracle's operators keep on any value: the oracle is what servers are judged by, so it is judged too."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_samples import ZONES, few, labels, law, moments, nullable, numbers, tags, texts, times, written

from conformance.oracle import holds
from conformance.oracle.operators import instant


@law
@given(nullable(texts), st.lists(texts, min_size=1, max_size=3))
def test_any_not_any_and_null_split_the_values(value: str | None, wanted: list[str]) -> None:
    assert [holds("any_", value, wanted), holds("not_any_", value, wanted), holds("is_null_", value, True)].count(
        True
    ) == 1


@law
@given(tags, st.lists(labels, min_size=1, max_size=3))
def test_a_list_has_any_or_not_any(value: list[str], wanted: list[str]) -> None:
    assert holds("any_", value, wanted) is not holds("not_any_", value, wanted)
    assert holds("is_null_", value, True) is not holds("any_", value, value)


@law
@given(nullable(texts) | tags)
def test_a_value_is_null_or_is_not(value: Any) -> None:
    assert holds("is_null_", value, True) is not holds("is_null_", value, False)


@law
@given(nullable(st.booleans()), st.booleans())
def test_a_boolean_equals_one_of_the_two_or_is_null(value: bool | None, wanted: bool) -> None:
    found = [holds("eq_", value, wanted), holds("eq_", value, not wanted), holds("is_null_", value, True)]
    assert found.count(True) == 1
    assert found[0] is (value is wanted)


@law
@given(nullable(texts))
def test_there_is_one_or_there_is_none(value: str | None) -> None:
    assert holds("exists_", value, True) is not holds("exists_", value, False)


@law
@given(moments, moments, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_before_and_after_meet_at_equality_only(
    value: datetime, limit: datetime, here: timezone, there: timezone
) -> None:
    before, after = (holds(name, written(value, here), written(limit, there)) for name in ("before_", "after_"))
    assert before or after
    assert (before and after) is (value == limit)
    assert before is (value <= limit)


@law
@given(numbers, numbers)
def test_at_least_and_at_most_meet_at_equality_only(value: int, limit: int) -> None:
    least, most = holds("ge_", value, limit), holds("le_", value, limit)
    assert least or most
    assert (least and most) is (value == limit)
    assert least is (value >= limit)


@law
@given(moments, moments, st.sampled_from(ZONES))
def test_an_instant_is_the_same_in_any_zone(value: datetime, limit: datetime, zone: timezone) -> None:
    forms = [written(limit), written(limit, zone), written(limit).replace("+00:00", "Z"), written(limit)[:-6]]
    for operator in ("before_", "after_"):
        assert len({holds(operator, written(value), form) for form in forms}) == 1
        assert len({holds(operator, form, written(value)) for form in forms}) == 1
    assert {instant(form) for form in forms} == {limit}


OPERANDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "any_": (texts, few(texts)),
    "not_any_": (texts, st.lists(texts, min_size=1)),
    "eq_": (st.booleans(), st.booleans()),
    "before_": (times, times),
    "after_": (times, times),
    "ge_": (numbers, numbers),
    "le_": (numbers, numbers),
    "like_": (texts, texts),
    "startswith_": (texts, few(texts)),
}


@pytest.mark.parametrize("operator", OPERANDS)
def test_null_satisfies_no_operator_but_those_that_ask_for_it(operator: str) -> None:
    @law
    @given(OPERANDS[operator][1])
    def check(operand: Any) -> None:
        assert not holds(operator, None, operand)

    check()


@pytest.mark.parametrize("operator", OPERANDS)
def test_of_alternatives_one_has_to_satisfy(operator: str) -> None:
    @law
    @given(nullable(OPERANDS[operator][0]), nullable(OPERANDS[operator][0]), OPERANDS[operator][1])
    def check(one: Any, other: Any, operand: Any) -> None:
        assert holds(operator, (one, other), operand) is (
            holds(operator, one, operand) or holds(operator, other, operand)
        )

    check()


@law
@given(nullable(texts), st.lists(texts, min_size=1), st.lists(texts, min_size=1))
def test_a_longer_list_takes_in_what_either_part_does(value: str | None, one: list[str], other: list[str]) -> None:
    both = [*one, *other]
    assert holds("any_", value, both) is (holds("any_", value, one) or holds("any_", value, other))
    assert holds("not_any_", value, both) is (holds("not_any_", value, one) and holds("not_any_", value, other))


@law
@given(tags, few(labels), few(labels))
def test_a_longer_list_asks_of_tags_what_both_parts_do(value: list[str], one: list[str], other: list[str]) -> None:
    both = [*one, *other]
    assert holds("all_", value, both) is (holds("all_", value, one) and holds("all_", value, other))
    assert holds("any_", value, both) is (holds("any_", value, one) or holds("any_", value, other))
    assert all(holds("all_", value, [label]) is holds("any_", value, [label]) for label in both)
    # A longer list of the object's own has all that a shorter one has.
    assert holds("all_", value, one) <= holds("all_", [*value, *other], one)


@law
@given(st.sampled_from(["any_", "not_any_", "all_"]), tags, few(labels), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_in_a_list_counts(
    operator: str, value: list[str], wanted: list[str], random: Any
) -> None:
    other = [*wanted, *wanted]
    random.shuffle(other)
    assert holds(operator, value, other) is holds(operator, value, wanted)
    assert holds(operator, value[::-1], wanted) is holds(operator, value, wanted)


@law
@given(nullable(times), moments, moments)
def test_a_later_limit_takes_in_more_before_it_and_less_after_it(
    value: str | None, one: datetime, other: datetime
) -> None:
    earlier, later = sorted((one, other))
    assert holds("before_", value, written(earlier)) <= holds("before_", value, written(later))
    assert holds("after_", value, written(later)) <= holds("after_", value, written(earlier))


@law
@given(nullable(numbers), numbers, numbers)
def test_a_higher_bound_takes_in_more_below_it_and_less_above_it(value: int | None, one: int, other: int) -> None:
    lower, higher = sorted((one, other))
    assert holds("le_", value, lower) <= holds("le_", value, higher)
    assert holds("ge_", value, higher) <= holds("ge_", value, lower)


@law
@given(st.text(max_size=6), st.text(max_size=3), st.text(max_size=3))
def test_a_text_holds_its_parts_whatever_their_case(part: str, before: str, after: str) -> None:
    whole = before + part + after
    assert holds("like_", whole, part)
    ascii_part = "".join(c for c in part if c.isascii())
    assert holds("like_", before + ascii_part + after, ascii_part.swapcase())
    # A shorter part is found wherever a longer one is.
    assert holds("like_", whole, part[1:])


@law
@given(nullable(texts), texts, few(texts))
def test_a_text_that_starts_with_a_part_holds_it(value: str | None, start: str, others: list[str]) -> None:
    assert holds("startswith_", value, [start]) <= holds("like_", value, start)
    assert holds("startswith_", value, [start]) <= holds("startswith_", value, [*others, start])
    assert holds("startswith_", value, [start]) <= holds("startswith_", value, [start[:1]])
    if value is not None:
        assert holds("startswith_", value + start, [value])


@law
@given(texts, texts)
def test_wildcards_of_sql_are_letters(value: str, part: str) -> None:
    assume(part and {*part} & {*"%_"})
    assert holds("like_", value, part) is (part in value.lower())
