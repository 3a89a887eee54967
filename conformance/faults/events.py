"""Faults in what the filter of events selects, in how they are paged and in how they are counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from conformance.faults.bends import Json, answered, asked, on, operand, read_by
from conformance.faults.criteria import criterion, ignored, operator
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_EVENTS, _NEXT, _COUNT = "POST /events/filter", "GET /events/filter/next", "POST /events/count-by/{countable}"
_MOST = 50


def _in_filter(edit: Callable[[Json], Json]) -> Bend:
    """The filter of events is another."""
    return asked(lambda body: {**body, "filter": edit(body["filter"])} if "filter" in body else body)


def _first_label(labels: Json) -> Json:
    return dict(list(labels.items())[:1])


def _no_pattern(labels: Json) -> Json:
    def ordinary(value: Json) -> Json:
        return [ordinary(one) for one in value] if isinstance(value, list) else value.replace("*", "-asterisk")

    return {name: ordinary(value) for name, value in labels.items()}


def _any_role(operators: Json) -> Json:
    pairs = operators.get("resources_in_roles")
    rest = {key: value for key, value in operators.items() if key != "resources_in_roles"}
    return operators if pairs is None else {**rest, "id": [id_ for id_, _ in pairs]}


def _one_by_one(filter_: Json) -> Json:
    """Each operator on the related resources is a filter of its own."""
    related = filter_.get("related")
    apart = [{key: value} for key, value in related.items()] if isinstance(related, dict) else related
    return {**filter_, "related": apart} if related else filter_


def _first_of_list(filter_: Json) -> Json:
    related = filter_.get("related")
    return {**filter_, "related": related[:1]} if isinstance(related, list) else filter_


def _without(key: str) -> Bend:
    return _in_filter(lambda filter_: {name: value for name, value in filter_.items() if name != key})


def _bare(filter_: Json) -> Json:
    return {"occurred": filter_["occurred"]}


def _prefixed(compare: Callable[[str, str], bool]) -> Bend:
    """The prefix of an event's name is compared in the proxy."""

    async def bend(request: Request, upstream: Upstream) -> Response:
        wanted = operand(request.json, "filter.event.prefix")
        if wanted is None:
            return await upstream(request)
        event = {key: value for key, value in request.json["filter"]["event"].items() if key != "prefix"}
        answer = await upstream(
            request.with_json({**request.json, "filter": {**request.json["filter"], "event": event}})
        )
        rows = [row for row in answer.json["events"] if any(compare(row["event"], prefix) for prefix in wanted)]
        return answer.with_json({**answer.json, "events": rows})

    return bend


def _heedless(name: str, prefix: str) -> bool:
    return name.lower().startswith(prefix.lower())


def _ending(microseconds: int) -> Bend:
    """The range of the events that are counted ends so much later."""

    def edited(filter_: Json) -> Json:
        occurred = filter_["occurred"]
        until = datetime.fromisoformat(occurred["until"]) + timedelta(microseconds=microseconds)
        return {**filter_, "occurred": {**occurred, "until": until.isoformat()}}

    return _in_filter(edited)


def _grouped(by: Callable[[datetime], datetime]) -> Bend:
    """Each event is counted in the group that it is in where `by` moves it."""

    async def bend(request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        if not answer.is_success:
            return answer
        page = await read_by("/events/filter", {"filter": request.json["filter"], "limit": _MOST}, upstream)
        moments = [by(datetime.fromisoformat(event["occurred"])) for event in page["events"]]
        return answer.with_json([{**group, "count": _inside(group, moments)} for group in answer.json])

    return bend


def _inside(group: Json, moments: list[datetime]) -> int:
    start, end = (datetime.fromisoformat(group[key]) for key in ("start_time", "end_time"))
    return sum(start <= moment <= end for moment in moments)


def _to_the_second(moment: datetime) -> datetime:
    return datetime.fromtimestamp(round(moment.timestamp()), tz=moment.tzinfo)


def _all_in_the_first(groups: Json) -> Json:
    total = sum(group["count"] for group in groups)
    return [{**group, "count": 0 if at else total} for at, group in enumerate(groups)]


FAULTS = (
    Fault(
        "prefix-first-only",
        "filter.startswith",
        "events.event.prefix",
        "of several prefixes, only the first counts",
        operator("filter.event.prefix", lambda prefixes: prefixes[:1]),
    ),
    Fault(
        "exclude-prefix-ignored",
        "filter.not-startswith",
        "events.event.exclude_prefix",
        "exclude_prefix is ignored",
        ignored("filter.event.exclude_prefix"),
    ),
    Fault(
        "prefix-heeds-no-case",
        "filter.verbatim",
        "events.event.prefix",
        "a prefix heeds no case",
        on(_EVENTS, _prefixed(_heedless)),
        mend=Fault(
            "prefix-heeds-the-case",
            "filter.verbatim",
            "events.event.prefix",
            "a prefix stands for itself",
            on(_EVENTS, _prefixed(str.startswith)),
        ),
    ),
    Fault(
        "until-is-exclusive",
        "filter.before-inclusive",
        "events.occurred.until",
        "until leaves out the instant itself",
        on(_EVENTS, _ending(-1)),
    ),
    Fault(
        "labels-first-only",
        "filter.labels",
        "events.resource.labels",
        "of several labels, only one has to match",
        operator("filter.resource.labels", _first_label),
    ),
    Fault(
        "label-patterns-are-plain",
        "filter.label-patterns",
        "events.resource.labels",
        "the * at the end of a label's value is an ordinary character",
        operator("filter.resource.labels", _no_pattern),
    ),
    Fault(
        "roles-ignored",
        "filter.in-roles",
        "events.related.resources_in_roles",
        "resources_in_roles ignores the role",
        criterion("filter.related", _any_role),
    ),
    Fault(
        "resources-one-by-one",
        "events.one-resource",
        "events.related",
        "the operators on related resources may hold on different ones",
        on(_EVENTS, _in_filter(_one_by_one)),
    ),
    Fault(
        "list-of-filters-first-only",
        "events.every-filter",
        "events.related",
        "of a list of filters on related resources, only the first counts",
        on(_EVENTS, _in_filter(_first_of_list)),
    ),
    Fault(
        "distinct-ignored",
        "events.distinct",
        "events.resource.distinct",
        "distinct is ignored",
        ignored("filter.resource.distinct"),
    ),
    Fault(
        "order-ignored",
        "events.order",
        "events.ASC",
        "order ASC is ignored",
        on(_EVENTS, _without("order")),
    ),
    Fault(
        "total-of-the-page",
        "events.total",
        _EVENTS,
        "total is the number of events on the page",
        on(_EVENTS, answered(lambda page: {**page, "total": len(page["events"])})),
    ),
    Fault(
        "second-page-is-last",
        "events.next-page",
        _NEXT,
        "the second page of events is the last",
        on(_NEXT, answered(lambda page: {**page, "next_page": None})),
    ),
    Fault(
        "count-by-ignores-the-filter",
        "events.count-by",
        "POST /events/count-by/event",
        "count-by ignores the filter",
        on(_COUNT, _in_filter(_bare)),
    ),
    Fault(
        "counted-in-the-first-group",
        "events.count-by-time",
        "POST /events/count-by/time",
        "counted by time, every event is in the first group",
        on(_COUNT, answered(_all_in_the_first)),
    ),
    Fault(
        "counted-without-the-edge",
        "events.count-by-time-edge",
        "POST /events/count-by/time",
        "counted by time, an event at the end of the range is left out",
        on(_COUNT, _ending(-1)),
        mend=Fault(
            "counted-with-the-edge",
            "events.count-by-time-edge",
            "POST /events/count-by/time",
            "counted by time, an event at the end of the range is in a group",
            on(_COUNT, _ending(1)),
        ),
    ),
    Fault(
        "counted-to-the-second",
        "events.count-by-last-instant",
        "POST /events/count-by/time",
        "the groups of events know no fractions of a second",
        on(_COUNT, _grouped(_to_the_second)),
        mend=Fault(
            "counted-exactly",
            "events.count-by-last-instant",
            "POST /events/count-by/time",
            "the groups of events are exact",
            on(_COUNT, _grouped(lambda moment: moment)),
        ),
    ),
)
