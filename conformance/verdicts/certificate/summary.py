"""A certificate in a few lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.verdicts.certificate.verification import Verified

_WIDTH = 11


def lines(verified: Verified) -> Iterator[str]:
    """Who is certified by what, each profile, what is waived, and who signed. Names in it are data."""
    facts, by = verified.facts, verified.set
    product = facts.product
    yield f"{product.vendor} {product.name} {product.version}, judged at {facts.issued} by suite {facts.suite.version}"
    database = f" on {facts.server.database}" if facts.server.database else ""
    yield f"server {facts.server.kind} {facts.server.version}{database}, set {by.id}"
    for profile, its in verified.scoring.profiles.items():
        said = "certified" if its.certified else f"not certified: {'; '.join(its.reasons)}"
        yield f"  {profile.value:{_WIDTH}} {said} (of {its.scored} checks)"
    if facts.waivers:
        yield f"{len(facts.waivers)} waived, each with its reason in the certificate"
    unscored = len(verified.scoring.unscored)
    if unscored:
        yield f"{unscored} {'check is' if unscored == 1 else 'checks are'} not scored by this set"
    if verified.key_id is None:
        yield "not signed: whoever has edited the verdicts and all that follows from them is not found out by this"
    else:
        yield f"signed by the key {verified.key_id}"
