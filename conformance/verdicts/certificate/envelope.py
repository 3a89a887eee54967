"""The signature: an Ed25519 key, and a DSSE envelope around the statement.

https://github.com/secure-systems-lab/dsse (protocol.md, envelope.md). `cryptography` signs; the envelope itself is one
line of the protocol and not worth a library, and the tests open it with another one. Sigstore is left out: to sign by
it takes an identity provider and a public log, which no test here could have.

What `open_` accepts is stricter than DSSE: one signature, by the key that the reader trusts, with the id that this
key has. The protocol calls the id a hint that nobody may rely on; here a wrong one is a file that somebody changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from conformance.errors import ConformanceError
from conformance.verdicts.certificate.rejection import RejectedError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
KEYS: Final = ("payload", "payloadType", "signatures")


def read_private(path: Path) -> Ed25519PrivateKey:
    """The key to sign with. Raises ConformanceError for a file that holds none in PEM, or an encrypted one."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except TypeError as error:
        raise ConformanceError(f"{path}: the key is encrypted; give it without a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConformanceError(
            f"{path}: no private key in PEM; `openssl genpkey -algorithm ed25519 -out {path}` makes one"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConformanceError(f"{path}: the key is none of Ed25519")
    return key


def read_public(path: Path) -> Ed25519PublicKey:
    """The key to verify with. Raises ConformanceError for a file that holds none in PEM."""
    raw = _read(path)
    if b"PRIVATE KEY" in raw:
        raise ConformanceError(
            f"{path}: that is a private key; give the public one, which `openssl pkey -in {path} -pubout` prints"
        )
    try:
        key = load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConformanceError(f"{path}: no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConformanceError(f"{path}: the key is none of Ed25519")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the key as DER: what `openssl pkey -pubin -in FILE -outform DER | sha256sum` prints."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def seal(body: bytes, key: Ed25519PrivateKey) -> dict[str, Any]:
    """An envelope with `body` in it, signed."""
    signature = key.sign(_encoded(PAYLOAD_TYPE, body))
    return {
        "payload": base64.b64encode(body).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
    }


def is_envelope(content: dict[str, Any]) -> bool:
    """Whether this is an envelope, or means to be one."""
    return any(key in content for key in KEYS)


def signer(envelope: dict[str, Any]) -> str:
    """The id of the key that an envelope says it is signed with. Raises RejectedError for no envelope."""
    return _signature(envelope)[0]


def open_(envelope: dict[str, Any], key: Ed25519PublicKey) -> bytes:
    """What is in an envelope that `key` signed. Raises RejectedError for any other."""
    claimed, signature = _signature(envelope)
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise RejectedError(f"the envelope holds {envelope['payloadType']!r}, and not {PAYLOAD_TYPE!r}")
    if claimed != key_id(key):
        raise RejectedError(f"foreign signature: by the key {claimed}, and not by {key_id(key)}, which --key names")
    body = _decoded(envelope["payload"])
    try:
        key.verify(_decoded(signature), _encoded(PAYLOAD_TYPE, body))
    except InvalidSignature as error:
        raise RejectedError("bad signature: it, or what it signs, was changed afterwards") from error
    return body


def _signature(envelope: dict[str, Any]) -> tuple[str, str]:
    if sorted(envelope) != sorted(KEYS) or not all(isinstance(envelope[key], str) for key in KEYS[:2]):
        raise RejectedError(f"no DSSE envelope: it has {', '.join(sorted(envelope))} instead of {', '.join(KEYS)}")
    signatures = envelope["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise RejectedError("the envelope has not one signature: `certify` writes one")
    only = signatures[0]
    if not isinstance(only, dict) or sorted(only) != ["keyid", "sig"] or set(map(type, only.values())) != {str}:
        raise RejectedError("the signature of the envelope has not a keyid and a sig")
    return only["keyid"], only["sig"]


def _encoded(kind: str, body: bytes) -> bytes:
    """PAE of the DSSE protocol: what is signed."""
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(body), body)


def _decoded(text: str) -> bytes:
    """Base64 in the one spelling that it has: the bits that a lenient decoder drops must be none."""
    try:
        body = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RejectedError("bad signature: the envelope holds what is no Base64") from error
    if base64.b64encode(body).decode() != text:
        raise RejectedError("bad signature: the envelope's Base64 was changed")
    return body


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConformanceError(f"{path}: can't read the key: {error.strerror or error}") from error
