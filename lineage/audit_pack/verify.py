"""Check a release, or an audit pack with releases in it, without the platform that made it.

    python verify.py FOLDER --roster roster.json [--revocations FILE] [--without-data]

Needs Python 3.11 or later and `cryptography`, no network; shares no code with the platform. The roster says whose
signatures count: take it from somewhere you trust. One line per check; exit code 0 if all hold, else 1. It does not
read the table, nor hold the policy against the measures again, as `proofset verify` does.
"""
# fmt: off
import argparse, base64, contextlib, hashlib, itertools, json, re, sys  # noqa: E401
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PASSPORT, INCLUSION, MANIFEST = "passport.dsse.json", "inclusion.json", "manifest.dsse.json"
AT_RELEASE = {"candidate.json", "record.json", *(f"exports/{name}" for name in (
    "croissant.json", "openlineage.ndjson", "odcs.yaml", "prov.json", "dcat.jsonld", "datasheet.md", "datasheet.html"))}
TYPE, SLACK, FAILED, moment = b"application/vnd.in-toto+json", timedelta(minutes=5), [], datetime.fromisoformat

@contextlib.contextmanager
def check(what, file):
    """A check is the code under it. Whatever a hostile file provokes there is its failure."""
    said = f"ok    {what}"
    try:
        yield
    except Exception as error:  # noqa: BLE001
        FAILED.append(what)
        said = f"FAIL  {what}: {file}: {error or type(error).__name__}"
    print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in said))  # noqa: T201

def need(holds, why):
    if not holds:
        raise ValueError(why)
def sha(data):
    return hashlib.sha256(data).hexdigest()
def spelled(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
def unbase(text):
    need(base64.b64encode(base64.b64decode(text)).decode() == text, "its base64 is spelled in another way")
    return base64.b64decode(text)
def read(path):
    need(path.is_file() and not path.is_symlink(), f"{path.name} is missing")
    return path.read_bytes()

def compare(folder, listed, beside, absent=()):
    """Every file must be as listed by path, size and SHA-256, and nothing else be there than `beside`."""
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*")
             if p.is_symlink() or not p.is_dir() or not any(p.iterdir())}
    wanted = {f["path"]: (f["size"], f["sha256"]) for f in listed} | dict.fromkeys(beside)
    flaws = [f"{n} is missing" for n in wanted.keys() - there.keys() - absent]
    for name, path in there.items():
        if name not in wanted or path.is_symlink() or not path.is_file():
            flaws.append(f"{name} is not listed, or no regular file")
        elif name not in beside and (len(data := path.read_bytes()), sha(data)) != wanted[name]:
            flaws.append(f"{name} was changed")
    need(len(wanted) == len(listed) + len(beside) and not flaws, "; ".join(sorted(flaws)) or "a file is listed twice")

def climb(leaf, index, size, path):
    """The root of a tree of `size` leaves, from one leaf's hash and its inclusion path (RFC 6962, 2.1.1)."""
    need(bool(path) == (size > 1), "the path has another length")
    if not path:
        return leaf
    half = 1 << (size - 1).bit_length() - 1
    pair = [climb(leaf, index, half, path[:-1]), path[-1]] if index < half else [
        path[-1], climb(leaf, index - half, size - half, path[:-1])]
    return hashlib.sha256(b"\x01" + b"".join(pair)).digest()

def proven(data, vkey):
    """The entry of an inclusion proof that the ledger of this verifier key signed (c2sp.org/tlog-checkpoint)."""
    proof, (name, key_id, key) = json.loads(data), vkey.split("+", 2)
    entry, size, (text, _, lines) = proof["entry"], proof["size"], proof["checkpoint"].rpartition("\n\n")
    [signature] = [unbase(line.split(" ")[2]) for line in lines.splitlines() if line.startswith(f"— {name} ")]
    Ed25519PublicKey.from_public_bytes(unbase(key)[1:]).verify(signature[4:], f"{text}\n".encode())
    leaf = hashlib.sha256(b"\x00" + spelled({k: v for k, v in entry.items() if k != "hash"})).digest()
    root = base64.b64encode(climb(leaf, entry["seq"] - 1, size, [bytes.fromhex(p) for p in proof["path"]])).decode()
    need(signature[:4].hex() == key_id == sha(f"{name}\n".encode() + unbase(key))[:8], "its ledger has another key")
    need(spelled(proof) == data and leaf.hex() == entry["hash"] and 0 < entry["seq"] <= size, "it was changed")
    need(text == f"{name}\n{size}\n{root}", "it does not lead to what the ledger signed")
    return entry

def good(key, at):
    day, revoked = at.date().isoformat(), key.get("revoked_at")
    need(key["added"] <= day <= key.get("valid_until", day), "its key was not good at the time")
    need(not revoked or at < moment(revoked), f"its key was revoked at {revoked}")

def opened(path, kind, time, keys, role=None):
    """Subjects, predicate, key and holder of a signed statement (in-toto in DSSE), once its signature holds."""
    envelope = json.loads(data := read(path))
    [(key_id, signature)] = [(s["keyid"], unbase(s["sig"])) for s in envelope["signatures"]]
    told = json.loads(payload := unbase(envelope["payload"]))
    need(spelled(envelope) == data and envelope["payloadType"].encode() == TYPE, "its spelling is not the one that counts")
    need(spelled(told) == payload and told["predicateType"] == f"https://proofset.dev/{kind}/v1", f"it is no {kind}")
    need(key_id in keys and (not role or role in keys[key_id][1]["roles"]), "its key is not accepted")
    signed = b"DSSEv1 %d %b %d %b" % (len(TYPE), TYPE, len(payload), payload)
    Ed25519PublicKey.from_public_bytes(unbase(keys[key_id][0]["public"])).verify(signature, signed)
    good(keys[key_id][0], moment(told["predicate"][time]))
    return [s["digest"]["sha256"] for s in told["subject"]], told["predicate"], *keys[key_id]

def called(person, text):
    """Whether a text names this person: by id, name, team or e-mail."""
    word, names = " ".join(text.split()).casefold(), (person["id"], person["name"], *person.get("teams", []))
    return word in {n.casefold() for n in names} or person["email"].casefold() in re.split(r"[\s<>(),;:]+", word)

def release(folder, label, roster, now, absent, gone):
    """Check the folder of one release."""
    with check(f"{label}passport", PASSPORT):
        subject, said, _, _ = opened(folder / PASSPORT, "passport", "released_at", roster["keys"], "releaser")
        files, at = {f["path"]: f["sha256"] for f in said["files"]}, moment(said["released_at"])
        need(subject == [said["candidate"], *(s for n, s in files.items() if n.startswith("data/"))], "it is about others")
    with check(f"{label}date", PASSPORT):
        need(at <= now + SLACK and now <= moment(said.get("expires_at", "9999-12-31T00:00Z")), "it expired, or is not yet out")
        need(said["candidate"] not in gone, "it was withdrawn")
    with check(f"{label}files", folder.name):
        compare(folder, said["files"], {PASSPORT, INCLUSION}, absent)
    with check(f"{label}candidate", "candidate.json"):
        candidate = json.loads(data := read(folder / "candidate.json"))
        ours = [f for f in said["files"] if f["path"] not in AT_RELEASE and not f["path"].startswith("approvals/")]
        need(sha(data) == said["candidate"], "the passport is of another candidate")
        need(sorted(map(spelled, candidate["files"])) == sorted(map(spelled, ours)), "its list of files is another one")
    with check(f"{label}evidence", "evidence"):
        raw = {n: read(folder / f"evidence/{n}.json") for n in "profile provenance scorecard suite verdict policy spec".split()}
        policy, origin, verdict, spec = (json.loads(raw[n]) for n in ("policy", "provenance", "verdict", "spec"))
        parts = b",".join(b'"%b":%b' % (n.encode(), raw[n]) for n in list(raw)[:5])
        found = {"dataset": spec["dataset"], "outcome": verdict["outcome"], "evidence_digest": sha(b"{%b}" % parts),
                 "policy_digest": sha(raw["policy"]), "synthetic_digest": origin["synthetic_digest"]}
        need(all(said[n] == candidate[n] == value for n, value in found.items()), "passport, candidate and evidence differ")
        need(verdict["outcome"] in ("pass", "review") and verdict["policy_digest"] == sha(raw["policy"])
             and verdict["scorecard_digest"] == sha(raw["scorecard"]), "the verdict is no pass, or about something else")
    people, rule = [], policy["approvals"] if label + "evidence" not in FAILED else {}
    for path in [n for n in files if n.startswith("approvals/")]:
        with check(label + path, path):
            subject, vote, key, person = opened(folder / path, "approval", "signed_at", roster["keys"])
            stated, will = {a["key"]: a for a in said["approvals"]}[key["id"]], person.get("of", person["id"])
            good(key, moment(stated.get("recorded_at", vote["signed_at"])))
            need(path == f"approvals/{person['id']}.dsse.json" and vote["person"] == person["id"], "it is another person's")
            need(subject == [said["candidate"]] and vote["decision"] == "approve" and all(
                vote[d] == said[d] for d in ("evidence_digest", "policy_digest")), "it is about something else")
            need(timedelta() <= at - moment(vote["signed_at"]) <= timedelta(rule["valid_days"]), "it is too old or too young")
            need(not any(called(p, origin["requested_by"]) for p in roster["people"] if will in (p["id"], p.get("of")))
                 and person["roles"] != ["releaser"], "nobody approves their own request, nor does the platform")
            people.append(person)
    with check(f"{label}approvals", PASSPORT):
        need(len(people) == len({p["id"] for p in people}) == len(said["approvals"]) >= rule["required"], "they are too few")
        for some in itertools.chain(*(itertools.combinations(rule["roles"], n + 1) for n in range(len(rule["roles"])))):
            need(sum(bool(set(some) & set(p["roles"])) for p in people) >= len(some), f"nobody is left for {some[-1]}")
    with check(f"{label}ledger", INCLUSION):
        entry = proven(read(folder / INCLUSION), said["ledger_key"])
        need(said["ledger_key"] in (roster.get("ledgers") or [said["ledger_key"]]), "the roster lists other ledgers")
        need((entry["kind"], entry["subject"], entry["body"]["passport_digest"]) == ("release", said["candidate"],
             sha(read(folder / PASSPORT))) and entry["seq"] > said["ledger"]["size"], "the entry is about something else")

def main():
    """Check what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, more in {"folder": {"type": Path}, "--roster": {"type": Path, "required": True},
                       "--revocations": {"type": Path}, "--without-data": {"action": "store_true"}}.items():
        parser.add_argument(name, **more)
    asked, now, roster, gone, releases = parser.parse_args(), datetime.now(UTC), {}, set(), []
    with check("roster", asked.roster):
        roster = json.loads(read(asked.roster))
        roster["keys"] = {k["id"]: (k, p) for p in roster["people"] for k in p.get("keys", [])}
        need(all(sha(unbase(k["public"])) == n for n, (k, _) in roster["keys"].items()), "a key's id is wrong")
    releases = [(asked.folder, "", set())]
    if (asked.folder / MANIFEST).exists():
        with check("pack", MANIFEST):
            _, pack, _, _ = opened(asked.folder / MANIFEST, "audit", "made_at", roster["keys"], "releaser")
            releases = [(asked.folder / r["folder"], f"{r['folder']}: ", set(r["withheld"])) for r in pack["releases"]]
            need(moment(pack["made_at"]) <= now + SLACK, "it is dated in the future")
            now = moment(pack["made_at"])
            compare(asked.folder, pack["files"], {MANIFEST})
    listed = asked.revocations or asked.folder / "revocations.dsse.json"
