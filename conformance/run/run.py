"""The life of a run: find or start the target, seed the world, and at the end clean up and report."""

from __future__ import annotations

import inspect
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Self

from filelock import FileLock

from conformance import catalogue
from conformance.contract import Contract, frozen
from conformance.errors import ConformanceError, TargetTrouble
from conformance.run import folder as places
from conformance.run import grammar, plan, reports, shards, unfinished
from conformance.run.own_servers import OwnServers
from conformance.run.timings import Timings
from conformance.run.workbench import Shared, Workbench
from conformance.settings import Dialect, Settings
from conformance.suite.check import POPULATED, functions
from conformance.suite.guards import CSRF
from conformance.target import (
    Access,
    Redactor,
    Target,
    access,
    added,
    discover,
    embedded,
    parse_database,
    parse_url,
)
from conformance.target.database import NAMES
from conformance.verdicts import document, waivers
from conformance.verdicts.api_coverage import parse_required
from conformance.verdicts.ledger import ErrorKind
from conformance.verdicts.transcript import TranscribedLedger
from conformance.world import Population, SeedingError, Swept, inventory, seed, sweep

Progress = Callable[[str], None]


@cache
def _access(settings: Settings) -> Access:
    """The access of a run, read once in a process: a file with a secret may be one that can be read only once."""
    return access.read(settings)


class Run:
    """A run in its controlling process. `open` and `close` are its two ends; `close` also follows a failed `open`.

    A server of its own may be still on its way up after `open` and `populate`: before the first check comes `wait`.

    `timings`: phase -> wall seconds. `added`: what the target promises beyond its release. `shared` is there once
    the target has been found.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.settings = settings
        self.progress = progress
        self.catalogue = catalogue.load()
        self.ledger = TranscribedLedger(self.catalogue)
        self.started = datetime.now(UTC)
        self.timings = Timings()
        self.added: tuple[str, ...] = ()
        self.workbench: Workbench | None = None
        self._clock = time.perf_counter()
        self._own: OwnServers | None = None
        self._folder: Path | None = None
        self._claim: places.Claim | None = None
        self._unfinished: unfinished.Unfinished | None = None
        self._lock: FileLock | None = None
        self._swept = False

    def claim(self) -> None:
        """Take the reports folder, until `close`. Raises ConformanceError while another run has it."""
        self._claim = places.Claim(self.settings.reports)

    def open(self, *, to_list: bool = False) -> Self:
        """Everything that comes before the first check.

        `to_list`: no check will follow, so that no server is started where it is known what one would say. Raises
        ConformanceError, with one line for the user, where the run can't begin.
        """
        reached = self.check(self.settings)
        target = self._find(reached, to_list=to_list)
        with self.timings.phase("target"):
            for note in target.notes:
                self.progress(note)
            files = self._waiver_files()
            accepted = waivers.load(files, self.catalogue, target.version, database=self.database)
            self.ledger = TranscribedLedger(
                self.catalogue,
                accepted,
                filtered=self._filtered,
                exploring=self.settings.exploring,
                # What is read on others' data may be right there and wrong elsewhere.
                part=self.settings.shard is not None or self.settings.read_only,
                # What a shard does not see, another one may: that is judged where they are joined.
                required={} if self.settings.shard is not None else parse_required(self.settings.require_coverage),
            )
            self.ledger.operations(target.contract.operations, catalogue.load_operations().ineligible)
            grammar.tell(self.ledger, target.contract)
            self.ledger.survey(target.contract)
            # On a server of our own, the same names in every run make the same requests. On one that is
            # shared, nobody else's objects may begin as ours do.
            prefix = "conformance" if self.settings.url is None else f"conformance-{secrets.token_hex(3)}"
            self._folder = self._keep(target, prefix)
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
            if not self.planned:
                if self.settings.shard is not None and plan.asked_for(target.contract, self.catalogue, self.settings):
                    raise ConformanceError(f"--shard {self.settings.shard}: there are fewer checks than shards")
                raise ConformanceError(
                    f"no check matches --select {' '.join(map(repr, self.settings.select))}; "
                    "`prefect-conformance run --list` prints what there is"
                )
        if self._claim is not None:
            self._claim.begin(self.started)
        return self

    @staticmethod
    def check(settings: Settings) -> Access:
        """How the target is reached. Raises ConformanceError for bad input that shows before anything is asked."""
        reached = _access(settings)
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
        if settings.read_only and settings.url is None:
            raise ConformanceError("--read-only needs --url: a server of the run's own has nothing to read")
        if settings.shard is not None:
            plan.parse_shard(settings.shard)
        parse_required(settings.require_coverage)
        waivers.read(settings.waivers, catalogue.load())
        reports.prepare(settings.reports)
        return reached

    def populate(self) -> None:
        """Seed the world, where a check that is asked for is judged on it.

        A target that refuses it is no reason to stop: what needs the world could not run, and all else can.
        """
        if self.settings.read_only:
            return
        asked = any(self.catalogue[requirement].chapter in POPULATED for requirement, _ in self.planned)
        if asked:
            self.wait()
        self._guard()
        if not self.settings.owns_target:
            self._look_around()
        if asked and self.lost is None:
            with self.timings.phase("world"):
                self.progress("seeding the world")
                self._seed_all()

    def wait(self) -> None:
        """Return when the servers that the run has started are healthy, if there are any. Raises ProvisioningError."""
        if self._own is not None:
            self._own.wait()

    def _seed_all(self) -> None:
        workbench = self._opened()
        others = [Workbench(self.shared(n), contract=workbench.contract) for n in range(1, len(self._urls))]
        seeding = (workbench, *others)
        with ThreadPoolExecutor(len(seeding)) as pool:
            try:
                for seeded in [pool.submit(self._seed, here) for here in seeding]:
                    seeded.result()
            except BaseException:
                # After Ctrl-C, what the threads went on to create would come after the clean-up.
                with ExitStack() as unsent:
                    for here in seeding:
                        unsent.callback(setattr, here.client, "lost", here.client.lost)
                        here.client.lost = "the run was interrupted"
                    pool.shutdown(cancel_futures=True)
                raise
        for other in others:
            other.close()

    def _seed(self, workbench: Workbench) -> None:
        try:
            population = seed(workbench.workshop)
        except (SeedingError, TargetTrouble) as error:
            population = Population(trouble=str(error))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # What is seeded is known to be right. Beside it, only answers are gone by: these have another shape.
            population = Population(trouble=f"what the target answers is no object that can be used: {error!r}"[:300])
        if population.trouble is not None:
            self.progress(f"the world can't be seeded: {workbench.redactor.text(population.trouble)}")
        # A server may have named half a surrogate pair, which Pydantic's own JSON has no form for.
        workbench.shared.population.write_text(json.dumps(population.model_dump()), "utf-8")

    @property
    def lost(self) -> str | None:
        """Why the target is of no use any more, as far as this process knows."""
        return None if self.workbench is None else self.workbench.client.lost

    def lose(self, why: str) -> None:
        """The target turns out to be of no use any more, here or in a worker: nothing is asked of it to the end."""
        self._opened().client.lost = why
        self.ledger.interrupt(why)

    def shared(self, worker: int) -> Shared:
        """What the worker of that number is told: of a server of its own, where the run has started them."""
        shared = self._opened().shared
        if not self._urls:
            return shared
        number = worker % len(self._urls)  # one that stands in for a worker that died has a higher number
        return shared.model_copy(update={"url": self._urls[number], "server": number})

    @cached_property
    def planned(self) -> Sequence[plan.Key]:
        """Requirement and subject of every check that this run does, in the order of the catalogue.

        Worked out once, which takes half a second: neither the contract nor the settings change after that.
        """
        return plan.planned(self._opened().contract, self.catalogue, self.settings)

    def close(self, begun: bool = True) -> reports.Written | None:
        """Clean up, stop the server, write the reports. Returns what was written, None where no run had begun.

        Raises ConformanceError where the verdicts can't be written.
        """
        whole = False
        try:
            self._clean_up()
            written = self._write() if begun else None
            whole = True
        finally:
            if self._claim is not None:
                self._claim.release(whole=whole)
        return written

    def _clean_up(self) -> None:
        try:
            if self.workbench is not None:
                with self._defects("clean-up"):
                    self._sweep(self.workbench)
                with self._defects("comparing what the server says of itself with what is known of its kind"):
                    self._compare(self.workbench)
                for operation, statuses in self.workbench.journal.take_counts().items():
                    for status, number in statuses.items():
                        self.ledger.count(operation, status, number)
                self.ledger.cover(self.workbench.coverage.take())
                self.ledger.see(self.workbench.sightings.take())
        finally:
            self._stop()
        self.ledger.close()

    def _write(self) -> reports.Written:
        folder = self.settings.reports
        if (aside := places.put_certified_aside(folder)) is not None:
            self.progress(f"the certificate of an earlier run, and its reports, are in {aside} now")
        # What an earlier run has left there is no shard of this one.
        (folder / shards.FILE).unlink(missing_ok=True)
        if self.settings.shard is not None and self.workbench is not None:
            about = (
                self.settings,
                self.target,
                self.workbench.target.raw,
                self.workbench.contract.reading,
                self.ledger,
            )
            shards.write(folder, *about, self.started, self.seconds, self.timings)
        return reports.write(self)

    @contextmanager
    def _defects(self, doing: str) -> Iterator[None]:
        """What goes wrong in this suite at the end of a run is told in the reports: they are written all the same."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing that was judged may be lost by it
            why = self._opened().redactor.text(str(error))
            self.ledger.error(f"{doing} broke off: {type(error).__name__}: {why}", ErrorKind.SUITE)

    @property
    def target(self) -> document.Target:
        """The server that is judged, as the reports tell."""
        if self.workbench is None:
            return document.Target()
        found = self.workbench.target
        return document.Target(
            url=self.workbench.redactor.url(found.url),
            server="prefect",
            version=found.version,
            contract_sha256=found.contract.sha256,
            compared_with=frozen.beside(found.version) if found.contract.frozen else None,
            added=self.added,
            database=self.database,
        )

    @property
    def contract(self) -> Contract | None:
        """What it was judged by."""
        return None if self.workbench is None else self.workbench.contract

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

    @property
    def _urls(self) -> Sequence[str]:
        """Those of the servers that the run has started, if it has."""
        return [] if self._own is None else self._own.urls

    def _opened(self) -> Workbench:
        if self.workbench is None:
            raise RuntimeError("the run has not been opened")
        return self.workbench

    def _find(self, reached: Access, *, to_list: bool) -> Target:
        if self.settings.url is None:
            self._own = OwnServers(self.settings, self.timings, self.progress)
            if to_list and (known := self._own.known()) is not None:
                return known
            self._own.start()
            return self._own.target(reached)
        with self.timings.phase("target"):
            self.progress(f"reading the contract of {self.settings.url}")
            return discover(self.settings.url, reached, self.settings.contract, self.settings.rate)

    def _compare(self, workbench: Workbench) -> None:
        """See whether the server is what its kind was known to be: a whole run tells of a document that was served.

        At its end, and not where only some checks were asked for, who are not to wait for it.
        """
        if self._own is None or self.ledger.filtered or self.ledger.interrupted is not None:
            return
        with self.timings.phase("target"):
            if self._own.differs(workbench.target, workbench.shared.access):
                self.ledger.error("the server is not what its kind was, by whose document it was judged: run again")

    def _guard(self) -> None:
        """Start another server, which asks for credentials and CSRF tokens, where a check needs one."""
        workbench = self._opened()
        wanted = {name for name, check in functions().items() if "guards" in inspect.signature(check).parameters}
        if self._own is None or wanted.isdisjoint(requirement for requirement, _ in self.planned):
            return
        if not self._own.release.basic_auth and CSRF not in workbench.contract.operations:
            return  # it would ask for nothing
        shared = workbench.shared.model_copy(update={"guarded": self._own.guard()})
        self.workbench = Workbench(shared, contract=workbench.contract)
        workbench.close()

    def _keep(self, target: Target, prefix: str) -> Path:
        """The folder of the run. Where its objects stay on the server, it outlives the run until they are removed."""
        if self.settings.url is None:
            return Path(tempfile.mkdtemp(prefix="prefect-conformance-"))
        url = Redactor().url(target.url)
        for other in unfinished.find():
            if other.about.url == url:
                self.progress(f"{other.about.prefix} is under way, or its objects are still there: {_mend(other)}")
        self._unfinished = unfinished.begin(unfinished.About(prefix=prefix, url=url, started=self.started))
        self._lock = self._unfinished.lock()
        return self._unfinished.folder

    def _look_around(self) -> None:
        """Note what is on a shared target before anything is created there. One that does not say so is lost."""
        workbench = self._opened()
        try:
            found = inventory(workbench.client, workbench.contract)
        except TargetTrouble as trouble:
            self.lose(workbench.redactor.text(f"what is on the target can't be listed: {trouble}"))
            return
        unfinished.remember(workbench.shared.folder, found)
        # It refuses from now on to change any of that.
        self.workbench = Workbench(workbench.shared, contract=workbench.contract)
        workbench.close()

    def _waiver_files(self) -> tuple[Path, ...]:
        if self.settings.waivers or not self.settings.use_waivers:
            return self.settings.waivers
        return waivers.shipped()

    def _sweep(self, workbench: Workbench) -> None:
        this = self._unfinished
        if this is None or not workbench.shared.created.exists():
            return  # what it created is thrown away with its database, or there is nothing to remove
        with self.timings.phase("clean-up"):
            self.progress("removing what the run created")
            swept = sweep(workbench.client, workbench.contract, this.ledger, this.about.prefix, this.before())
        for line in told(swept, this.about.prefix):
            self.progress(line)
        # What a server of ours can store and not remove is its own defect, which the checks that stored it tell.
        stays = swept.stuck if self.settings.owns_target else frozenset()
        for line in swept.left:
            said = workbench.redactor.text(line)
            if line in stays:
                self.progress(f"{said}: it stays on the target, which belongs to this run")
            else:
                self.ledger.error(f"{said}; {_mend(this)}", ErrorKind.CLEAN_UP)
        self._swept = stays >= set(swept.left)

    def _stop(self) -> None:
        for line in [] if self._own is None else self._own.stop():
            self.ledger.error(line, ErrorKind.CLEAN_UP)
        if self.workbench is not None:
            self.workbench.close()
        if self._lock is not None:
            self._lock.release()
        if self._unfinished is not None:
            if self._swept or not self._unfinished.ledger.path.exists():
                self._unfinished.close()
        elif self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def told(swept: Swept, prefix: str) -> Iterator[str]:
    """What a clean-up of the run of that prefix has found beside the run's own objects, a line each."""
    if swept.appeared:
        yield f"others have meanwhile made {_numbers(swept.appeared)}: left as they are"
    if swept.gone:
        yield f"others have meanwhile removed {_numbers(swept.gone)}"
    if swept.partial:
        yield f"too many to look at all: {', '.join(sorted(swept.partial))}; there, what the run noted is removed"
    if swept.unknown:
        yield (
            f"creates that got no answer, or a 5xx, may have made more in {', '.join(sorted(swept.unknown))}: "
            f"look there for names that begin with {prefix}"
        )


def _numbers(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {collection}" for collection, number in sorted(counted.items()))


def _mend(this: unfinished.Unfinished) -> str:
    return f"`prefect-conformance sweep --url {this.about.url} --run {this.about.prefix}` removes them"
