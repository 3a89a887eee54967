"""The shards of a run: what each writes for the others to be joined with, and the joining."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from conformance import __version__, catalogue
from conformance.contract import Contract, DocumentError, Reading
from conformance.errors import ConformanceError, ExitCode
from conformance.run import folder as places
from conformance.run import grammar, plan, reports
from conformance.run.timings import Timings
from conformance.settings import Settings
from conformance.verdicts.api_coverage import parse_required
from conformance.verdicts.console import stdout
from conformance.verdicts.document import Target
from conformance.verdicts.ledger import Ledger
from conformance.verdicts.transcript import Event, TranscribedLedger, replay
from conformance.verdicts.waivers import Waiver, Waivers

FILE: Final = "shard.json"

_MUST_AGREE: Final = {
    "suite": "suite versions",
    "server": "servers",
    "version": "releases",
    "contract_sha256": "contracts",
    "database": "databases",
    "seed": "seeds",
    "fuzz_examples": "numbers of fuzz examples",
    "fuzz": "opinions on --no-fuzz",
    "exclusive": "opinions on --exclusive",
    "read_only": "opinions on --read-only",
    "select": "selections",
    "waivers": "waivers",
    "require_coverage": "opinions on --require-coverage",
}
"""What all shards of one run have in common, and what to call it."""


class Shard(BaseModel):
    """One shard of a run, as it lies in its reports folder.

    `waivers`: each with the file that it is from; `elsewhere`: those of another database. `filtered`: pytest's own
    options left some checks out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    of: int
    suite: str
    target: Target
    settings: Settings
    waivers: Sequence[tuple[Waiver, str]]
    elsewhere: Sequence[Waiver]
    filtered: bool
    document: str
    reading: Reading
    started: datetime
    seconds: float
    timings: Mapping[str, float]
    events: Sequence[Event]

    def common(self) -> dict[str, Any]:
        """What the other shards must agree on."""
        here = {**self.settings.model_dump(), **self.target.model_dump(), "suite": self.suite}
        # The same files may lie in another folder on another machine.
        here["waivers"] = [waiver for waiver, _ in self.waivers]
        return {key: here[key] for key in _MUST_AGREE}


def write(
    folder: Path,
    settings: Settings,
    target: Target,
    document: bytes,
    reading: Reading,
    ledger: TranscribedLedger,
    started: datetime,
    seconds: float,
    timings: Mapping[str, float],
) -> None:
    """Write what a shard has entered beside its own reports."""
    number, of = plan.parse_shard(settings.shard or "")
    shard = Shard(
        number=number,
        of=of,
        suite=__version__,
        target=target,
        # What is sent with each request is no business of whoever joins the shards.
        settings=settings.model_copy(update={"headers": ()}),
        waivers=[(waiver, ledger.waivers.file(waiver)) for waiver in ledger.waivers],
        elsewhere=ledger.waivers.elsewhere,
        filtered=ledger.filtered,
        document=document.decode("utf-8"),
        reading=reading,
        started=started,
        seconds=seconds,
        timings=timings,
        events=ledger.events,
    )
    (folder / FILE).write_text(shard.model_dump_json(), "utf-8")


def read(folder: Path) -> Shard:
    """The shard in a reports folder. Raises ConformanceError where there is none."""
    path = folder / FILE
    try:
        return Shard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConformanceError(
            f"{folder} is not the reports folder of a shard: {path.name}: {error.strerror or error}"
        ) from error
    except ValidationError as error:
        raise ConformanceError(f"{path} can't be read: {error.errors()[0]['msg']}; run the shard again") from error


def join(folders: Sequence[Path]) -> list[Shard]:
    """The shards in the folders, in their order. Raises ConformanceError unless they are one whole run."""
    found = [(folder, read(folder)) for folder in folders]
    first_folder, first = found[0]
    for folder, shard in found:
        for key, value in shard.common().items():
            if value != first.common()[key]:
                raise ConformanceError(f"{first_folder} and {folder} have different {_MUST_AGREE[key]}: not one run")
        if shard.of != first.of:
            raise ConformanceError(
                f"{first_folder} is shard {first.number}/{first.of}, and {folder} is {shard.number}/{shard.of}"
            )
    by_number: dict[int, Path] = {}
    for folder, shard in found:
        if shard.number in by_number:
            twice = f"in {by_number[shard.number]} and in {folder}"
            raise ConformanceError(f"shard {shard.number}/{shard.of} is there twice: {twice}")
        by_number[shard.number] = folder
    if missing := sorted(set(range(1, first.of + 1)) - by_number.keys()):
        raise ConformanceError(f"missing: shard {', '.join(f'{number}/{first.of}' for number in missing)}")
    return sorted((shard for _, shard in found), key=lambda shard: shard.number)


class Merged:
    """The whole run that shards are parts of, as `reports` wants it."""

    def __init__(self, shards: Sequence[Shard], folder: Path, progress: Callable[[str], None]) -> None:
        first = shards[0]
        self.catalogue = catalogue.load()
        self.progress = progress
        self.timings = Timings()
        for shard in shards:
            for phase, seconds in shard.timings.items():
                self.timings.add(phase, seconds)
        self.settings = first.settings.model_copy(
            update={
                "reports": folder,
                "shard": None,
                "workers": sum(shard.settings.workers for shard in shards),
                # What was left for each share is made here, once for all.
                "allure": True,
            }
        )
        self.started = min(shard.started for shard in shards)
        self.seconds = max(shard.seconds for shard in shards)
        self.target = first.target
        self.lost = None
        try:
            contract = Contract.parse(first.document.encode(), first.reading)
        except DocumentError as error:
            raise ConformanceError(f"shard {first.number}/{first.of} has no contract: {error}") from error
        self.contract = contract
        self.ledger = Ledger(
            self.catalogue,
            Waivers(first.waivers, first.target.database, first.elsewhere),
            filtered=bool(self.settings.select) or not self.settings.fuzz or any(shard.filtered for shard in shards),
            exploring=self.settings.exploring,
            part=self.settings.read_only,
            required=parse_required(self.settings.require_coverage),
        )
        self.ledger.operations(contract.operations, catalogue.load_operations().ineligible)
        grammar.tell(self.ledger, contract)
        self.ledger.survey(contract)
        for shard in shards:
            try:
                replay(shard.events, self.ledger)
            except (TypeError, ValueError, LookupError) as error:
                raise ConformanceError(
                    f"what shard {shard.number}/{shard.of} has written is damaged: {error}"
                ) from error


def merge(folders: Sequence[Path], to: Path, progress: Callable[[str], None]) -> ExitCode:
    """Write the reports of the whole run to `to`, and show them. Raises ConformanceError where it is not whole."""
    if to.resolve() in (folder.resolve() for folder in folders):
        raise ConformanceError(f"{to} is the folder of a shard; name another one with --reports")
    for folder in folders:
        places.require_whole(folder)
    shards = join(folders)
    merged = Merged(shards, to, progress)
    reports.prepare(to)
    claim = places.Claim(to)
    whole = False
    try:
        claim.begin(merged.started)
        for folder in folders:
            if (results := folder / "allure-results").is_dir():
                shutil.copytree(results, places.unfinished_results(to), dirs_exist_ok=True)
        merged.ledger.close()
        places.put_certified_aside(to)
        (to / FILE).unlink(missing_ok=True)
        written = reports.write(merged)
        whole = True
    finally:
        claim.release(whole=whole)
    reports.show(merged, written, stdout())
    return merged.ledger.exit_code()
