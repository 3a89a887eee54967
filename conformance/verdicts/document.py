"""`verdicts.json`: a closed ledger as one JSON document, and its strict loader.

The document is the one source of every other report. Its shape is published as
`fixtures/schemas/verdicts.schema.json`; nothing is written or read that does not keep it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal, NoReturn, get_args

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from pydantic import BaseModel, ConfigDict, Field
from pydantic import ValidationError as ModelError

from conformance import data
from conformance.catalogue import Level, Profile
from conformance.errors import ConformanceError
from conformance.settings import DEFAULT_FUZZ_EXAMPLES, Dialect
from conformance.verdicts import api_coverage, strict_json
from conformance.verdicts.api_coverage import ApiCoverage
from conformance.verdicts.coverage import Grammar, contradictions
from conformance.verdicts.ledger import ErrorKind, Ledger, RunError
from conformance.verdicts.model import Judgement, Result, Text, Verdict, one_line

SchemaId = Literal["urn:prefect-conformance:verdicts:1"]
SCHEMA: SchemaId = get_args(SchemaId)[0]
"""The `$id` of the published schema, and what a document says in its key `schema`."""


class DocumentError(ConformanceError):
    """A verdicts document can't be used. The message is one line that names the file."""


class DocumentUnreadableError(DocumentError):
    """There is no such file, or it can't be read."""


class DocumentTruncatedError(DocumentError):
    """The file is not JSON: cut off, or something else altogether."""


class DocumentVersionError(DocumentError):
    """The file names another schema than this suite writes."""


class DocumentSchemaError(DocumentError):
    """The file does not keep the schema that it names."""


class DocumentInconsistentError(DocumentError):
    """The file keeps the schema and contradicts itself: what has to follow from another part does not."""


class DocumentUnwritableError(DocumentError):
    """The file can't be written where it was asked for."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Suite(_Part):
    """The suite that judged."""

    version: str


class Target(_Part):
    """The server that was judged; what a run that broke off early did not learn is None.

    `server` is the kind of server that was recognised (`prefect`), `contract_sha256` the digest of its
    OpenAPI document. `compared_with` is the release whose contract it was compared with, `added` what it promises
    beyond that, `database` what the server keeps its objects in, if that is known.
    """

    url: str | None = None
    server: str | None = None
    version: str | None = None
    contract_sha256: str | None = None
    compared_with: str | None = None
    added: tuple[str, ...] = ()
    database: Dialect | None = None


class Run(_Part):
    """How the run was made. `shard`: which share of the checks it did (`2/3`), None where it did all of them.

    `read_only`: it sent nothing that may change the server, and judged what can be judged so. `filtered`: it was asked
    for a part of the checks (`--select`, `--no-fuzz`, pytest's `-k`). `fuzz_examples`: generated cases an operation.
    `command`: the command line that names its target and its settings again, without a secret; None where that is not
    known.
    """

    seed: int
    started: datetime
    seconds: float
    workers: int
    shard: str | None = None
    read_only: bool = False
    command: Text | None = None
    filtered: bool = False
    fuzz_examples: int = DEFAULT_FUZZ_EXAMPLES


class Entry(_Part):
    """One verdict of the document.

    `findings` are the fingerprints of what was found, where a check tells several things of one kind apart; `details`
    is the whole of a failure, waived or not: expected against observed, and the `curl` lines that replay it. `waiver`
    is the reason of the waiver, `waiver_link` where more is told of it, `waiver_expires` the last day that it holds.
    """

    requirement: str
    level: Level
    profile: Profile
    subject: str
    verdict: Verdict
    summary: str
    waiver: str | None = None
    waiver_link: str | None = None
    waiver_expires: date | None = None
    findings: tuple[str, ...] = ()
    details: str = ""


class Difference(_Part):
    """A deviation that is known to be there on `databases` and not on others; `reason` is its waiver's."""

    requirement: str
    subject: str
    databases: tuple[Dialect, ...]
    reason: str


class Account(StrEnum):
    """How an operation stands in the ledger of operations."""

    ANSWERED = "answered"
    INELIGIBLE = "ineligible"
    UNANSWERED = "unanswered"


class Operation(_Part):
    """How often an operation was called, what it answered, and what was tested by it.

    Calls that got no answer have no status. `requirements` are those whose checks tested it, `ineligible` says why
    no run is to see it succeed, None where it may.
    """

    calls: int
    statuses: Mapping[str, int]
    account: Account
    requirements: tuple[str, ...]
    ineligible: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it ever answered 2xx."""
        return any(status.startswith("2") for status in self.statuses)

    def accounted(self) -> Account:
        """What its account has to be."""
        if self.succeeded:
            return Account.ANSWERED
        return Account.UNANSWERED if self.ineligible is None else Account.INELIGIBLE


class Document(_Part):
    """The whole of `verdicts.json`. `api_coverage` is None where no contract was found, and in older files."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    schema_id: SchemaId = Field(default=SCHEMA, alias="schema")
    result: Result
    reasons: tuple[str, ...]
    suite: Suite
    target: Target
    run: Run
    counts: Mapping[Verdict, int]
    verdicts: tuple[Entry, ...]
    differences: tuple[Difference, ...]
    errors: tuple[RunError, ...]
    operations: Mapping[str, Operation]
    grammar: Grammar
    timings: Mapping[str, float]
    api_coverage: ApiCoverage | None = None

    @property
    def never_called(self) -> tuple[str, ...]:
        """The operations of the contract that the run did not call."""
        return tuple(name for name, operation in self.operations.items() if not operation.calls)

    @property
    def never_succeeded(self) -> tuple[str, ...]:
        """The operations that were called and never answered 2xx, and are not ineligible."""
        return tuple(name for name in self.unanswered if self.operations[name].calls)

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The operations that never answered 2xx and are not ineligible, called or not."""
        return self._with(Account.UNANSWERED)

    @property
    def ineligible(self) -> tuple[str, ...]:
        """The operations that never answered 2xx and are not to."""
        return self._with(Account.INELIGIBLE)

    def _with(self, account: Account) -> tuple[str, ...]:
        return tuple(name for name, operation in self.operations.items() if operation.account is account)


def build(
    ledger: Ledger, *, suite: Suite, target: Target, run: Run, timings: Mapping[str, float] | None = None
) -> Document:
    """The document of a ledger, which is closed by this. `timings`: phase -> seconds."""
    ledger.close()
    entries = tuple(
        Entry(
            requirement=judgement.requirement,
            level=ledger.catalogue[judgement.requirement].level,
            profile=ledger.catalogue[judgement.requirement].profile,
            subject=judgement.subject,
            verdict=judgement.verdict,
            # The schema wants a word of every verdict but a pass; a check that says none is still told.
            summary=judgement.summary or ("" if judgement.verdict is Verdict.PASSED else "no reason was given"),
            waiver=judgement.waiver,
            **_terms(ledger, judgement),
            findings=judgement.findings,
            details=judgement.details,
        )
        for judgement in ledger.judgements
    )
    return Document(
        result=ledger.result(),
        reasons=ledger.reasons(),
        suite=suite,
        target=target,
        run=run.model_copy(update={"seconds": round(run.seconds, 3)}),
        counts=_counts(entries),
        verdicts=entries,
        differences=tuple(
            Difference(requirement=w.requirement, subject=w.subject, databases=w.databases, reason=w.reason)
            for w in ledger.differences
        ),
        errors=ledger.errors,
        operations={name: _operation(ledger, name, *called) for name, called in ledger.calls.items()},
        grammar=ledger.grammar,
        api_coverage=ledger.api_coverage,
        timings={phase: round(seconds, 3) for phase, seconds in (timings or {}).items()},
    )


def _terms(ledger: Ledger, judgement: Judgement) -> dict[str, Any]:
    """What the waiver of a waived verdict says beside its reason."""
    waiver = ledger.waivers.get(judgement.requirement, judgement.subject)
    if waiver is None or judgement.verdict is not Verdict.WAIVED:
        return {}
    return {"waiver_link": waiver.link, "waiver_expires": waiver.expires}


def _operation(ledger: Ledger, name: str, calls: int, statuses: Mapping[str, int]) -> Operation:
    found = Operation(
        calls=calls,
        statuses=statuses,
        account=Account.UNANSWERED,
        requirements=ledger.testing(name),
        ineligible=ledger.ineligible.get(name),
    )
    return found.model_copy(update={"account": found.accounted()})


def dump(document: Document, *, checked: bool = False) -> str:
    """The document as JSON text.

    Raises DocumentSchemaError or DocumentInconsistentError for a document that `load` would refuse. To look for
    that takes more than a second for a whole run: one that was `checked` before, and has only other times now, is
    not looked at again.
    """
    content = document.model_dump(mode="json")
    for entry in content["verdicts"]:
        for key in ("waiver", "waiver_link", "waiver_expires", "findings", "details"):
            if not entry[key]:
                del entry[key]
    about = content["run"]
    usual = {
        "shard": None,
        "read_only": False,
        "filtered": False,
        "fuzz_examples": DEFAULT_FUZZ_EXAMPLES,
        "command": None,
    }
    content["run"] = {key: value for key, value in about.items() if key not in usual or value != usual[key]}
    for operation in content["operations"].values():
        if operation["ineligible"] is None:
            del operation["ineligible"]
    if content["api_coverage"] is None:
        del content["api_coverage"]
    if not checked:
        _validate(content, "verdicts.json")
        _agree(document, "verdicts.json")
    return json.dumps(content, indent=2) + "\n"


def write(document: Document, path: Path, *, checked: bool = False) -> None:
    """Write the document to `path`, whole or not at all.

    Raises what `dump` raises, and DocumentUnwritableError where the folder does not take it.
    """
    text = dump(document, checked=checked)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                # A temporary file is its owner's alone; a report is for whoever may read the folder.
                Path(file.name).chmod(0o644)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise DocumentUnwritableError(f"{path}: can't write the verdicts: {error.strerror or error}") from error


def load(path: Path) -> Document:
    """Read a document that `write` wrote.

    Raises DocumentUnreadableError, DocumentTruncatedError, DocumentVersionError, DocumentSchemaError or
    DocumentInconsistentError, in this order of looking.
    """
    try:
        content = strict_json.loads(path.read_bytes())
    except OSError as error:
        raise DocumentUnreadableError(f"{path}: can't read the verdicts: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DocumentTruncatedError(
            f"{path}: not a whole JSON document (truncated?): {one_line(str(error))}"
        ) from error
    if not isinstance(content, dict) or "schema" not in content:
        raise DocumentVersionError(f"{path}: names no schema, so it is no verdicts document")
    if content["schema"] != SCHEMA:
        raise DocumentVersionError(f"{path}: is of the schema {_short(content['schema'])}, and not {SCHEMA!r}")
    _validate(content, str(path))
    try:
        document = Document.model_validate(content)
    except ModelError as error:
        # What a pattern lets pass and a calendar does not.
        problem = error.errors()[0]
        at = ".".join(str(part) for part in problem["loc"])
        raise DocumentSchemaError(f"{path}: at $.{at}: {one_line(problem['msg'])}") from error
    _agree(document, str(path))
    return document


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads((data.fixtures() / "schemas" / "verdicts.schema.json").read_text("utf-8"))
    return Draft202012Validator(schema)


def _validate(content: Any, where: str) -> None:
    error = best_match(_validator().iter_errors(content))
    if error is not None:
        raise DocumentSchemaError(f"{where}: at {error.json_path}: {_problem(error)}")


def _problem(error: ValidationError) -> str:
    return one_line(error.message) if len(error.message) < 200 else f"breaks the schema's {error.validator!r}"


def _agree(document: Document, where: str) -> None:  # noqa: C901, PLR0912 - one rule after another, none nested
    """What a JSON Schema can't say: that one part of the document follows from another."""

    def refuse(why: str) -> NoReturn:
        raise DocumentInconsistentError(f"{where}: contradicts itself: {why}")

    counts = _counts(document.verdicts)
    for verdict, number in counts.items():
        if document.counts[verdict] != number:
            refuse(f"counts says {document.counts[verdict]} {verdict}, and there are {number}")
    keys = Counter((entry.requirement, entry.subject) for entry in document.verdicts)
    for (requirement, subject), number in keys.items():
        if number > 1:
            refuse(f"{requirement} on {subject!r} has {number} verdicts")
    decided = counts[Verdict.PASSED] + counts[Verdict.WAIVED] + counts[Verdict.FAILED]
    open_musts = any(e.verdict is Verdict.COULD_NOT_RUN and e.level is Level.MUST for e in document.verdicts)
    defects = any(error.kind in (ErrorKind.SUITE, ErrorKind.CLEAN_UP) for error in document.errors)
    match document.result:
        case Result.CONFORMANT if counts[Verdict.FAILED] or open_musts or defects or not decided:
            refuse("the result is conformant, and the verdicts are not")
        case Result.CONFORMANT if document.reasons:
            refuse("the result is conformant, and there are reasons why it is not")
        case Result.NON_CONFORMANT if not counts[Verdict.FAILED]:
            refuse("the result is non-conformant, and no check failed")
        case Result.NON_CONFORMANT | Result.INCOMPLETE if not document.reasons:
            refuse(f"the result is {document.result}, and no reason is given")
        case _:
            pass
    for name, operation in document.operations.items():
        if operation.calls < sum(operation.statuses.values()):
            refuse(f"{name} has more answers than calls")
        if operation.account is not operation.accounted():
            refuse(f"{name} is called {operation.account}, and is {operation.accounted()}")
    for why in contradictions(document.grammar):
        refuse(why)
    if (reached := document.api_coverage) is not None:
        for why in api_coverage.contradictions(reached):
            refuse(why)
        if document.result is Result.CONFORMANT and reached.shortfalls:
            refuse(f"the result is conformant, and the {reached.shortfalls[0]}")


def _counts(entries: tuple[Entry, ...]) -> dict[Verdict, int]:
    found = Counter(entry.verdict for entry in entries)
    return {verdict: found[verdict] for verdict in Verdict}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
