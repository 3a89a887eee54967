"""From the reports of a finished run to its certificate."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conformance import catalogue
from conformance.catalogue import sets
from conformance.errors import ConformanceError
from conformance.verdicts import document
from conformance.verdicts.certificate import envelope, evidence, statement
from conformance.verdicts.certificate.facts import Product, collect

FILE: Final = "certificate.json"


def certify(
    reports: Path,
    product: Product,
    issued: datetime,
    *,
    set_id: str | None = None,
    key: Ed25519PrivateKey | None = None,
) -> bytes:
    """The certificate of the run whose reports are in a folder: the statement, or where it is signed its envelope.

    One file either way: a signature that lies beside what it signs gets lost. `set_id` None: the newest set of the
    target's generation.

    Raises ConformanceError where there is no such run or set, or the run was none to certify by: a filtered one, a
    shard, one that only read, one that broke off before it knew its target.
    """
    files = evidence.of(reports)
    run = document.load(reports / evidence.VERDICTS)
    if set_id is None:
        try:
            set_id = sets.for_release(run.target.version or "unknown")
        except sets.UnknownSetError as error:
            raise ConformanceError(f"{error}; name one with --set") from error
    by = sets.load(set_id)
    facts = collect(run, catalogue.load(), product=product, set_id=by.id, issued=issued, evidence=files)
    body = statement.dump(statement.build(facts, by))
    return body if key is None else statement.dump(envelope.seal(body, key))
