"""`prefect-conformance sweep`: removing later what a run that was killed has left on a server."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from conformance.contract import Contract
from conformance.errors import ConformanceError, ExitCode
from conformance.run import unfinished
from conformance.run.run import told
from conformance.settings import Settings
from conformance.target import Client, Csrf, Journal, Redactor, access, discover
from conformance.target.pace import Pace
from conformance.world import sweep

Say = Callable[[str], None]


def listed() -> Sequence[str]:
    """The runs that may have left something, a line each."""
    return [
        f"{run.about.prefix}\t{run.about.url}\t{run.about.started:%Y-%m-%d %H:%M} UTC"
        f"\t{len(run.ledger.newest_first())} objects noted"
        for run in unfinished.find()
    ]


def of(id_: str) -> str:
    """The server that the run of that id was on. Raises ConformanceError where there is none."""
    return f"{id_} was on {unfinished.named(id_).about.url}"


def finish(settings: Settings, id_: str | None, say: Say) -> ExitCode:
    """Remove what the unfinished runs on the server at `settings.url`, or the one of that id, have left there.

    Raises ConformanceError where there is no such run, or the server can't be reached.
    """
    found = access.read(settings)
    redactor = found.redactor()
    if id_ is not None:
        unfinished.named(id_)  # before anything is asked
    target = discover(str(settings.url), found, settings.contract, settings.rate)
    here = Redactor().url(target.url)  # as runs note it
    runs = [unfinished.named(id_)] if id_ is not None else [run for run in unfinished.find() if run.about.url == here]
    if id_ is not None and runs[0].about.url != here:
        raise ConformanceError(f"{id_} was on {runs[0].about.url}, and not on {here}: pass the URL that the run had")
    if not runs:
        say(f"nothing to do: no unfinished run on {here}")
    code = ExitCode.CONFORMANT
    # A client's new token ends its former one: the run's own clients are gone, and this is another.
    csrf = Csrf("conformance-sweep", redactor.learn) if target.csrf else None
    with (
        _pace(settings.rate) as pace,
        Client(target.url, found, target.contract, Journal(), csrf=csrf, pace=pace) as client,
    ):
        for run in runs:
            try:
                clean = _finish(run, client, target.contract, redactor, say)
            except ConformanceError as held:
                if id_ is not None:
                    raise
                say(str(held))  # the others need not wait for it
                clean = False
            if not clean:
                code = ExitCode.INCOMPLETE
    return code


@contextmanager
def _pace(rate: float | None) -> Iterator[Pace | None]:
    """What keeps the requests of this process, which nobody shares, to that rate."""
    if rate is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="prefect-conformance-") as folder:
        yield Pace(Path(folder, "pace"), rate)


def _finish(run: unfinished.Unfinished, client: Client, contract: Contract, redactor: Redactor, say: Say) -> bool:
    """Sweep one run; whether nothing of it is left."""
    with run.lock():
        swept = sweep(client, contract, run.ledger, run.about.prefix, run.before())
        say(f"{run.about.prefix}: {swept.removed} objects removed")
        for line in (*told(swept, run.about.prefix), *map(redactor.text, swept.left)):
            say(f"{run.about.prefix}: {line}")
        if not swept.left:
            run.close()
        return not swept.left
