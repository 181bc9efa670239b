"""A detached signature of `SHA256SUMS`: Ed25519 (RFC 8032), 64 bytes, as OpenSSL 3 writes and checks it.

openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out public.pem
openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
"""

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from synthehr.errors import BadRequest
from synthehr.release.checksums import CHECKSUMS, SIGNATURE

MAKE = "Make one with: openssl genpkey -algorithm ed25519 -out key.pem"


def read_key(path: Path, *, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """The private key in a PEM file.

    Raises:
        BadRequest: no file, no PEM, another algorithm, or a passphrase that is wrong, missing or not needed.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=passphrase)
    except OSError as error:
        raise BadRequest(f"The key {path} cannot be read ({error.strerror}). {MAKE}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadRequest(f"The key {path} cannot be used: {error}. Expected an Ed25519 key in PEM. {MAKE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadRequest(f"The key {path} is of another algorithm; bundles are signed with Ed25519. {MAKE}")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in a PEM file.

    Raises:
        BadRequest: no file, no PEM, or another algorithm.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise BadRequest(f"The public key {path} cannot be read ({error.strerror}).") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadRequest(f"{path} is no public key in PEM: openssl pkey -in key.pem -pubout -out public.pem") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadRequest(f"The public key {path} is of another algorithm; bundles are signed with Ed25519.")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 (hex) of the public key's 32 bytes, to be compared by telephone or on paper."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def sign(half: Path, key: Ed25519PrivateKey) -> None:
    """Write `SHA256SUMS.sig` beside `SHA256SUMS`; the same key and files give the same bytes."""
    (half / SIGNATURE).write_bytes(key.sign((half / CHECKSUMS).read_bytes()))


def is_signed_by(half: Path, key: Ed25519PublicKey) -> bool:
    """Whether `SHA256SUMS.sig` is this key's signature of `SHA256SUMS`; False where either is missing."""
    try:
        key.verify((half / SIGNATURE).read_bytes(), (half / CHECKSUMS).read_bytes())
    except (InvalidSignature, OSError):
        return False
    return True
