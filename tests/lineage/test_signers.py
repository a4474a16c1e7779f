"""Signers: keys in files, in the environment and in a real PKCS#11 token (SoftHSM), by URI."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lineage.signers import signer_from
from lineage.signing import Signer, sign_statement
from proofset.errors import RosterError

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"


@pytest.fixture
def pem(tmp_path: Path) -> tuple[Signer, Path]:
    signer = Signer.generate()
    signer.save(tmp_path / "key.pem", None)
    return signer, tmp_path / "key.pem"


def test_a_file_by_path_and_by_uri(pem: tuple[Signer, Path], tmp_path: Path) -> None:
    for uri in (str(pem[1]), f"file:{pem[1]}", f"file://{pem[1]}", "key.pem", "file:key.pem"):
        assert signer_from(uri, tmp_path).key_id == pem[0].key_id


def test_a_variable(pem: tuple[Signer, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", pem[1].read_text())
    assert signer_from("env:SOME_KEY", tmp_path).key_id == pem[0].key_id
    monkeypatch.setenv("SOME_KEY", " ")
    with pytest.raises(RosterError, match="SOME_KEY holds no key"):
        signer_from("env:SOME_KEY", tmp_path)
    monkeypatch.setenv("SOME_KEY", "-----BEGIN PRIVATE KEY-----")
    with pytest.raises(RosterError, match="in SOME_KEY cannot be opened"):
        signer_from("env:SOME_KEY", tmp_path)


def test_a_locked_file_and_its_passphrase(tmp_path: Path) -> None:
    signer = Signer.generate()
    signer.save(tmp_path / "locked.pem", "correct horse")
    assert signer_from("locked.pem", tmp_path, "correct horse").key_id == signer.key_id
    for wrong in (None, "battery"):
        with pytest.raises(RosterError):
            signer_from("locked.pem", tmp_path, wrong)


@pytest.mark.parametrize("uri", ["vault:x", "https://example.org/key", "missing.pem", "env:"])
def test_what_is_not_there_or_not_known(uri: str, tmp_path: Path) -> None:
    with pytest.raises(RosterError):
        signer_from(uri, tmp_path)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A software token with an Ed25519 key; the test fails, rather than skips, where CI lacks it."""
    if not LIBRARY.exists() and not os.environ.get("CI"):
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2 opensc")
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    make = [shutil.which("softhsm2-util") or "", "--init-token", "--free", "--label", "proof", "--pin", PIN]
    subprocess.run([*make, "--so-pin", "5678"], check=True, capture_output=True)
    generate = ["--login", "--pin", PIN, "--keypairgen", "--key-type", "EC:edwards25519", "--label", "platform"]
    tool = [shutil.which("pkcs11-tool") or "", "--module", str(LIBRARY), "--token-label", "proof"]
    subprocess.run([*tool, *generate], check=True, capture_output=True)
    return f"pkcs11:token=proof;object=platform?module-path={LIBRARY}"


# The library keeps its state for the process, so everything about it is one test.
def test_a_hardware_token_signs_what_its_public_key_verifies(token: str, tmp_path: Path) -> None:
    signer = signer_from(token, tmp_path, PIN)
    message = b"some bytes"
    Ed25519PublicKey.from_public_bytes(signer.public).verify(signer.sign_raw(message), message)
    envelope = sign_statement({"subject": "x"}, [signer])
    assert envelope.verified({signer.key_id: signer.public})
    assert PIN not in repr(signer)
    for wrong in (token.replace("object=platform", "object=other"), token.replace("token=proof", "token=none")):
        with pytest.raises(RosterError, match="cannot be used"):
            signer_from(wrong, tmp_path, PIN)
    with pytest.raises(RosterError, match="cannot be used"):
        signer_from(token, tmp_path, "0000")
    with pytest.raises(RosterError, match="lacks object"):
        signer_from(f"pkcs11:token=proof?module-path={LIBRARY}", tmp_path, PIN)
    with pytest.raises(RosterError, match="cannot be used"):
        signer_from("pkcs11:token=proof;object=platform?module-path=/nowhere.so", tmp_path, PIN)
