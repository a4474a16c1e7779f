"""Check the part of the ledger that an audit pack holds: every entry, and that the log only grew since each release.

    python verify_ledger.py FOLDER

Needs Python 3.11 and `cryptography`. Prints one line per file; exit code 0 if all hold, else 1. Written from RFC 6962
and c2sp.org/tlog-checkpoint; it shares no code with the platform. Compare the ledger's key, which is printed, with the
one you know, and the checkpoint with one that somebody kept elsewhere.
"""
import base64, hashlib, json, sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def need(holds, why):
    if not holds:
        raise ValueError(why)

def canonical(value):
    """The one spelling of JSON (RFC 8785); a number with a fraction comes as the bytes that spelled it."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return b"{" + b",".join(canonical(n) + b":" + canonical(value[n]) for n in names) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()

def parsed(path):
    need(path.is_file() and not path.is_symlink(), "it is missing")
    value = json.loads(data := path.read_bytes(), parse_float=str.encode, parse_constant=str)
    need(canonical(value) == data, "it is spelled otherwise than it must be")
    return value

def signed_head(note, vkey):
    """Size and root of a checkpoint that this key signed."""
    name, key_id, encoded = vkey.split("+", 2)
    key, (text, _, lines) = base64.b64decode(encoded, validate=True), note.rpartition("\n\n")
    [blob] = [base64.b64decode(x.split(" ")[2], validate=True) for x in lines.split("\n") if x.startswith(f"— {name} ")]
    origin, size, root = text.split("\n")
    need(len(key) == 33 and key[0] == 1 and origin == name and size == str(int(size)), "it is of another ledger")
    need(hashlib.sha256(f"{name}\n".encode() + key).digest()[:4] == blob[:4] == bytes.fromhex(key_id), "another key")
    need(note == f"{text}\n\n— {name} {base64.b64encode(blob).decode()}\n", "it is spelled otherwise than it must be")
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(blob[4:], f"{text}\n".encode())
    return int(size), base64.b64decode(root, validate=True)

def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()

def climb(leaf, index, size, path):
    """The root over `size` leaves, from a leaf's hash and its inclusion path (RFC 6962, 2.1.1)."""
    if size == 1:
        return need(not path, "its path is too long") or leaf
    half = 1 << (size - 1).bit_length() - 1
    if index < half:
        return node(climb(leaf, index, half, path[:-1]), path[-1])
    return node(path[-1], climb(leaf, index - half, size - half, path[:-1]))

def grow(old, first, size, path, whole=True):
    """The roots over the first leaves and over all, from a consistency path (2.1.2). old: the first's, as stated."""
    if first == size:
        need(len(path) == (not whole), "its path has another length")
        return (old, old) if whole else (path[0], path[0])
    half = 1 << (size - 1).bit_length() - 1
    if first <= half:
        left = grow(old, first, half, path[:-1], whole)
        return left[0], node(left[1], path[-1])
    right = grow(old, first - half, size - half, path[:-1], False)
    return node(path[-1], right[0]), node(path[-1], right[1])

def entry(path, note, size, root):
    proof = parsed(path)
    told = proof["entry"]
    leaf = hashlib.sha256(b"\x00" + canonical({k: v for k, v in told.items() if k != "hash"})).digest()
    need(proof["checkpoint"] == note and proof["size"] == size, "it is about another checkpoint")
    need(leaf.hex() == told["hash"] and 0 < told["seq"] <= size, "it was changed")
    need(path.name == f"{told['seq']:06d}.json", "it is another entry")
    steps = [bytes.fromhex(step) for step in proof["path"]]
    need(climb(leaf, told["seq"] - 1, size, steps) == root, "its path does not lead to the signed root")
    return f"{told['at'][:19]} {told['kind']} by {told['actor'] or '-'}"

def consistency(path, size, root):
    told = parsed(path)
    first, old = told["first"]["size"], bytes.fromhex(told["first"]["root"])
    need([told["second"]["size"], told["second"]["root"]] == [size, root.hex()], "it is about another checkpoint")
    need(0 < first <= size, "the log cannot have grown from that")
    need(grow(old, first, size, [bytes.fromhex(p) for p in told["path"]]) == (old, root), "the log was rewritten")
    return f"the log of {size} entries begins with the {first} there were"

def main():
    """Check FOLDER/ledger; 1 where anything does not hold."""
    home, failed, size, root, note = Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "ledger", 0, 0, b"", ""
    jobs = [("checkpoint.txt", None), *((f"entries/{p.name}", entry) for p in sorted((home / "entries").glob("*"))),
            *((f"consistency/{p.name}", consistency) for p in sorted((home / "consistency").glob("*")))]
    for name, job in jobs:
        try:
            if job is None:
                note = (home / name).read_text("utf-8")
                vkey = (home / "key.txt").read_text("utf-8").removesuffix("\n")
                size, root = signed_head(note, vkey)
                told = f"{size} entries, root {root.hex()}, signed by {vkey}"
            else:
                told = job(home / name, note, size, root) if job is entry else job(home / name, size, root)
            mark = "ok  "
        except Exception as error:
            told, mark, failed = error or type(error).__name__, "FAIL", failed + 1
        print(mark, "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in f"{name}: {told}"))
    return bool(failed)

if __name__ == "__main__":
    sys.exit(main())
