"""Delivery: which scheduled runs are handed out to a runner that polls a queue, a pool or deployments, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from conformance.resources import RESOURCES, Record
from conformance.suite.check import Subjects, check
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.plans import deployment
from conformance.suite.polls import AT, OfDeployments, OfNamedQueues, OfPool, OfQueue, Poll, Pool, polls, pools, run_of
from conformance.suite.runs import FLOW_RUNS, propose, state
from conformance.target import Client
from conformance.world import World

Kind = type[Poll]

_HOUR: Final = timedelta(hours=1)
_LONG_AGO: Final = AT - 10 * 365 * 24 * _HOUR


def names(runs: Sequence[Record]) -> list[str]:
    """Runs by their names, which say in what state they were made, and in what order."""
    return [str(run.get("name")) for run in runs]


def require_handed_out(summary: str, expected: Sequence[Record], found: Sequence[Record]) -> None:
    """Raise Violation unless just these runs are handed out, each once, in whatever order."""
    if sorted(names(expected)) != sorted(names(found)):
        raise Violation(summary, expected=names(expected), observed=names(found))


def through_pool(*kinds: Kind) -> Subjects:
    """Those of some ways to poll that lead through a pool in a contract."""
    found = polls(lambda poll: poll in kinds)
    return lambda contract: found(contract) if pools(contract) else {}


# Whose


@check("delivery.own", on=polls())
def test_only_own_runs_are_handed_out(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    mine = [poll.run(), poll.run()]
    poll.stranger()
    require_handed_out("other runs are handed out than those that are there to be", mine, poll.ask())


@check("delivery.namesake", on=through_pool(OfQueue, OfNamedQueues))
def test_a_namesake_has_its_own_runs(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    assert poll.queue is not None
    run_of(world, deployment(world, **Pool(world).queue(name=poll.queue.record["name"]).place))
    mine = [poll.run()]
    require_handed_out("runs of a queue of the same name in another pool are handed out", mine, poll.ask())


@check("delivery.origin", on=through_pool(OfPool, OfNamedQueues))
def test_a_run_says_where_it_is_from(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    assert isinstance(poll, OfPool)
    assert poll.queue is not None
    poll.run()
    (row,) = poll.rows() or [{}]
    expected = {"work_pool_id": poll.pool.record["id"], "work_queue_id": poll.queue.record["id"]}
    require_equal("a run is said to be from elsewhere", expected, {key: row.get(key) for key in expected})


@check("delivery.record", on=polls())
def test_a_run_that_is_handed_out_is_the_one_that_is_read(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    id_ = str(poll.run()["id"])
    (found,) = poll.ask() or [{}]
    read = world.workshop.send("GET /flow_runs/{id}", id=id_)
    compared = (read.keys() & found.keys()) - RESOURCES["flow_runs"].clock
    require_equal(
        "a run is handed out as another than it is",
        {key: read[key] for key in sorted(compared | {"id"})},
        {key: found.get(key) for key in sorted(compared | {"id"})},
    )


# In what state


@check("delivery.scheduled", on=polls())
def test_only_scheduled_runs_are_handed_out(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    for type_ in ("PENDING", "RUNNING", "COMPLETED", "CANCELLED"):
        poll.run(type_=type_)
    taken, waiting = poll.run(AT - _HOUR), poll.run()
    propose(FLOW_RUNS, client, str(taken["id"]), state("PENDING"), force=True)
    require_handed_out("others than scheduled runs are handed out", [waiting], poll.ask())


@check("delivery.repeated", on=polls())
def test_a_run_is_handed_out_until_it_is_taken(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    mine = [poll.run()]
    for turn in ("first", "second"):
        require_handed_out(f"what is handed out to the {turn} poll", mine, poll.ask())


# For what time


@check("delivery.before", on=polls())
def test_no_run_is_handed_out_early(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    before = poll.run(AT - timedelta(seconds=1))
    poll.run(AT + timedelta(seconds=1))
    due = [before]
    if issubclass(subject, OfPool | OfDeployments):
        due.append(poll.run())
    require_handed_out(f"by {AT:%H:%M} other runs are due", due, poll.ask(scheduled_before=AT.isoformat()))
    if defaults_to_now(world, poll):
        overdue = poll.run(_LONG_AGO)
        require_handed_out("other runs are due by now", [overdue], poll.ask(scheduled_before=None))


def defaults_to_now(world: World, poll: Poll) -> bool:
    """Whether the document says that runs are due by now, where no time is given. Later generations say nothing."""
    contract = world.workshop.contract
    described = contract.body_properties(str(poll.operation(contract)))["scheduled_before"].get("description", "")
    return "defaults to now" in described


@check("delivery.after", on=through_pool(OfPool, OfNamedQueues))
def test_no_run_is_handed_out_that_was_due_before(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    poll.run(AT - timedelta(seconds=1))
    at, after, late = poll.run(), poll.run(AT + _HOUR), poll.run(AT + 2 * _HOUR)
    since = {"scheduled_after": AT.isoformat()}
    require_handed_out(f"since {AT:%H:%M} other runs are due", [at, after, late], poll.ask(**since))
    window = {**since, "scheduled_before": (AT + _HOUR).isoformat()}
    require_handed_out("other runs are due between two times", [at, after], poll.ask(**window))


# How many, and which first


@check("delivery.earliest-first", on=polls())
def test_the_earliest_run_comes_first(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    latest, earliest, middle = (poll.run(AT + n * _HOUR) for n in (2, 0, 1))
    expected = names([earliest, middle, latest])
    for limit in (None, 2):
        found = names(poll.ask(limit=limit))
        if found != expected[:limit]:
            raise Violation("other runs come first than the earliest", expected=expected[:limit], observed=found)


@check("delivery.limit", on=polls())
def test_no_more_runs_than_asked_for(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    made = [poll.run(AT + n * _HOUR) for n in range(3)]
    for limit in (1, 2, 4):
        found = poll.ask(limit=limit)
        if len(found) != min(limit, len(made)):
            raise Violation(
                f"under a limit of {limit} another number of runs is handed out",
                expected=min(limit, len(made)),
                observed=names(found),
            )


@check("delivery.priority", on=through_pool(OfPool))
def test_the_queue_of_higher_priority_comes_first(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world, priority=2)
    assert isinstance(poll, OfPool)
    first = deployment(world, **poll.pool.queue(priority=1).place)
    poll.run(AT - _HOUR)
    urgent = [run_of(world, first, AT + n * _HOUR) for n in range(2)]
    require_handed_out(
        "with room for two, others than those of the first queue are handed out", urgent, poll.ask(limit=2)
    )
    poll.pool.change(concurrency_limit=1)
    require_handed_out("under a pool's limit of one, another run is handed out", urgent[:1], poll.ask())


# Pauses


@check("delivery.paused-queue", on=polls(lambda poll: poll is not OfDeployments))
def test_a_paused_queue_hands_out_nothing(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    assert poll.queue is not None
    mine = [poll.run()]
    others = []
    if subject is OfPool:
        assert isinstance(poll, OfPool)
        others.append(run_of(world, deployment(world, **poll.pool.queue().place)))
    poll.queue.change(is_paused=True)
    require_handed_out("other runs are handed out while the queue is paused", others, poll.ask())
    poll.queue.change(is_paused=False)
    require_handed_out("other runs are handed out when the queue is paused no more", [*mine, *others], poll.ask())


@check("delivery.paused-pool", on=through_pool(OfQueue, OfPool, OfNamedQueues))
def test_a_paused_pool_hands_out_nothing(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    assert isinstance(poll, OfQueue | OfPool)
    assert isinstance(poll.pool, Pool)
    mine = [poll.run()]
    poll.pool.change(is_paused=True)
    require_handed_out("runs are handed out while the pool is paused", [], poll.ask())
    poll.pool.change(is_paused=False)
    require_handed_out("other runs are handed out when the pool is paused no more", mine, poll.ask())


# Concurrency


@check("delivery.queue-limit", on=polls(lambda poll: poll is not OfDeployments))
def test_a_queue_hands_out_what_it_has_room_for(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world, concurrency_limit=2)
    for n in range(3):
        poll.run(AT + n * _HOUR)
    require_room(poll, 2)
    for room, active in ((1, "PENDING"), (0, "RUNNING")):
        poll.run(type_=active)
        require_room(poll, room)
    poll.run(type_="RUNNING")
    require_room(poll, 0)


@check("delivery.pool-limit", on=through_pool(OfPool))
def test_a_pool_hands_out_what_it_has_room_for(subject: Kind, client: Client, world: World) -> None:
    poll = subject(client, world)
    assert isinstance(poll, OfPool)
    poll.pool.change(concurrency_limit=2)
    other = deployment(world, **poll.pool.queue().place)
    for n in range(2):
        poll.run(AT + n * _HOUR)
        run_of(world, other, AT + n * _HOUR)
    require_room(poll, 2)
    run_of(world, other, type_="PENDING")
    require_room(poll, 1)
    poll.run(type_="RUNNING")
    require_room(poll, 0)


def require_room(poll: Poll, room: int) -> None:
    """Raise Violation unless as many runs are handed out as there is room for."""
    if len(found := poll.ask()) != room:
        raise Violation(
            "another number of runs is handed out than there is room for", expected=room, observed=names(found)
        )
