"""The certificate as an in-toto Statement with a test-result predicate.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md

What the predicate has no field for stands in one extension field of it, `prefectConformance`: attestation tools read
`result` and the lists of tests and ignore that. Its shape is published as `fixtures/schemas/certificate.schema.json`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from conformance.catalogue import sets
from conformance.catalogue.sets import CertificationSet
from conformance.verdicts.certificate.facts import Facts
from conformance.verdicts.certificate.scoring import Scoring, score
from conformance.verdicts.model import Verdict

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://in-toto.io/attestation/test-result/v0.1"
SCHEMA: Final = "urn:prefect-conformance:certificate:1"
EXTENSION: Final = "prefectConformance"

Json = dict[str, Any]


def build(facts: Facts, by: CertificationSet) -> Json:
    """The whole statement: the facts, and what follows from them and the set `by`."""
    scoring = score(facts, by)
    counts = Counter(verdict for _, verdict in facts.verdicts())
    return {
        "_type": STATEMENT,
        "subject": _subject(facts),
        "predicateType": PREDICATE,
        "predicate": {
            "result": _result(facts, scoring),
            "configuration": _configuration(facts, by),
            "passedTests": list(facts.passed),
            "warnedTests": list(facts.waived),
            "failedTests": list(facts.failed),
            EXTENSION: {
                "schema": SCHEMA,
                "product": facts.product.model_dump(mode="json", exclude_none=True),
                "issued": facts.issued,
                "suite": facts.suite.model_dump(mode="json"),
                "server": facts.server.model_dump(mode="json"),
                "run": facts.run.model_dump(mode="json"),
                "set": {
                    "id": by.id,
                    "sha256": sets.published()[by.id],
                    "contract_sha256": by.contract_sha256,
                },
                "counts": {verdict.value: counts[verdict] for verdict in Verdict},
                "profiles": {
                    profile.value: certified.model_dump(mode="json") for profile, certified in scoring.profiles.items()
                },
                "not_applicable": {condition: list(names) for condition, names in facts.not_applicable.items()},
                "could_not_run": list(facts.could_not_run),
                "missing": list(scoring.missing),
                "unscored": list(scoring.unscored),
                "waivers": [waived.model_dump(mode="json", exclude_none=True) for waived in facts.waivers],
                "evidence": [file.model_dump(mode="json") for file in facts.evidence],
            },
        },
    }


def facts_of(statement: Json) -> Facts:
    """The facts that a statement tells, which keeps the schema. Raises pydantic's ValidationError for no facts."""
    predicate = statement["predicate"]
    told = predicate[EXTENSION]
    return Facts.model_validate(
        {
            **{key: told[key] for key in ("product", "issued", "suite", "server", "run", "waivers", "evidence")},
            "set_id": told["set"]["id"],
            "passed": predicate["passedTests"],
            "failed": predicate["failedTests"],
            "waived": predicate["warnedTests"],
            "not_applicable": told["not_applicable"],
            "could_not_run": told["could_not_run"],
        }
    )


def dump(content: Mapping[str, Any]) -> bytes:
    """The one form in which a statement, or an envelope, is written."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _subject(facts: Facts) -> list[Json]:
    """What is attested: the document that the server served, and the product's artefact where its digest was given.

    The digest of the document is that of its canonical JSON, as `verdicts.json` has it.
    """
    product = facts.product
    own = [{"name": f"{product.name} {product.version}", "digest": {"sha256": product.sha256}}]
    document = {"name": "openapi.json", "digest": {"sha256": facts.server.contract_sha256}}
    return [*(own if product.sha256 is not None else []), document]


def _configuration(facts: Facts, by: CertificationSet) -> list[Json]:
    return [
        {"name": "suite", "uri": f"pkg:pypi/prefect-conformance@{facts.suite.version}"},
        {
            "name": "certification set",
            "uri": f"urn:prefect-conformance:set:{by.id}",
            "digest": {"sha256": sets.published()[by.id]},
        },
        {
            "name": "contract",
            "uri": f"urn:prefect-conformance:contract:{by.generation}",
            "digest": {"sha256": by.contract_sha256},
        },
    ]


def _result(facts: Facts, scoring: Scoring) -> str:
    """PASSED where all profiles are certified; WARNED where something failed all the same, waived or not scored."""
    if not all(certified.certified for certified in scoring.profiles.values()):
        return "FAILED"
    return "WARNED" if facts.failed or facts.could_not_run or facts.waived else "PASSED"
