"""Checkpoints: the published example of the note format, one spelling, and no crash on junk."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import example, given
from hypothesis import strategies as st

from lineage.checkpoint import (
    COSIGNATURE,
    MAX_BYTES,
    MAX_SIZE,
    Checkpoint,
    VerifierKey,
    cosign,
    cosignatures,
    read_checkpoint,
    sign_checkpoint,
    unverified,
)
from lineage.signing import Signer
from proofset.errors import DeniedError

# The example of Go's golang.org/x/mod/sumdb/note, which the C2SP formats describe.
NOTE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)  # fmt: skip
NOTE_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

LOG, WITNESS, OTHER = Signer.generate(), Signer.generate(), Signer.generate()
ORIGIN = "proofset.dev/ledger/test/00ff"
KEY = VerifierKey(ORIGIN, LOG.public)
SEEN = VerifierKey("witness.example/w1", WITNESS.public, COSIGNATURE)
STATED = Checkpoint(origin=ORIGIN, size=42, root="ab" * 32)
NOTE = sign_checkpoint(STATED, LOG)
AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def test_the_published_example_of_a_signed_note() -> None:
    key = VerifierKey.parse(NOTE_KEY)
    assert (key.name, key.id.hex(), str(key)) == ("PeterNeumann", "c74f20a3", NOTE_KEY)
    blob = base64.b64decode(NOTE_SIGNATURE)
    assert blob[:4] == key.id
    Ed25519PublicKey.from_public_bytes(key.public).verify(blob[4:], NOTE_TEXT.encode())


def test_a_checkpoint_comes_back_and_has_the_form_of_the_standard() -> None:
    assert read_checkpoint(NOTE, KEY) == STATED == unverified(NOTE)
    lines = NOTE.split("\n")
    assert lines[:3] == [ORIGIN, "42", base64.b64encode(bytes.fromhex("ab" * 32)).decode()]
    assert lines[3] == ""
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert lines[5:] == [""]
    blob = base64.b64decode(lines[4].split(" ")[2])
    assert blob[:4] == KEY.id
    Ed25519PublicKey.from_public_bytes(LOG.public).verify(blob[4:], "\n".join([*lines[:3], ""]).encode())
    assert VerifierKey.parse(str(KEY)) == KEY


def test_a_witness_adds_a_line_that_states_when() -> None:
    both = cosign(NOTE, SEEN.name, WITNESS, AT)
    assert both.startswith(NOTE)
    assert read_checkpoint(both, KEY, [SEEN]) == STATED
    assert read_checkpoint(both, KEY) == STATED
    assert [(c.name, c.at) for c in cosignatures(both, [SEEN])] == [(SEEN.name, AT)]
    blob = base64.b64decode(both.splitlines()[-1].split(" ")[2])
    signed = f"cosignature/v1\ntime {int(AT.timestamp())}\n{STATED.text}"
    assert int.from_bytes(blob[4:12], "big") == int(AT.timestamp())
    Ed25519PublicKey.from_public_bytes(WITNESS.public).verify(blob[12:], signed.encode())
    again = cosign(both, "witness.example/w2", OTHER, AT)
    assert read_checkpoint(again, KEY, [SEEN, VerifierKey("witness.example/w2", OTHER.public, COSIGNATURE)]) == STATED
    with pytest.raises(DeniedError, match="already"):
        cosign(both, SEEN.name, WITNESS, AT)
    with pytest.raises(DeniedError, match="cannot be a witness"):
        cosign(NOTE, "with space", WITNESS, AT)


def test_a_witness_given_must_have_signed() -> None:
    with pytest.raises(DeniedError, match="not signed by witness"):
        read_checkpoint(NOTE, KEY, [SEEN])
    both = cosign(NOTE, SEEN.name, WITNESS, AT)
    later = both.replace(both.splitlines()[-1], _retimed(both.splitlines()[-1]))
    with pytest.raises(DeniedError, match="does not match"):
        read_checkpoint(later, KEY, [SEEN])
    moved = sign_checkpoint(STATED.model_copy(update={"size": 43}), LOG) + both.splitlines()[-1] + "\n"
    assert read_checkpoint(moved, KEY).size == 43
    with pytest.raises(DeniedError, match="does not match"):
        read_checkpoint(moved, KEY, [SEEN])
    plain = VerifierKey(SEEN.name, WITNESS.public)  # the log's kind of key, for a cosignature
    with pytest.raises(DeniedError, match="not signed"):
        read_checkpoint(both, KEY, [plain])


SIGNATURE = NOTE.split("\n")[4]
ROOT = NOTE.split("\n")[2]
ELSEWHERE = sign_checkpoint(STATED.model_copy(update={"size": 1}), LOG).split("\n\n")[1]
FORGED: dict[str, tuple[str, str]] = {
    "empty": ("", "not a checkpoint"),
    "no signature": (STATED.text, "not a checkpoint"),
    "no signature line": (STATED.text + "\n", "not a checkpoint"),
    "no end of line": (NOTE[:-1], "not a checkpoint"),
    "one more end of line": (NOTE + "\n", "not a checkpoint"),
    "a carriage return": (NOTE.replace("\n", "\r\n"), "not a checkpoint"),
    "size with a zero before": (NOTE.replace("\n42\n", "\n042\n"), "not a checkpoint"),
    "size with a plus": (NOTE.replace("\n42\n", "\n+42\n"), "not a checkpoint"),
    "negative size": (NOTE.replace("\n42\n", "\n-42\n"), "not a checkpoint"),
    "size in other digits": (NOTE.replace("\n42\n", "\n٤٢\n"), "not a checkpoint"),
    "size beyond any": (NOTE.replace("\n42\n", f"\n{MAX_SIZE + 1}\n"), "not a checkpoint"),
    "another size": (NOTE.replace("\n42\n", "\n43\n"), "does not match"),
    "another root": (NOTE.replace(ROOT, base64.b64encode(b"\x00" * 32).decode()), "does not match"),
    "a short root": (NOTE.replace(ROOT, base64.b64encode(b"\x00" * 31).decode()), "not a checkpoint"),
    "root in another spelling": (NOTE.replace(ROOT, ROOT[:-2] + "t="), "not a checkpoint"),
    "root in url-safe base64": (NOTE.replace(ROOT, "-_" + ROOT[2:]), "not a checkpoint"),
    "an extension": (NOTE.replace(f"{ROOT}\n", f"{ROOT}\nextension\n"), "extension"),
    "another log": (NOTE.replace(ORIGIN, ORIGIN + "x"), "another log"),
    "an empty origin": (NOTE.replace(f"{ORIGIN}\n", "\n", 1), "not a checkpoint"),
    "a hyphen for the dash": (NOTE.replace("— ", "- "), "not a checkpoint"),
    "two blanks": (NOTE.replace(f"— {ORIGIN} ", f"— {ORIGIN}  "), "not a checkpoint"),
    "signed twice": (NOTE + SIGNATURE + "\n", "signed twice"),
    "by another key": (sign_checkpoint(STATED, OTHER), "not signed by"),
    "an empty signature": (STATED.text + f"\n— {ORIGIN} {base64.b64encode(KEY.id).decode()}\n", "not a checkpoint"),
    "a short signature": (STATED.text + f"\n— {ORIGIN} {base64.b64encode(KEY.id + b'abc').decode()}\n", "not match"),
    "too many signatures": (NOTE + f"— other {base64.b64encode(b'12345').decode()}\n" * 100, "not a checkpoint"),
    "too long": (NOTE + f"— other {base64.b64encode(b'1' * MAX_BYTES).decode()}\n", "not a checkpoint"),
    "half a surrogate pair": (NOTE.replace(ORIGIN, ORIGIN + "\ud800"), "not a checkpoint"),
    "a blank line within": (NOTE.replace("\n42\n", "\n\n42\n"), "not a checkpoint"),
    "the signature of other text": (f"{STATED.text}\n{ELSEWHERE}", "does not match"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_checkpoint_is_refused(case: str) -> None:
    note, expected = FORGED[case]
    with pytest.raises(DeniedError, match=expected):
        read_checkpoint(note, KEY)


def test_signatures_nobody_asked_for_are_left_alone() -> None:
    extra = f"— somebody.example {base64.b64encode(b'1234' + b'x' * 64).decode()}\n"
    assert read_checkpoint(NOTE + extra, KEY) == STATED
    same_name = f"— {ORIGIN} {base64.b64encode(b'1234' + b'x' * 64).decode()}\n"
    assert read_checkpoint(NOTE + same_name, KEY) == STATED


@given(st.integers(0, MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_comes_back(size: int, root: bytes) -> None:
    stated = Checkpoint(origin=ORIGIN, size=size, root=root.hex())
    assert read_checkpoint(sign_checkpoint(stated, LOG), KEY) == stated


@given(st.data())
def test_no_changed_byte_is_accepted(data: st.DataObject) -> None:
    raw = bytearray(NOTE.encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    action = data.draw(st.sampled_from(["flip", "drop", "double", "cut", "insert"]))
    if action == "flip":
        raw[place] ^= 1 << data.draw(st.integers(0, 7))
    elif action == "drop":
        del raw[place]
    elif action == "double":
        raw[place:place] = raw[place : place + 1]
    elif action == "cut":
        raw = raw[:place]
    else:
        raw[place:place] = bytes([data.draw(st.integers(0, 255))])
    if bytes(raw) == NOTE.encode():
        return
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(DeniedError):
        read_checkpoint(text, KEY)


LINES = st.lists(st.sampled_from([ORIGIN, "42", ROOT, "", SIGNATURE, "— ", "— x AAAA", "0", "\x00", "—"]) | st.text())


@given(st.text() | LINES.map("\n".join) | LINES.map(lambda lines: "\n".join(lines) + "\n"))
@example("\n\n")
@example("\n\n\n")
@example("— \n\n— \n")
def test_junk_is_refused_and_crashes_nothing(text: str) -> None:
    if text == NOTE:
        return
    with pytest.raises(DeniedError):
        read_checkpoint(text, KEY)


@given(st.text() | st.tuples(st.text(), st.text(), st.text()).map("+".join))
@example("a+00000000+")
@example(f"a+00000000+{base64.b64encode(bytes(33)).decode()}")
@example(str(KEY) + "\n")
@example(str(KEY).replace(KEY.id.hex(), KEY.id.hex().upper()))
def test_a_verifier_key_is_read_strictly(text: str) -> None:
    if text == str(KEY):
        return
    with pytest.raises(DeniedError):
        VerifierKey.parse(text)


def _retimed(line: str) -> str:
    """The same cosignature with another time before it."""
    head, _, encoded = line.rpartition(" ")
    blob = bytearray(base64.b64decode(encoded))
    blob[11] ^= 1
    return f"{head} {base64.b64encode(bytes(blob)).decode()}"
