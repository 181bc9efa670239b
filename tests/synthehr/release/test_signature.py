import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from synthehr.errors import BadRequest
from synthehr.release.checksums import CHECKSUMS, SIGNATURE
from synthehr.release.signature import fingerprint, is_signed_by, read_key, read_public_key, sign

# RFC 8032, 7.1, test 2: secret key, public key, signature of the one byte 0x72
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
SIGNED = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def write_pem(folder: Path, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, secret: bytes = b"") -> Path:
    locked = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    (folder / "key.pem").write_bytes(pem)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "public.pem").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, spki))
    return folder / "key.pem"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    (tmp_path / CHECKSUMS).write_bytes(b"\x72")
    return write_pem(tmp_path, ed25519.Ed25519PrivateKey.from_private_bytes(SECRET))


def test_the_signature_is_that_of_the_standard(pem: Path) -> None:
    sign(pem.parent, read_key(pem))
    assert (pem.parent / SIGNATURE).read_bytes().hex() == SIGNED


def test_who_signed_is_told_from_who_did_not(pem: Path) -> None:
    sign(pem.parent, read_key(pem))
    assert is_signed_by(pem.parent, read_public_key(pem.parent / "public.pem"))
    assert not is_signed_by(pem.parent, ed25519.Ed25519PrivateKey.generate().public_key())
    (pem.parent / CHECKSUMS).write_bytes(b"\x73")
    assert not is_signed_by(pem.parent, read_public_key(pem.parent / "public.pem"))
    (pem.parent / SIGNATURE).unlink()
    assert not is_signed_by(pem.parent, read_public_key(pem.parent / "public.pem"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed here")
def test_openssl_accepts_it(pem: Path) -> None:
    sign(pem.parent, read_key(pem))
    files = ["-inkey", "public.pem", "-in", CHECKSUMS, "-sigfile", SIGNATURE]
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *files]
    assert subprocess.run(command, cwd=pem.parent, check=False, capture_output=True).returncode == 0
    (pem.parent / CHECKSUMS).write_bytes(b"\x73")
    assert subprocess.run(command, cwd=pem.parent, check=False, capture_output=True).returncode != 0


def test_the_fingerprint_is_of_the_key_alone(pem: Path) -> None:
    key = read_public_key(pem.parent / "public.pem")
    assert key.public_bytes_raw().hex() == PUBLIC
    assert len(fingerprint(key)) == 64


def test_a_passphrase_opens_a_locked_key(tmp_path: Path) -> None:
    pem = write_pem(tmp_path, ed25519.Ed25519PrivateKey.generate(), b"open sesame")
    assert read_key(pem, passphrase=b"open sesame")
    for wrong in (None, b"close"):
        with pytest.raises(BadRequest, match="cannot be used"):
            read_key(pem, passphrase=wrong)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused_with_the_line_that_makes_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadRequest, match="openssl genpkey -algorithm ed25519"):
        read_key(path)
    with pytest.raises(BadRequest, match="public key"):
        read_public_key(path)


def test_another_algorithm_is_refused(tmp_path: Path) -> None:
    pem = write_pem(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(BadRequest, match="of another algorithm"):
        read_key(pem)
    with pytest.raises(BadRequest, match="of another algorithm"):
        read_public_key(tmp_path / "public.pem")
