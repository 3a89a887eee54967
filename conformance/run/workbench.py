"""What every process of a run has: the target, the contract, a client, the world."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from conformance.catalogue import HIDDEN, Catalogue
from conformance.contract import Contract, Reading
from conformance.errors import TargetTrouble
from conformance.run import unfinished
from conformance.settings import Dialect, Settings
from conformance.suite.check import Declaration, declaration
from conformance.suite.coverage import Coverage
from conformance.suite.examiner import Examiner
from conformance.suite.guards import Guards
from conformance.suite.journeys import Journeys
from conformance.suite.outcome import NotApplicable, Violation
from conformance.target import Access, Client, Csrf, Guarded, Journal, Sightings, Target, parse_database
from conformance.target.pace import Pace
from conformance.verdicts import waivers
from conformance.verdicts.waivers import Waivers
from conformance.world import CreatedLedger, HttpWorkshop, Population, Recorder, SeedingError, World, moved_on

if TYPE_CHECKING:
    # They load Hypothesis and requests. A run starts its servers first, which takes them longer than that takes us.
    from conformance.suite.bodies import Questions
    from conformance.suite.fuzz import Campaigns
    from conformance.suite.fuzz.ordeal import Ordeals
    from conformance.suite.walks import Walks

_MAY_COME_BACK = 3.0
"""Seconds in which a target that is gone is waited for: one that is just being restarted, or its gateway."""


class Shared(BaseModel):
    """What the controlling process tells its workers, as JSON. Everything large is in files of `folder`."""

    model_config = ConfigDict(frozen=True)

    settings: Settings
    access: Access
    """Secrets are in it: this is told over pipes, and never written down."""
    url: str
    reading: Reading
    """How the document is to be read."""
    csrf: bool
    """Whether the target wants a CSRF token with each change."""
    database: Dialect | None
    """What the server is on; None where nobody knows."""
    prefix: str
    """Begins the name of every object of the run."""
    waiver_files: tuple[Path, ...]
    folder: Path
    """The folder of the run: the document, the populations, the ledger of created objects."""
    server: int = 0
    """Which of the run's servers `url` is, where each worker has one of its own."""
    guarded: Guarded | None = None
    """The server beside them that asks for credentials, where the run has started one."""

    def waivers(self, catalogue: Catalogue) -> Waivers:
        """The accepted deviations. Raises WaiverError."""
        return waivers.load(self.waiver_files, catalogue, self.reading.version, database=self.database)

    @property
    def document(self) -> Path:
        """The OpenAPI document as the target served it."""
        return self.folder / "openapi.json"

    @property
    def population(self) -> Path:
        """The records of the population on this server."""
        return self.folder / f"population-{self.server}.json"

    @property
    def created(self) -> Path:
        """The ledger of created objects."""
        return unfinished.created(self.folder)

    @property
    def journeys(self) -> Path:
        """What Prefect's own SDK saw on this server, a line of JSON a part."""
        return self.folder / f"journeys-{self.server}.jsonl"

    @property
    def plan(self) -> Path:
        """The checks that the run means to do, a line of JSON each."""
        return self.folder / "plan.jsonl"


class Workbench:
    """The tools of one process. `worker` tells the processes of a run apart in the names that they give out."""

    def __init__(self, shared: Shared, worker: str = "main", contract: Contract | None = None) -> None:
        self.shared = shared
        self.settings = shared.settings
        self.coverage = Coverage()
        raw = shared.document.read_bytes()
        self.contract = contract or Contract.parse(raw, shared.reading)
        self.sightings = Sightings(self.contract)
        self.journal = Journal(self.sightings.observe)
        self.target = Target(shared.url, shared.reading.version, self.contract, raw)
        guarded = shared.guarded
        passwords = parse_database(shared.settings.database).secrets
        self.redactor = shared.access.redactor([*([guarded.credentials] if guarded else []), *passwords])
        self.client = Client(
            shared.url,
            shared.access,
            self.contract,
            self.journal,
            # A client's new token ends its former one: each process is a client of its own.
            csrf=Csrf(f"{shared.prefix}-{worker}-client", self.redactor.learn) if shared.csrf else None,
            # A server of one's own that has ended is not started again.
            patience=0.0 if shared.access.own else _MAY_COME_BACK,
            read_only=shared.settings.read_only,
            pace=None if self.settings.rate is None else Pace(shared.folder / "pace", self.settings.rate),
        )
        # What is created on a server of the run's own is thrown away with it: no ledger. The fuzz still asks what
        # each of its campaigns has made, to remove it before the next.
        ledger = None if self.settings.url is None else CreatedLedger(shared.created)
        recorder = Recorder(self.contract, ledger, unfinished.before(shared.folder))
        self.client.witness = recorder
        self.workshop = HttpWorkshop(self.client, self.contract, f"{shared.prefix}-{worker}", recorder)

    @cached_property
    def world(self) -> World:
        """The population that the controlling process seeded, and this process's workshop."""
        path = self.shared.population
        population = Population.model_validate(json.loads(path.read_text("utf-8"))) if path.exists() else Population()
        owned = self.settings.owns_target
        return World(population, self.workshop, exclusive=owned, alone=owned and not self.shares_target)

    @property
    def shares_target(self) -> bool:
        """Whether other workers of this run are on the same target. A server that the run starts is one worker's."""
        return self.settings.url is not None and self.settings.workers > 1

    @cached_property
    def examiner(self) -> Examiner:
        """Asks the queries whose answers the oracle knows."""
        return Examiner(self.client, self.world, self.coverage, self.settings.seed)

    @cached_property
    def questions(self) -> Questions:
        """Generated questions about each collection."""
        from conformance.suite.bodies import Questions

        return Questions(self.examiner)

    @cached_property
    def campaigns(self) -> Campaigns:
        """The fuzz of each operation, done once."""
        from conformance.suite.fuzz import Campaigns

        settings = self.settings
        return Campaigns(self.contract, self.client, self.world, settings.fuzz_examples, settings.seed)

    @cached_property
    def ordeals(self) -> Ordeals:
        """What hostile values do to each writing operation, tried once."""
        from conformance.suite.fuzz.ordeal import Ordeals

        return Ordeals(self.contract, self.client, self.world)

    @cached_property
    def walks(self) -> Walks:
        """The walks over collections that hang on each other, taken once."""
        from conformance.suite.walks import Walks

        return Walks(self.contract, self.client, self.world, self.settings.seed)

    @cached_property
    def guards(self) -> Guards:
        """The servers that ask who is asking."""
        shared = self.shared
        return Guards(self.client, self.contract, shared.guarded, self.settings.owns_target, self.workshop.prefix)

    @cached_property
    def journeys(self) -> Journeys:
        """What Prefect's own SDK did on the target, once."""
        return Journeys(self.client, self.world, self.target.version, self.shared.journeys)

    def subject(self, declared: Declaration, name: str) -> Any:
        """The subject of that name, as the check's declaration finds it in the contract.

        Raises NotApplicable for one that the target hides, KeyError for one that there is not.
        """
        known = self.contract.derive(declared.subjects)
        if name not in known and name in self.contract.whole.derive(declared.subjects):
            raise NotApplicable(HIDDEN)
        return known[name]

    def decide(self, check: Callable[..., None], **arguments: Any) -> None:
        """Call a check. Raises what the check raises.

        One that is judged on the population and fails is called once more where a service of the server's has moved
        the population on meanwhile: on what it is now.
        """
        try:
            check(**arguments)
        except Violation:
            if not self._has_moved_on(check):
                raise
            check(**arguments)

    def _has_moved_on(self, check: Callable[..., None]) -> bool:
        declared = declaration(check)
        # On a server that the run has started, nothing moves by itself.
        if self.settings.url is None or declared is None or not declared.populated:
            return False
        try:
            population = moved_on(self.world.population, self.workshop)
        except (SeedingError, TargetTrouble):
            return False  # what the check has found stands
        if population is None:
            return False
        self.world.adopt(population)
        self.examiner.renew()
        return True

    def close(self) -> None:
        """Close the connections."""
        if "guards" in vars(self):
            self.guards.close()
        self.client.close()
