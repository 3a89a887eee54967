"""The signature of a certificate: of any forgery, and of any changed bit, it tells; and the keys that it needs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from certificate_samples import (
    CERTIFICATE,
    ISSUED,
    KEY,
    PRODUCT,
    TODAY,
    pem,
    public_pem,
    run,
    small_sets,
    statement,
    written,
)
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

from conformance.errors import ConformanceError
from conformance.verdicts.certificate import RejectedError, certify, key_id, lines, read_private, read_public, verify
from conformance.verdicts.certificate.envelope import _encoded
from conformance.verdicts.certificate.statement import dump

STRANGER = Ed25519PrivateKey.generate()

pytestmark = pytest.mark.usefixtures("small_sets")


# Signatures


@pytest.fixture
def sealed(tmp_path: Path) -> dict[str, Any]:
    return json.loads(certify(written(tmp_path, run()), PRODUCT, ISSUED, key=KEY))  # type: ignore[no-any-return]


def test_a_signed_certificate_is_valid_for_the_key_that_signed_it(sealed: dict[str, Any]) -> None:
    assert list(CERTIFICATE.iter_errors(sealed)) == []
    verified = verify(dump(sealed), today=TODAY, key=KEY.public_key())
    assert verified.key_id == key_id(KEY.public_key()) == sealed["signatures"][0]["keyid"]
    assert f"signed by the key {verified.key_id}" in list(lines(verified))


def test_the_tool_of_another_house_opens_it(sealed: dict[str, Any], tmp_path: Path) -> None:
    envelope = Envelope.from_dict(deepcopy(sealed))
    id_ = sealed["signatures"][0]["keyid"]
    envelope.verify([SSlibKey.from_crypto(KEY.public_key(), keyid=id_)], 1)
    assert json.loads(envelope.payload) == statement(tmp_path)
    with pytest.raises(VerificationError):
        envelope.verify([SSlibKey.from_crypto(STRANGER.public_key(), keyid=id_)], 1)


def test_what_is_signed_is_what_the_protocol_says() -> None:
    # The example of protocol.md.
    assert _encoded("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def signature(sealed: dict[str, Any], **told: Any) -> dict[str, Any]:
    return sealed | {"signatures": [sealed["signatures"][0] | told]}


def with_flipped(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(raw).decode()


FORGED: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "what is signed": (lambda it: it | {"payload": with_flipped(it["payload"])}, "bad signature"),
    "the signature": (lambda it: signature(it, sig=with_flipped(it["signatures"][0]["sig"])), "bad signature"),
    "no signature": (lambda it: it | {"signatures": []}, "has not one signature"),
    "a signature more": (lambda it: it | {"signatures": it["signatures"] * 2}, "has not one signature"),
    "an empty signature": (lambda it: signature(it, sig=""), "bad signature"),
    "no Base64": (lambda it: signature(it, sig="?"), "holds what is no Base64"),
    "Base64 with bits to spare": (
        lambda it: signature(it, sig=it["signatures"][0]["sig"][:-3] + "B=="),
        "bad signature",
    ),
    "the key's id": (lambda it: signature(it, keyid="0" * 64), "foreign signature: by the key 000"),
    "another type of content": (lambda it: it | {"payloadType": "application/json"}, "holds 'application/json'"),
    "a field more": (lambda it: it | {"more": 1}, "no DSSE envelope"),
    "a field of the signature more": (lambda it: signature(it, cert="x"), "has not a keyid and a sig"),
    "a list for the content": (lambda it: it | {"payload": []}, "no DSSE envelope"),
    "a number for the signature": (lambda it: signature(it, sig=1), "has not a keyid and a sig"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_envelope_is_rejected_with_its_reason(name: str, sealed: dict[str, Any]) -> None:
    forge, why = FORGED[name]
    with pytest.raises(RejectedError, match=why):
        verify(dump(forge(sealed)), today=TODAY, key=KEY.public_key())


def test_a_foreign_signature_is_rejected(tmp_path: Path) -> None:
    raw = certify(written(tmp_path, run()), PRODUCT, ISSUED, key=STRANGER)
    with pytest.raises(RejectedError, match="foreign signature: by the key"):
        verify(raw, today=TODAY, key=KEY.public_key())


def test_a_foreign_signature_under_the_id_of_the_right_key_is_rejected(tmp_path: Path) -> None:
    forged = json.loads(certify(written(tmp_path, run()), PRODUCT, ISSUED, key=STRANGER))
    forged["signatures"][0]["keyid"] = key_id(KEY.public_key())
    with pytest.raises(RejectedError, match="bad signature"):
        verify(dump(forged), today=TODAY, key=KEY.public_key())


def test_the_statement_without_its_envelope_is_not_signed(sealed: dict[str, Any]) -> None:
    with pytest.raises(RejectedError, match="it is not signed, and --key asks for a signature"):
        verify(base64.b64decode(sealed["payload"]), today=TODAY, key=KEY.public_key())


def test_a_signed_one_is_not_verified_without_a_key(sealed: dict[str, Any]) -> None:
    with pytest.raises(ConformanceError, match="signed by the key .*: give its public key with --key"):
        verify(dump(sealed), today=TODAY)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with small_sets():
        raw = certify(written(tmp_path_factory.mktemp("signed"), run()), PRODUCT, ISSUED, key=KEY)
        verify(raw, today=TODAY, key=KEY.public_key())
    return raw


def test_any_changed_bit_of_a_signed_certificate_is_rejected(signed: bytes) -> None:
    for place in range(len(signed)):
        changed = bytearray(signed)
        changed[place] ^= 1
        with pytest.raises(RejectedError):
            verify(bytes(changed), today=TODAY, key=KEY.public_key())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_of_a_signed_certificate_is_rejected(signed: bytes, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(signed) - 1), "place")
    byte = draw.draw(st.integers(0, 255).filter(lambda value: value != signed[place]), "byte")
    changed = signed[:place] + bytes([byte]) + signed[place + 1 :]
    with pytest.raises(RejectedError):
        verify(changed, today=TODAY, key=KEY.public_key())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0), st.binary(max_size=3))
def test_any_cut_or_longer_signed_certificate_is_rejected(signed: bytes, at: int, more: bytes) -> None:
    for changed in (signed[: at % len(signed)], signed + more + b" "):
        with pytest.raises(RejectedError):
            verify(changed, today=TODAY, key=KEY.public_key())


# Keys


@pytest.mark.parametrize(
    ("content", "read", "why"),
    [
        (b"nothing", read_private, "no private key in PEM; `openssl genpkey"),
        (pem(KEY, BestAvailableEncryption(b"x")), read_private, "the key is encrypted"),
        (pem(generate_private_key(SECP256R1())), read_private, "none of Ed25519"),
        (public_pem(KEY), read_private, "no private key"),
        (b"nothing", read_public, "no public key in PEM"),
        (pem(KEY), read_public, "that is a private key"),
        (public_pem(generate_private_key(SECP256R1())), read_public, "none of Ed25519"),
        (None, read_private, "can't read the key: No such file"),
        (None, read_public, "can't read the key: No such file"),
    ],
    # Not the keys themselves: they are made anew in each process, and workers have to collect the same.
    ids=[
        *("no private key", "an encrypted key", "another kind of key", "a public key for a private one"),
        *("no public key", "a private key for a public one", "another kind of public key"),
        *("no private file", "no public file"),
    ],
)
def test_a_key_that_is_none_is_told(
    content: bytes | None, read: Callable[[Path], object], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConformanceError, match=why) as told:
        read(path)
    assert "\n" not in str(told.value)
