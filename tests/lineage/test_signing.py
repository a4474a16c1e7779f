"""Keys and envelopes: the standard's encoding, and nothing in an envelope that may change unnoticed."""

from __future__ import annotations

import base64
import importlib.util
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from lineage.signing import PAYLOAD_TYPE, Envelope, Signer, make_statement, pae, sign_statement
from proofset.digest import canonical, sha256_bytes
from proofset.errors import DeniedError, RosterError

STATEMENT = make_statement([("thing", "a" * 64)], "https://example.org/said/v1", {"said": "yes", "ä": [1, None]})


def test_the_encoding_matches_the_vector_of_the_dsse_specification() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_a_signature_of_the_dsse_specification_covers_our_encoding() -> None:
    """The specification's worked example: an ECDSA P-256 signature over the encoding of its payload."""
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    signature = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    raw = base64.b64decode(signature)
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(der, pae("http://example.com/HelloWorld", b"hello world"), ec.ECDSA(SHA256()))


@given(st.text(), st.binary())
def test_the_encoding_can_be_taken_apart_again(kind: str, payload: bytes) -> None:
    prefix, length, rest = pae(kind, payload).split(b" ", 2)
    assert prefix == b"DSSEv1"
    assert rest[: int(length)].decode() == kind
    size, body = rest[int(length) + 1 :].split(b" ", 1)
    assert int(size) == len(body)
    assert body == payload
    if importlib.util.find_spec("securesystemslib"):  # agrees with the reference implementation where it is installed
        dsse = importlib.import_module("securesystemslib.dsse")
        assert dsse.Envelope(payload, kind, {}).pae() == pae(kind, payload)


def test_a_statement_signed_by_two_comes_back_from_its_bytes() -> None:
    signers = [Signer.generate(), Signer.generate()]
    data = sign_statement(STATEMENT, signers).to_bytes()
    envelope = Envelope.from_bytes(data, "x")
    assert envelope.to_bytes() == data
    assert envelope.verified({s.key_id: s.public for s in signers}) == canonical(STATEMENT)


@pytest.mark.parametrize("known", [0, 1])
def test_one_unknown_signature_spoils_the_envelope(known: int) -> None:
    signers = [Signer.generate(), Signer.generate()]
    envelope = sign_statement(STATEMENT, signers)
    with pytest.raises(DeniedError, match="not accepted"):
        envelope.verified({signers[known].key_id: signers[known].public})


def test_wrong_keys_signatures_and_types_are_denied() -> None:
    signer, other = Signer.generate(), Signer.generate()
    good = sign_statement(STATEMENT, [signer])
    keys = {signer.key_id: signer.public}
    with pytest.raises(DeniedError, match="not accepted"):
        good.verified({signer.key_id: other.public})  # another key under the same id
    forged = sign_statement(STATEMENT, [other]).signatures[0].model_copy(update={"keyid": signer.key_id})
    with pytest.raises(DeniedError, match="does not match"):
        good.model_copy(update={"signatures": (forged,)}).verified(keys)
    with pytest.raises(DeniedError, match="payload type"):
        good.model_copy(update={"payloadType": "text/plain"}).verified(keys)
    with pytest.raises(DeniedError, match="twice"):
        good.model_copy(update={"signatures": good.signatures * 2}).verified(keys)


def test_any_flipped_bit_of_an_envelope_is_noticed() -> None:
    signer = Signer.generate()
    data = sign_statement(STATEMENT, [signer]).to_bytes()
    for position in range(len(data)):
        bad = bytearray(data)
        bad[position] ^= 1 << (position % 8)
        with pytest.raises(DeniedError):
            Envelope.from_bytes(bytes(bad), "x").verified({signer.key_id: signer.public})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d + b"\n",
        lambda d: b" " + d,
        lambda d: d.replace(b'":', b'": '),
        lambda d: d[:-1] + b',"x":1}',
        lambda d: d[:-1],
        lambda d: b"",
        lambda d: b"[]",
        lambda d: d.replace(b'"signatures":[', b'"signatures":[],"x":['),
        lambda d: d.replace(b'"payload":"', b'"payload":"\\n'),
        lambda d: b'{"payload":"YQ","payloadType":"t","signatures":[{"keyid":"a","sig":"YQ=="}]}',
        lambda d: b'{"payload":"YR==","payloadType":"t","signatures":[{"keyid":"a","sig":"YQ=="}]}',
    ],
)
def test_another_spelling_of_an_envelope_is_refused(spoil) -> None:
    data = sign_statement(STATEMENT, [Signer.generate()]).to_bytes()
    with pytest.raises(DeniedError, match="some-file"):
        Envelope.from_bytes(spoil(data), "some-file")


@pytest.mark.parametrize("passphrase", [None, "three words here"])
def test_a_saved_key_is_private_and_comes_back(passphrase: str | None, tmp_path: Path) -> None:
    signer, path = Signer.generate(), tmp_path / "keys" / "ana.pem"
    signer.save(path, passphrase)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["ana.pem"]
    again = Signer.load(path, passphrase)
    assert (again.key_id, again.public) == (signer.key_id, signer.public)
    assert again.sign(b"x", PAYLOAD_TYPE) == signer.sign(b"x", PAYLOAD_TYPE)
    assert signer.key_id == sha256_bytes(signer.public)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ana.pem"
    Signer.generate().save(path, None)
    before = path.read_bytes()
    with pytest.raises(RosterError, match="already"):
        Signer.generate().save(path, None)
    assert path.read_bytes() == before
    with pytest.raises(RosterError, match="empty"):
        Signer.generate().save(tmp_path / "ben.pem", "")


def test_a_key_does_not_print_itself() -> None:
    signer = Signer.generate()
    assert repr(signer) == f"Signer({signer.key_id[:12]})"


def test_loading_says_what_is_wrong_with_a_key(tmp_path: Path) -> None:
    locked, plain, other, junk = (tmp_path / f"{n}.pem" for n in ("locked", "plain", "other", "junk"))
    Signer.generate().save(locked, "right")
    Signer.generate().save(plain, None)
    junk.write_bytes(b"not a key")
    other.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    for path, passphrase, expected in [
        (tmp_path / "none.pem", None, "cannot be read"),
        (locked, None, "is locked"),
        (locked, "wrong", "passphrase is wrong"),
        (plain, "needless", "is not locked"),
        (junk, None, "not a PEM"),
        (other, None, "not an Ed25519"),
    ]:
        with pytest.raises(RosterError, match=expected):
            Signer.load(path, passphrase)
