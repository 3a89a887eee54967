"""The certificate of a whole run: made, signed, verified and shown."""

from conformance.verdicts.certificate.badge import endpoint, svg
from conformance.verdicts.certificate.envelope import key_id, read_private, read_public
from conformance.verdicts.certificate.evidence import VERDICTS
from conformance.verdicts.certificate.facts import Product
from conformance.verdicts.certificate.making import FILE, certify
from conformance.verdicts.certificate.rejection import RejectedError
from conformance.verdicts.certificate.summary import lines
from conformance.verdicts.certificate.verification import Verified, verify

__all__ = [
    "FILE",
    "VERDICTS",
    "Product",
    "RejectedError",
    "Verified",
    "certify",
    "endpoint",
    "key_id",
    "lines",
    "read_private",
    "read_public",
    "svg",
    "verify",
]
