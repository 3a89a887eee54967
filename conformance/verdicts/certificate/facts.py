"""What a certificate claims and nothing in it decides: who, what was run, every verdict, the waivers, the evidence.

All else in a certificate follows from these facts and the certification set, and is derived anew when it is verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict

from conformance.catalogue import Catalogue
from conformance.catalogue.sets import named
from conformance.errors import ConformanceError
from conformance.settings import DEFAULT_FUZZ_EXAMPLES, DEFAULT_SEED, Dialect
from conformance.verdicts.document import Document, Entry
from conformance.verdicts.ledger import ErrorKind
from conformance.verdicts.model import Line, Result, Verdict

UNSTATED: Final = "unstated"
"""The condition of a check that is not applicable for a reason that the catalogue lacks: it excuses nothing."""


def _moment(text: str) -> str:
    """A time that a calendar has. Raises ValueError."""
    datetime.fromisoformat(text)
    return text


Stamp = Annotated[str, AfterValidator(_moment)]
"""A time as in-toto writes it: RFC 3339, in UTC, with a Z."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Product(_Part):
    """What is certified, as whoever certifies it says. `sha256`: the digest of an artefact of it, an image say."""

    vendor: Line
    name: Line
    version: Line
    sha256: str | None = None


class Suite(_Part):
    """The suite that judged."""

    version: str


class Server(_Part):
    """The server that was judged, as it said what it is. No address: where it stood is nobody's business."""

    kind: str | None
    version: str
    contract_sha256: str
    compared_with: str | None
    database: Dialect | None


class Making(_Part):
    """How the run was made, as `verdicts.json` tells. `errors` are those of the suite, and of the clean-up."""

    started: Stamp
    seconds: float
    seed: int
    fuzz_examples: int
    filtered: bool
    shard: str | None
    read_only: bool
    result: Result
    errors: tuple[Line, ...]

    def partial(self) -> str | None:
        """Why the run proves nothing of a whole profile; None where it was a whole one."""
        if self.filtered:
            return "the run was filtered: it was asked for a part of the checks (--select, --no-fuzz, -k)"
        if self.shard is not None:
            return f"the run is shard {self.shard} of another: `merge` joins the shards"
        if self.read_only:
            return "the run was read-only: it judged what can be judged without a change"
        if (self.seed, self.fuzz_examples) != (DEFAULT_SEED, DEFAULT_FUZZ_EXAMPLES):
            return (
                f"the run was made with seed {self.seed} and {self.fuzz_examples} fuzz examples, and not with those "
                f"that others can compare ({DEFAULT_SEED}, {DEFAULT_FUZZ_EXAMPLES})"
            )
        return None


class Waived(_Part):
    """A failure that the run accepted: its waiver's reason, link and last day."""

    requirement: str
    subject: str
    reason: Line
    link: Line | None = None
    expires: date | None = None

    @property
    def name(self) -> str:
        """The name of the check."""
        return named(self.requirement, self.subject)


class Evidence(_Part):
    """A file that the run wrote."""

    name: str
    sha256: str


class Facts(_Part):
    """All of it. Checks are named `requirement subject`, sorted; `not_applicable` has them by condition."""

    product: Product
    issued: Stamp
    suite: Suite
    server: Server
    run: Making
    set_id: str
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    waived: tuple[str, ...]
    not_applicable: Mapping[str, tuple[str, ...]]
    could_not_run: tuple[str, ...]
    waivers: tuple[Waived, ...]
    evidence: tuple[Evidence, ...]

    def verdicts(self) -> Iterable[tuple[str, Verdict]]:
        """Every check and its verdict; a check that was given two comes twice."""
        for verdict, names in (
            (Verdict.PASSED, self.passed),
            (Verdict.FAILED, self.failed),
            (Verdict.WAIVED, self.waived),
            (Verdict.COULD_NOT_RUN, self.could_not_run),
            *((Verdict.NOT_APPLICABLE, names) for names in self.not_applicable.values()),
        ):
            yield from ((name, verdict) for name in names)


def stamp(moment: datetime) -> str:
    """The moment as a `Stamp`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def collect(
    document: Document,
    catalogue: Catalogue,
    *,
    product: Product,
    set_id: str,
    issued: datetime,
    evidence: Iterable[Evidence],
) -> Facts:
    """The facts of a run. Raises ConformanceError for one that can't be certified by, whatever its verdicts are."""
    target = document.target
    if target.version is None or target.contract_sha256 is None:
        raise ConformanceError("the run broke off before it knew its target: there is nothing to certify")
    making = Making(
        started=stamp(document.run.started),
        seconds=document.run.seconds,
        seed=document.run.seed,
        fuzz_examples=document.run.fuzz_examples,
        filtered=document.run.filtered,
        shard=document.run.shard,
        read_only=document.run.read_only,
        result=document.result,
        errors=tuple(error.message for error in document.errors if error.kind is not ErrorKind.WAIVER),
    )
    if (why := making.partial()) is not None:
        raise ConformanceError(f"a certificate needs a whole run: {why}")
    not_applicable: dict[str, list[str]] = {}
    for entry in _with(document, Verdict.NOT_APPLICABLE):
        not_applicable.setdefault(_condition(entry, catalogue), []).append(named(entry.requirement, entry.subject))
    return Facts(
        product=product,
        issued=stamp(issued),
        suite=Suite(version=document.suite.version),
        server=Server(
            kind=target.server,
            version=target.version,
            contract_sha256=target.contract_sha256,
            compared_with=target.compared_with,
            database=target.database,
        ),
        run=making,
        set_id=set_id,
        passed=_names(document, Verdict.PASSED),
        failed=_names(document, Verdict.FAILED),
        waived=_names(document, Verdict.WAIVED),
        not_applicable={condition: tuple(sorted(not_applicable[condition])) for condition in sorted(not_applicable)},
        could_not_run=_names(document, Verdict.COULD_NOT_RUN),
        waivers=tuple(
            sorted((_waived(entry) for entry in _with(document, Verdict.WAIVED)), key=lambda waived: waived.name)
        ),
        evidence=tuple(evidence),
    )


def _with(document: Document, verdict: Verdict) -> Iterable[Entry]:
    return (entry for entry in document.verdicts if entry.verdict is verdict)


def _names(document: Document, verdict: Verdict) -> tuple[str, ...]:
    return tuple(sorted(named(entry.requirement, entry.subject) for entry in _with(document, verdict)))


def _condition(entry: Entry, catalogue: Catalogue) -> str:
    """The key of the sentence for which a check is not applicable."""
    known = catalogue[entry.requirement].conditions if entry.requirement in catalogue else {}
    return next((key for key, sentence in known.items() if sentence == entry.summary), UNSTATED)


def _waived(entry: Entry) -> Waived:
    return Waived(
        requirement=entry.requirement,
        subject=entry.subject,
        reason=entry.waiver or "",
        link=entry.waiver_link,
        expires=entry.waiver_expires,
    )
