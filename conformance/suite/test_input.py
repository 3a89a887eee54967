"""Invalid input: what a write does with a body that its document does not allow."""

from __future__ import annotations

from conformance.contract import Contract
from conformance.suite import wrong_input
from conformance.suite.check import Subjects, check
from conformance.suite.fuzz.findings import require_none
from conformance.suite.refusing import Refusing
from conformance.suite.writes import Write, every_write
from conformance.suite.wrong_input import Maker
from conformance.target import Client
from conformance.world import World


def with_wrong(make: Maker) -> Subjects:
    """The writes whose body has a place that `make` has something for."""

    def of(contract: Contract) -> dict[str, Write]:
        return {
            label: write
            for label, write in every_write(contract).items()
            if wrong_input.has(contract, write.operation, make)
        }

    return of


@check("input.required", on=with_wrong(wrong_input.missing))
def test_missing_field(subject: Write, contract: Contract, client: Client, world: World) -> None:
    require_none(Refusing("input.required", subject, contract, client, world).findings(wrong_input.missing))


@check("input.type", on=with_wrong(wrong_input.mistyped))
def test_wrong_type(subject: Write, contract: Contract, client: Client, world: World) -> None:
    require_none(Refusing("input.type", subject, contract, client, world).findings(wrong_input.mistyped))


@check("input.option", on=with_wrong(wrong_input.unknown_options))
def test_unknown_option(subject: Write, contract: Contract, client: Client, world: World) -> None:
    require_none(Refusing("input.option", subject, contract, client, world).findings(wrong_input.unknown_options))


@check("input.bounds", on=with_wrong(wrong_input.beyond_bounds))
def test_beyond_bounds(subject: Write, contract: Contract, client: Client, world: World) -> None:
    require_none(Refusing("input.bounds", subject, contract, client, world).findings(wrong_input.beyond_bounds))
