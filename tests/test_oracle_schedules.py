"""The instants of a schedule, against tables worked out by hand: the clocks of New York change in both directions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.oracle.schedules import instants

NEW_YORK = "America/New_York"
# On 9 March 2031 at 2:00 (7:00 UTC) the clocks go forward, on 2 November at 2:00 (6:00 UTC) back.
law = settings(derandomize=True, deadline=None)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


HOURLY = {"interval": 3600, "anchor_date": "2031-01-01T00:30:00-05:00", "timezone": NEW_YORK}
DAILY = {"interval": 86400, "anchor_date": "2031-01-01T09:00:00-05:00", "timezone": NEW_YORK}
CRON_HOURLY = {"cron": "0 * * * *", "timezone": NEW_YORK}
CRON_DAILY = {"cron": "0 9 * * *", "timezone": NEW_YORK}
RULE = {"rrule": "DTSTART:20310101T090000\nRRULE:FREQ=DAILY", "timezone": NEW_YORK}
NAMED = {"rrule": f"DTSTART;TZID={NEW_YORK}:20310101T090000\nRRULE:FREQ=DAILY"}


@pytest.mark.parametrize(
    ("schedule", "start", "end", "expected"),
    [
        (HOURLY, "2031-03-09T05:30", "2031-03-09T08:30", ["09T05:30", "09T06:30", "09T07:30", "09T08:30"]),
        (HOURLY, "2031-11-02T04:30", "2031-11-02T07:29", ["02T04:30", "02T05:30", "02T06:30"]),
        (DAILY, "2031-03-08T00:00", "2031-03-10T13:00", ["08T14:00", "09T13:00", "10T13:00"]),
        (DAILY, "2031-11-01T13:00", "2031-11-03T00:00", ["01T13:00", "02T14:00"]),
        (CRON_HOURLY, "2031-03-09T05:00", "2031-03-09T08:00", ["09T05:00", "09T06:00", "09T07:00", "09T08:00"]),
        (CRON_HOURLY, "2031-11-02T04:00", "2031-11-02T07:00", ["02T04:00", "02T05:00", "02T07:00"]),
        (CRON_DAILY, "2031-03-08T00:00", "2031-03-10T00:00", ["08T14:00", "09T13:00"]),
        (CRON_DAILY, "2031-11-01T00:00", "2031-11-03T00:00", ["01T13:00", "02T14:00"]),
        (RULE, "2031-03-08T14:00", "2031-03-09T13:00", ["08T14:00", "09T13:00"]),
        (NAMED, "2031-11-01T00:00", "2031-11-03T00:00", ["01T13:00", "02T14:00"]),
        ({**NAMED, "timezone": "UTC"}, "2031-11-01T00:00", "2031-11-02T00:00", ["01T09:00"]),
        ({"cron": "30 6 * * 1-5"}, "2031-05-02T00:00", "2031-05-06T00:00", ["02T06:30", "05T06:30"]),
        ({"cron": "0 0 13 * 5"}, "2031-06-05T00:00", "2031-06-14T00:00", ["06T00:00", "13T00:00"]),
        (
            {"rrule": "DTSTART:20310101T000000\nRRULE:FREQ=MONTHLY;BYDAY=2FR"},
            "2031-06-01T00:00",
            "2031-06-30T00:00",
            ["13T00:00"],
        ),
        (
            {**DAILY, "anchor_date": "2031-07-01T09:00:00-04:00"},
            "2031-03-08T14:00",
            "2031-03-09T13:00",
            ["08T14:00", "09T13:00"],
        ),
    ],
)
def test_instants(schedule: dict[str, Any], start: str, end: str, expected: list[str]) -> None:
    found = instants(schedule, at(start), at(end))
    assert [f"{moment:%dT%H:%M}" for moment in found] == expected
    assert all(moment.tzinfo is UTC for moment in found)


def test_a_schedule_of_no_known_kind_is_refused() -> None:
    with pytest.raises(StopIteration):
        instants({"sundial": "noon"}, at("2031-01-01T00:00"), at("2031-01-02T00:00"))


@law
@given(
    st.sampled_from([HOURLY, DAILY, CRON_HOURLY, CRON_DAILY, RULE]),
    st.integers(0, 8000),
    st.integers(0, 96),
    st.integers(0, 96),
)
def test_two_windows_laid_end_to_end_are_one(schedule: dict[str, Any], start: int, first: int, second: int) -> None:
    begin = at("2031-01-01T00:00") + timedelta(hours=start)
    middle = begin + timedelta(hours=first)
    end = middle + timedelta(hours=second)
    parts = [*instants(schedule, begin, middle), *instants(schedule, middle + timedelta(microseconds=1), end)]
    assert instants(schedule, begin, end) == parts
