"""When a schedule fires: the instants that its description in the OpenAPI document promises.

Worked out apart from any server, on wall-clock times without a zone; the zone comes in at the end, from the standard
library. The three kinds differ in what a change of the clocks does to them:

- an interval under a day is counted in elapsed time, a longer one on the calendar ("the clock-hour remains constant");
- a cron expression fires "the first time" that an hour is reached, and "on every new schedule hour";
- a recurrence rule keeps its local time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim
from dateutil.rrule import rrulestr

from conformance.oracle.operators import instant

_DAY = timedelta(days=1)

_ZONE = re.compile(r"(?<=DTSTART);TZID=([^:;]+)")


def instants(schedule: Mapping[str, Any], start: datetime, end: datetime) -> list[datetime]:
    """The instants of a schedule, as it is sent to the API, from `start` to `end`, both included, in UTC.

    Raises StopIteration for a schedule of no known kind.
    """
    kinds = {"interval": _interval, "cron": _cron, "rrule": _rrule}
    fires = kinds[next(key for key in schedule if key in kinds)]
    # A day more on either side: walls are compared, and clocks of zones differ by less than that.
    found = {moment.astimezone(UTC) for moment in fires(schedule, start - _DAY, end + _DAY)}
    return sorted(moment for moment in found if start <= moment <= end)


def _interval(schedule: Mapping[str, Any], start: datetime, end: datetime) -> Iterator[datetime]:
    step = timedelta(seconds=schedule["interval"])
    anchor = instant(schedule["anchor_date"])
    first = (start - anchor) // step
    if step < _DAY:
        yield from takewhile(lambda moment: moment <= end, (anchor + n * step for n in count(first)))
        return
    zone = _zone(schedule.get("timezone"))
    wall = anchor.astimezone(zone).replace(tzinfo=None)
    yield from takewhile(lambda moment: moment <= end, (_at(wall + n * step, zone) for n in count(first)))


def _cron(schedule: Mapping[str, Any], start: datetime, end: datetime) -> Iterator[datetime]:
    zone = _zone(schedule.get("timezone"))
    walls = CronSim(schedule["cron"], start.astimezone(zone).replace(tzinfo=None))
    yield from takewhile(lambda moment: moment <= end, (_at(wall, zone) for wall in walls))


def _rrule(schedule: Mapping[str, Any], start: datetime, end: datetime) -> Iterator[datetime]:
    named = _ZONE.search(schedule["rrule"])
    zone = _zone(schedule.get("timezone") or (named and named[1]))
    walls = rrulestr(_ZONE.sub("", schedule["rrule"]), ignoretz=True)
    after, before = (moment.astimezone(zone).replace(tzinfo=None) for moment in (start, end))
    for wall in walls.between(after, before, inc=True):
        yield _at(wall, zone)


def _zone(name: str | None) -> tzinfo:
    return ZoneInfo(name) if name else UTC


def _at(wall: datetime, zone: tzinfo) -> datetime:
    """The first time that a clock of the zone shows `wall`; what it leaps over, as if it had not yet leapt."""
    return wall.replace(tzinfo=zone, fold=0)
