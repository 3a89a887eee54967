"""The life of a run: find or start the target, seed the world, and at the end clean up and report."""

from __future__ import annotations

import inspect
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from conformance import catalogue
from conformance.contract import frozen
from conformance.errors import ConformanceError, ProvisioningError, TargetTrouble
from conformance.run import grammar, reports
from conformance.run.workbench import Shared, Workbench
from conformance.settings import Dialect, Settings
from conformance.suite.check import POPULATED, declarations, functions, selected
from conformance.suite.guards import CSRF
from conformance.target import Access, Guarded, Redactor, access, added, discover, embedded, parse_database, parse_url
from conformance.target.database import NAMES
from conformance.verdicts import waivers
from conformance.verdicts.ledger import ErrorKind, Ledger
from conformance.world import Population, SeedingError, seed, sweep

Progress = Callable[[str], None]


class Run:
    """A run in its controlling process. `open` and `close` are its two ends; `close` also follows a failed `open`.

    `timings`: phase -> wall seconds. `added`: what the target promises beyond its release. `shared` is there once
    the target has been found.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.settings = settings
        self.progress = progress
        self.catalogue = catalogue.load()
        self.ledger = Ledger(self.catalogue)
        self.started = datetime.now(UTC)
        self.timings: dict[str, float] = {}
        self.added: tuple[str, ...] = ()
        self.workbench: Workbench | None = None
        self._clock = time.perf_counter()
        self._servers: list[embedded.EmbeddedServer] = []
        self._guarded: embedded.EmbeddedServer | None = None
        self._databases: embedded.Databases | None = None
        self._folder: Path | None = None

    def open(self) -> Self:
        """Everything that comes before the first check.

        Raises ConformanceError, with one line for the user, where the run can't begin.
        """
        reached = self.check(self.settings)
        url = self.settings.url or self._start()
        with self.phase("target"):
            self.progress(f"reading the contract of {url}")
            target = discover(url, reached, self.settings.contract, self.settings.rate)
            for note in target.notes:
                self.progress(note)
            files = self._waiver_files()
            accepted = waivers.load(files, self.catalogue, target.version, database=self.database)
            self.ledger = Ledger(self.catalogue, accepted, filtered=self._filtered, exploring=self.settings.exploring)
            self.ledger.operations(target.contract.operations, catalogue.load_operations().ineligible)
            grammar.tell(self.ledger, target.contract)
            self._folder = Path(tempfile.mkdtemp(prefix="prefect-conformance-"))
            # On a server of our own, the same names in every run make the same requests. On one that is
            # shared, nobody else's objects may begin as ours do.
            prefix = "conformance" if self.settings.url is None else f"conformance-{secrets.token_hex(3)}"
            shared = Shared(
                settings=self.settings,
                access=reached,
                url=target.url,
                reading=target.contract.reading,
                csrf=target.csrf,
                database=self.database,
                prefix=prefix,
                waiver_files=files,
                folder=self._folder,
            )
            shared.document.write_bytes(target.raw)
            self.added = added(target.contract)
            if self.added:
                beside = frozen.beside(target.version)
                self.progress(f"the contract has {len(self.added)} things more than that of prefect {beside}")
            self.workbench = Workbench(shared, contract=target.contract)
            if next(self.planned(), None) is None:
                raise ConformanceError(
                    f"no check matches --select {' '.join(map(repr, self.settings.select))}; "
                    "`prefect-conformance run --list` prints what there is"
                )
        return self

    @staticmethod
    def check(settings: Settings) -> Access:
        """How the target is reached. Raises ConformanceError for bad input that shows before anything is asked."""
        reached = access.read(settings)
        parse_database(settings.database)
        if settings.url is not None:
            parse_url(settings.url)
            if settings.database not in (None, *NAMES):
                raise ConformanceError(
                    "--url and the URL of a database exclude each other: a server that runs is on its own; "
                    f"say which kind with --database {' or '.join(NAMES)}"
                )
        elif settings.server is not None:
            embedded.release(settings.server)
        waivers.read(settings.waivers, catalogue.load())
        reports.prepare(settings.reports)
        return reached

    def populate(self) -> None:
        """Seed the world, where a check that is asked for is judged on it.

        A target that refuses it is no reason to stop: what needs the world could not run, and all else can.
        """
        self._guard()
        workbench = self._opened()
        if not any(self.catalogue[requirement].chapter in POPULATED for requirement, _ in self.planned()):
            return
        with self.phase("world"):
            self.progress("seeding the world")
            others = [Workbench(self.shared(n), contract=workbench.contract) for n in range(1, len(self._servers))]
            # Not as a context, which would wait for the others even after Ctrl-C: they end with their servers.
            pool = ThreadPoolExecutor(1 + len(others))
            try:
                for seeded in [pool.submit(self._seed, here) for here in (workbench, *others)]:
                    seeded.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
            for other in others:
                other.close()

    def _seed(self, workbench: Workbench) -> None:
        try:
            population = seed(workbench.workshop)
        except (SeedingError, TargetTrouble) as error:
            self.progress(f"the world can't be seeded: {workbench.redactor.text(str(error))}")
            population = Population(trouble=str(error))
        workbench.shared.population.write_text(population.model_dump_json(), "utf-8")

    @property
    def lost(self) -> str | None:
        """Why the target is of no use any more, as far as this process knows."""
        return None if self.workbench is None else self.workbench.client.lost

    def lose(self, why: str) -> None:
        """A worker has found out that the target is of no use any more: nothing is asked of it to the end."""
        self._opened().client.lost = why
        self.ledger.interrupt(why)

    def shared(self, worker: int) -> Shared:
        """What the worker of that number is told: of a server of its own, where the run has started them."""
        shared = self._opened().shared
        if not self._servers:
            return shared
        number = worker % len(self._servers)  # one that stands in for a worker that died has a higher number
        return shared.model_copy(update={"url": self._servers[number].url, "server": number})

    def planned(self) -> Iterator[tuple[str, str]]:
        """Requirement and subject of every check that is asked for, in the order of the catalogue."""
        contract = self._opened().contract
        order = {requirement: number for number, requirement in enumerate(self.catalogue)}
        for _, declared in sorted(declarations(), key=lambda entry: order[entry[1].requirement]):
            if not self.settings.fuzz and declared.requirement.startswith("fuzz."):
                continue
            for name in declared.names(contract):
                if selected(declared.requirement, name, self.settings.select):
                    yield declared.requirement, name

    def close(self, begun: bool = True) -> reports.Written | None:
        """Clean up, write the reports, stop the server. Returns what was written, None where no run had begun."""
        try:
            if self.workbench is not None:
                self._sweep(self.workbench)
                for operation, statuses in self.workbench.journal.take_counts().items():
                    for status, number in statuses.items():
                        self.ledger.count(operation, status, number)
                self.ledger.cover(self.workbench.coverage.take())
        finally:
            self._stop()
        self.ledger.close()
        if not begun:
            return None
        return reports.write(self)

    @property
    def seconds(self) -> float:
        """Wall time since the run was made."""
        return time.perf_counter() - self._clock

    @property
    def database(self) -> Dialect | None:
        """What the target is on; None for one at a URL of which nobody has said it.

        It isn't asked: the settings that a Prefect shows have the connection's URL masked, and many show none.
        """
        if self.settings.url is not None and self.settings.database is None:
            return None
        return parse_database(self.settings.database).dialect

    @property
    def _filtered(self) -> bool:
        return bool(self.settings.select) or not self.settings.fuzz

    def _opened(self) -> Workbench:
        if self.workbench is None:
            raise RuntimeError("the run has not been opened")
        return self.workbench

    def _start(self) -> str:
        release = embedded.release(self.settings.server) if self.settings.server else embedded.newest()
        began = time.perf_counter()

        def say(text: str) -> None:
            if text == "starting":
                self.timings["provisioning"] = round(time.perf_counter() - began, 3)
            self.progress(f"prefect {release.version}: {text}")

        database = parse_database(self.settings.database)
        try:
            self._databases = embedded.open_databases(release, say, database)
            self._servers = embedded.start_all(release, self.settings.workers, say, self._databases)
        except ProvisioningError as error:
            # It may quote what a server said of the connection that it was given.
            raise ProvisioningError(Redactor(database.secrets).text(str(error))) from error
        self.timings["start"] = round(time.perf_counter() - began - self.timings.get("provisioning", 0.0), 3)
        return self._servers[0].url

    def _guard(self) -> None:
        """Start another server, which asks for credentials and CSRF tokens, where a check needs one.

        Nobody waits for it here: it comes up while the world is seeded and the checks are collected.
        """
        workbench = self._opened()
        wanted = {name for name, check in functions().items() if "guards" in inspect.signature(check).parameters}
        if not self._servers or wanted.isdisjoint(requirement for requirement, _ in self.planned()):
            return
        release = embedded.release(self._servers[0].version)
        if not release.basic_auth and CSRF not in workbench.contract.operations:
            return  # it would ask for nothing
        credentials = f"conformance:{secrets.token_hex(16)}"
        self._guarded = embedded.spawn_guarded(release, credentials, self.progress, self._databases)
        guarded = Guarded(url=self._guarded.url, credentials=credentials, basic_auth=release.basic_auth)
        shared = workbench.shared.model_copy(update={"guarded": guarded})
        self.workbench = Workbench(shared, contract=workbench.contract)
        workbench.close()

    def _waiver_files(self) -> tuple[Path, ...]:
        if self.settings.waivers or not self.settings.use_waivers:
            return self.settings.waivers
        return waivers.shipped()

    def _sweep(self, workbench: Workbench) -> None:
        if self._servers or not workbench.shared.created.exists():
            return  # it is thrown away with its database, or there is nothing to remove
        with self.phase("clean-up"):
            self.progress("removing what the run created")
            for line in sweep(workbench.client, workbench.workshop.ledger):
                self.ledger.error(workbench.redactor.text(line), ErrorKind.CLEAN_UP)

    def _stop(self) -> None:
        for server in (*self._servers, *([self._guarded] if self._guarded else [])):
            server.stop()
        if self._databases is not None:
            for line in self._databases.close():
                self.ledger.error(line, ErrorKind.CLEAN_UP)
        if self.workbench is not None:
            self.workbench.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the wall time of what is inside to the timings."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = round(self.timings.get(name, 0.0) + time.perf_counter() - started, 3)
