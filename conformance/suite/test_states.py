"""States: what a run that is asked to change its state does, and what it keeps of the states that it was in."""

from __future__ import annotations

from conformance.contract import Contract, Operation
from conformance.resources import Record
from conformance.suite.check import check
from conformance.suite.runs import Kind
from conformance.suite.states import absence, bookkeeping, bulk, families, machine, observed, orchestration, pausing
from conformance.suite.states.subjects import flow_states, kinds, where
from conformance.target import Client
from conformance.world import World

# The machine


@check("states.initial", on=machine.beginnings)
def test_run_begins_in_the_state_that_was_sent(subject: machine.Beginning, client: Client, world: World) -> None:
    machine.require_initial(subject, client, world)


@check("states.transitions", on=machine.transitions)
def test_transition_does_what_is_promised(subject: machine.Transition, client: Client, world: World) -> None:
    machine.require_transitions(subject, client, world)


@check("states.force", on=machine.prevented)
def test_force_is_accepted(subject: machine.Transition, client: Client, world: World) -> None:
    machine.require_force(subject, client, world)


@check("states.answer", on=machine.answered)
def test_answer_is_of_one_piece(subject: machine.Transition, client: Client, world: World) -> None:
    machine.require_answer(subject, client, world)


@check("states.refused-unchanged", on=machine.refused)
def test_refused_transition_leaves_the_run_alone(subject: machine.Transition, client: Client, world: World) -> None:
    machine.require_refused_unchanged(subject, client, world)


# Orchestration


@check("states.wait", on=orchestration.early)
def test_run_waits_for_its_scheduled_time(subject: orchestration.Typed, client: Client, world: World) -> None:
    orchestration.require_wait(subject, client, world)


@check("states.running-flow", on=orchestration.running_flows)
def test_task_runs_while_its_flow_runs(subject: str, client: Client, world: World) -> None:
    orchestration.require_running_flow(subject, client, world)


@check("states.retries", on=orchestration.retried)
def test_failed_run_is_retried(subject: Kind, contract: Contract, client: Client, world: World) -> None:
    orchestration.require_retries(subject, contract, client, world)


@check("states.result", on=orchestration.concluded)
def test_run_with_a_result_stays_completed(subject: Kind, client: Client, world: World) -> None:
    orchestration.require_result(subject, client, world)


@check("states.transition-id", on=orchestration.identified)
def test_transition_with_an_id_is_made_once(subject: Kind, client: Client, world: World) -> None:
    orchestration.require_transition_id(subject, client, world)


# Pauses


@check("states.resume", on=where(pausing.RESUME, pausing.pauses))
def test_resume(subject: pausing.Pause, client: Client, world: World) -> None:
    pausing.require_resume(subject, client, world)


# Bookkeeping


@check("states.current", on=kinds)
def test_run_shows_its_current_state(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_current(subject, client, world)


@check("states.kept", on=kinds)
def test_state_keeps_what_was_sent(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_kept(subject, client, world)


@check("states.history", on=kinds)
def test_history_has_every_state_in_order(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_history(subject, client, world)


@check("states.entry-by-id", on=kinds)
def test_state_is_read_by_its_id(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_entry_by_id(subject, client, world)


@check("states.run-count", on=kinds)
def test_run_count_counts_runs(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_run_count(subject, client, world)


@check("states.start-time", on=kinds)
def test_start_time_is_when_it_first_ran(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_start_time(subject, client, world)


@check("states.end-time", on=kinds)
def test_end_time_is_when_it_ended(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_end_time(subject, client, world)


@check("states.expected-start-time", on=kinds)
def test_expected_start_time_is_the_scheduled_time(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_expected_start_time(subject, client, world)


@check("states.run-time", on=kinds)
def test_run_time_is_the_sum_of_the_runs(subject: Kind, client: Client, world: World) -> None:
    bookkeeping.require_run_time(subject, client, world)


# Runs of runs


@check("states.subflow", on=flow_states)
def test_parent_task_run_tracks_its_subflow(subject: str, client: Client, world: World) -> None:
    families.require_subflow(subject, client, world)


@check("states.task-run-identity", on=families.identities)
def test_task_run_is_created_once(subject: bool, client: Client, world: World) -> None:
    families.require_task_run_identity(subject, client, world)


@check("states.graph", on=where("GET /flow_runs/{id}/graph"))
def test_graph_has_the_task_runs_and_what_they_need(subject: Kind, client: Client, world: World) -> None:
    families.require_graph(client, world)


@check("states.graph-v2", on=where("GET /flow_runs/{id}/graph-v2"))
def test_graph_has_the_runs_and_their_edges(subject: Kind, client: Client, world: World) -> None:
    families.require_graph_v2(client, world)


@check("states.observed", on=observed.listing)
def test_observed_states_are_those_that_runs_were_in(subject: str, client: Client, world: World) -> None:
    observed.require_observed(client, world)


@check("states.observed-order", on=observed.orders)
def test_observed_states_come_in_order(subject: str, client: Client, world: World) -> None:
    observed.require_order(subject, client, world)


# Many at once


@check("states.bulk-set", on=where(bulk.BULK_SET, bulk.bulks))
def test_bulk_sets_each_state_as_singly(subject: bulk.Bulk, client: Client, world: World) -> None:
    bulk.require_bulk_set(subject, client, world)


@check("states.bulk-limit", on=where(bulk.BULK_SET))
def test_bulk_set_heeds_its_limit(subject: Kind, client: Client, world: World) -> None:
    bulk.require_bulk_limit(subject, client, world)


@check("states.bulk-delete", on=where(bulk.BULK_DELETE))
def test_bulk_delete_removes_what_it_names(subject: Kind, client: Client, world: World) -> None:
    bulk.require_bulk_delete(subject, client, world)


# What is not there


@check("states.deleted-with-run", on=kinds)
def test_states_go_with_their_run(subject: Kind, client: Client, world: World) -> None:
    absence.require_deleted_with_run(subject, client, world)


@check("states.unknown-run", on=absence.state_operations)
def test_unknown_run_is_not_found(subject: tuple[Operation, Record], client: Client) -> None:
    absence.require_unknown_run(subject, client)
