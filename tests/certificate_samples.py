"""A small certification set, whole runs by it, their certificates, and a key to sign them with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jsonschema import Draft202012Validator

from conformance import __version__, catalogue, data
from conformance.catalogue import Profile, sets
from conformance.verdicts import coverage, document
from conformance.verdicts.certificate import Product, Verified, certify, verify
from conformance.verdicts.document import Document, Entry
from conformance.verdicts.ledger import ErrorKind, RunError
from conformance.verdicts.model import Result, Verdict

ID = "prefect-9.9.9/1"
OTHER_ID = "prefect-9.9.9/2"
CONTRACT = "c" * 64
ISSUED = datetime(2026, 1, 2, 4, 0, 0, tzinfo=UTC)
TODAY = date(2026, 1, 3)
PRODUCT = Product(vendor="Acme", name="Flower", version="1.2")
HOSTILE = Product(vendor="<script>alert(1)</script>", name='"><b onload=x>\x1b[31m', version="&amp; ' \u202e")
KEY = Ed25519PrivateKey.generate()
EVERY = {profile.value for profile in Profile}

# Requirements of the catalogue, so that what is said of them is what it says.
NESTING, PLURAL = "routes.nesting", "routes.plural"
PUT, LOST = "verbs.put-idempotent", "contract.fields"
SECRET, CREDENTIALS = "security.no-remote-fetch", "security.credentials-required"

RULES = f"""
[[group]]
requirements = [
    {{ id = "{PLURAL}", level = "MUST", profile = "guidelines", conditions = ["no-collection"] }},
    {{ id = "{NESTING}", level = "SHOULD", profile = "guidelines", conditions = ["not-nested"] }},
]
subjects = ["GET /flows/{{id}}", "POST /flows/"]

[[group]]
requirements = [{{ id = "{LOST}", level = "MUST", profile = "core", conditions = ["absent", "gone"] }}]
subjects = ["GET /flows/{{id}}", "POST /flows/"]

[[group]]
requirements = [{{ id = "{PUT}", level = "MUST", profile = "core", conditions = ["shared-server"] }}]
subjects = ["PUT /flows/{{id}}"]

[[group]]
requirements = [
    {{ id = "{CREDENTIALS}", level = "MUST", profile = "security", conditions = ["open", "unguarded"] }},
]
subjects = ["POST /flows/filter"]

[[group]]
requirements = [{{ id = "filter.like-wildcards", level = "SHOULD", profile = "extended" }}]
subjects = ["flows.name.like_"]

[[group]]
requirements = [{{ id = "fuzz.no-server-error", level = "MUST", profile = "robustness" }}]
subjects = ["POST /flows/"]

[[group]]
requirements = [{{ id = "client.flow", level = "MUST", profile = "client" }}]
subjects = ["the flow"]
"""


def text(id_: str, rules: str = RULES) -> bytes:
    """The file of a small set."""
    return f"""
id = "{id_}"
generation = "9.9.9"
contract_sha256 = "{CONTRACT}"
anywhere = ["hidden", "read-only"]
circumstances = ["read-only", "shared-server", "unguarded"]
{rules}
[[unscored]]
requirement = "filter.label-patterns"
reason = "It is a MAY."
subjects = ["events.labels"]
""".encode()


PLURAL_NAMES = [sets.named(PLURAL, "GET /flows/{id}"), sets.named(PLURAL, "POST /flows/")]
PLURAL_NAME, NESTING_NAME = PLURAL_NAMES[0], sets.named(NESTING, "GET /flows/{id}")
PUT_NAME = sets.named(PUT, "PUT /flows/{id}")
CREDENTIALS_NAME = sets.named(CREDENTIALS, "POST /flows/filter")
MAY_NAME = "filter.label-patterns events.labels"


@contextmanager
def small_sets() -> Iterator[None]:
    """As if two small sets were all that is published."""
    files = {ID: text(ID), OTHER_ID: text(OTHER_ID, RULES.replace("POST /flows/filter", "POST /runs/filter"))}
    digests = {id_: sets.digest(raw) for id_, raw in files.items()}

    def load(id_: str) -> sets.CertificationSet:
        if id_ not in files:
            raise sets.UnknownSetError(f"there is no certification set {id_!r}; there are {', '.join(files)}")
        return sets.parse(files[id_])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sets, "published", lambda: digests)
        patch.setattr(sets, "load", load)
        patch.setattr(sets, "for_release", lambda version: ID)
        yield


Changes = Mapping[str, Verdict | tuple[Verdict, str] | None]
"""Check -> its verdict, with the reason of its waiver, or the condition; None: it is not in the run."""


def run(
    changes: Changes | None = None,
    *,
    expires: date | None = None,
    errors: tuple[str, ...] = (),
    by: sets.CertificationSet | None = None,
    target: Mapping[str, Any] | None = None,
    **about: Any,
) -> Document:
    """A whole run in which everything of the set passed, but for the changes."""
    names: dict[str, Any] = dict.fromkeys((by or sets.parse(text(ID))).checks, Verdict.PASSED)
    names |= {MAY_NAME: Verdict.PASSED} if by is None else {}
    names |= changes or {}
    entries = tuple(entry(name, verdict, expires) for name, verdict in names.items() if verdict is not None)
    counts = {verdict: sum(entry.verdict is verdict for entry in entries) for verdict in Verdict}
    result = Result.INCOMPLETE if errors or counts[Verdict.COULD_NOT_RUN] else Result.CONFORMANT
    result = Result.NON_CONFORMANT if counts[Verdict.FAILED] else result
    told = {"url": "http://127.0.0.1/api", "server": "prefect", "version": "9.9.9", "contract_sha256": "d" * 64}
    return Document(
        result=result,
        reasons=() if result is Result.CONFORMANT else ("something was found",),
        suite=document.Suite(version=__version__),
        target=document.Target.model_validate(told | {"compared_with": "9.9.9"} | dict(target or {})),
        run=document.Run.model_validate(
            {"seed": 20221013, "started": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "seconds": 12.5, "workers": 2}
            | about
        ),
        counts=counts,
        verdicts=entries,
        differences=(),
        errors=tuple(RunError(kind=ErrorKind.SUITE, message=error) for error in errors),
        operations={},
        grammar=coverage.derive([], [], [], []),
        timings={},
    )


def entry(name: str, told: Any, expires: date | None = None) -> Entry:
    """One verdict of a run."""
    verdict, why = told if isinstance(told, tuple) else (told, "so it is")
    requirement, _, subject = name.partition(" ")
    rule = catalogue.load()[requirement]
    waived = verdict is Verdict.WAIVED
    if verdict is Verdict.NOT_APPLICABLE:
        why = rule.conditions.get(why, why)
    return Entry(
        requirement=requirement,
        level=rule.level,
        profile=rule.profile,
        subject=subject,
        verdict=verdict,
        summary="" if verdict is Verdict.PASSED else why,
        waiver=why if waived else None,
        waiver_expires=expires if waived else None,
    )


def written(folder: Path, of: Document) -> Path:
    """A reports folder with just the verdicts."""
    document.write(of, folder / "verdicts.json")
    return folder


def statement(folder: Path, of: Document | None = None) -> Any:
    """The unsigned certificate of a run, as JSON has it."""
    return json.loads(certify(written(folder, of or run()), PRODUCT, ISSUED))


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((data.fixtures() / "schemas" / f"{name}.schema.json").read_text()))


CERTIFICATE, IN_TOTO = schema("certificate"), schema("in-toto-statement")


def of(folder: Path, *arguments: Any, **named: Any) -> Verified:
    """The certificate of a run, once it was verified with its evidence, and kept its schemas."""
    raw = certify(written(folder, run(*arguments, **named)), PRODUCT, ISSUED)
    assert list(CERTIFICATE.iter_errors(json.loads(raw))) == []
    assert list(IN_TOTO.iter_errors(json.loads(raw))) == []
    return verify(raw, today=TODAY, folder=folder)


def certified(verified: Verified) -> set[str]:
    return {profile.value for profile, its in verified.scoring.profiles.items() if its.certified}


def pem(key: Any, encryption: Any = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())  # type: ignore[no-any-return]


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]
