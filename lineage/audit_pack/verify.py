"""Check a release, or an audit pack with releases in it, without the platform that made it.
    python verify.py FOLDER --roster roster.json [--revocations FILE] [--without-data]
Needs Python 3.11, `cryptography`, no network. The roster says whose signatures count: take it from whom you trust."""
import argparse, base64, contextlib, hashlib, itertools, json, re, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
PASSPORT, INCLUSION, MANIFEST, NEVER = "passport.dsse.json", "inclusion.json", "manifest.dsse.json", "9999-12-31T00:00Z"
TYPE, SLACK, FAILED, moment = "application/vnd.in-toto+json", timedelta(minutes=5), [], datetime.fromisoformat
@contextlib.contextmanager
def check(what, file):
    """A check is the code under it. Whatever a hostile file provokes there is its failure."""
    try:
        yield
        said = f"ok    {what}"
    except Exception as error:
        FAILED.append(said := f"FAIL  {what}: {file}: {error or type(error).__name__}")
    print("".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in said))
def need(holds, why):
    if not holds:
        raise ValueError(why)
def sha(data):
    return hashlib.sha256(data).hexdigest()
def spelled(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
def unbase(text):
    return need(base64.b64encode(d := base64.b64decode(text)).decode() == text, "its base64 is spelled otherwise") or d
def read(path):
    return need(path.is_file() and not path.is_symlink(), f"{path.name} is missing") or path.read_bytes()
def good(key, at):
    day, gone = at.date().isoformat(), key.get("revoked_at", NEVER)
    need(key.get("valid_from", day) <= day <= key.get("valid_until", day) and at < moment(gone), "its key was not good")

def compare(folder, listed, beside, absent=frozenset()):
    """Every file must be as listed by path, size and SHA-256, and nothing else be there than `beside`."""
    wanted = {f["path"]: (f["size"], f["sha256"]) for f in listed}
    there = {p.relative_to(folder).as_posix(): p.is_file() and not p.is_symlink() and (len(d := read(p)), sha(d))
             for p in folder.rglob("*") if p.is_symlink() or not p.is_dir() or not any(p.iterdir())}
    wrong = {n for n in {*there, *wanted} if there.get(n) != wanted.get(n)} - beside - (absent - there.keys())
    need(not wrong and len(wanted) == len(listed), f"changed, missing or too many: {', '.join(sorted(wrong))}")

def climb(leaf, index, size, path):
    """The root of a tree of `size` leaves, from one leaf's hash and its inclusion path (RFC 6962, 2.1.1)."""
    if size == 1:
        return need(not path, "the path is too long") or leaf
    half = 1 << (size - 1).bit_length() - 1
    below = climb(leaf, index % half, half if index < half else size - half, path[:-1])
    return hashlib.sha256(b"\x01" + (below + path[-1] if index < half else path[-1] + below)).digest()

def proven(data, vkey):
    """The entry of an inclusion proof that the ledger of this verifier key signed (c2sp.org/tlog-checkpoint)."""
    proof, (name, key_id, key) = json.loads(data), vkey.split("+", 2)
    entry, size, (text, _, lines) = proof["entry"], proof["size"], proof["checkpoint"].rpartition("\n\n")
    leaf = hashlib.sha256(b"\x00" + spelled({k: v for k, v in entry.items() if k != "hash"})).digest()
    root = base64.b64encode(climb(leaf, entry["seq"] - 1, size, path := [*map(bytes.fromhex, proof["path"])])).decode()
    need([spelled(proof), len(proof), leaf.hex()] == [data, 4, entry["hash"]] and lines[-1] == "\n", "it was changed")
    need([text, *proof["path"]] == [f"{name}\n{size}\n{root}", *(p.hex() for p in path)], "its path leads elsewhere")
    [signature] = [unbase(line.split(" ")[2]) for line in lines.split("\n") if line.startswith(f"— {name} ")]
    need(signature[:4].hex() == key_id == sha(f"{name}\n".encode() + unbase(key))[:8], "its ledger has another key")
    Ed25519PublicKey.from_public_bytes(unbase(key)[1:]).verify(signature[4:], f"{text}\n".encode())
    return entry

def opened(path, kind, time, role=None):
    """Subjects, predicate, key and holder of a signed statement (in-toto in DSSE), once its signature holds."""
    envelope = json.loads(data := read(path))
    [(key_id, signature)] = [(s["keyid"], unbase(s["sig"])) for s in envelope["signatures"] if len(s) == 2]
    told = json.loads(payload := unbase(envelope["payload"]))
    need([spelled(envelope), spelled(told), len(envelope)] == [data, payload, 3], "it is spelled otherwise")
    need([envelope["payloadType"], told["predicateType"]] == [TYPE, f"https://proofset.dev/{kind}/v1"], "a wrong kind")
    need(key_id in keys and (not role or role in keys[key_id][1]["roles"]), "its key is not accepted")
    signed = f"DSSEv1 {len(TYPE)} {TYPE} {len(payload)} ".encode() + payload
    Ed25519PublicKey.from_public_bytes(unbase(keys[key_id][0]["public"])).verify(signature, signed)
    good(keys[key_id][0], moment(told["predicate"][time]))
    return [s["digest"]["sha256"] for s in told["subject"]], told["predicate"], *keys[key_id]

def release(folder, label, withheld):
    """Check the folder of one release. withheld: data files that need not be there."""
    files, voted, note = {}, [], ""
    with check(f"{label}passport", PASSPORT):
        subject, said, signer, _ = opened(folder / PASSPORT, "passport", "released_at", "releaser")
        at, files = moment(said["released_at"]), {str(f["path"]): f for f in said["files"]}
        need(subject == [said["candidate"], *(f["sha256"] for n, f in files.items() if n[:5] == "data/")], "a subject")
        note = "".join(f"; NOT HERE: {n}, hold yours against SHA-256 {files[n]['sha256']}" for n in sorted(withheld))
        need(at - SLACK <= now <= moment(said.get("expires_at", NEVER)), "it expired, or is dated in the future")
        need(not told or told["ledger_key"] == said["ledger_key"], "the list of revocations is of another ledger")
        need(not told or told["ledger"]["size"] > said["ledger"]["size"], "the list of revocations is older than it")
        need(said["candidate"] not in gone, "it was withdrawn: see the list of revocations")
    with check(f"{label}files{note}", folder.name):
        compare(folder, said["files"], {PASSPORT, INCLUSION}, withheld)
    with check(f"{label}evidence", "candidate.json"):
        candidate = json.loads(data := read(folder / "candidate.json"))
        ours = {n: f for n, f in files.items() if not re.match(r"approvals/|exports/|(candidate|record)\.json$", n)}
        need([sha(data), {f["path"]: f for f in candidate["files"]}] == [said["candidate"], ours], "it is another one")
        raw = {path.stem: read(path) for path in sorted((folder / "evidence").glob("*.json"))}
        policy, origin, verdict = (json.loads(raw[name]) for name in ("policy", "provenance", "verdict"))
        parts = b",".join(b'"%b":%b' % (name.encode(), raw[name]) for name in raw if name not in ("policy", "spec"))
        follows = {"dataset": origin["dataset"], "outcome": verdict["outcome"], "evidence_digest": sha(b"{%b}" % parts),
                   "policy_digest": sha(raw["policy"]), "synthetic_digest": origin["synthetic_digest"]}
        need(all(said[n] == candidate[n] == value for n, value in follows.items()), "it does not follow from evidence/")
        need([verdict["policy_digest"], verdict["scorecard_digest"]] == [sha(raw["policy"]), sha(raw["scorecard"])]
             and verdict["outcome"] in ("pass", "review"), "the verdict is no pass, or about something else")
    for path in [n for n in files if n.startswith("approvals/")]:
        with check(f"{label}{path}", path):
            subject, vote, key, person = opened(folder / path, "approval", "signed_at")
            good(key, moment({a["key"]: a for a in said["approvals"]}[key["id"]].get("recorded_at", vote["signed_at"])))
            need(path == f"approvals/{vote['person']}.dsse.json" and vote["person"] == person["id"], "another's name")
            need([subject, vote["decision"]] == [[said["candidate"]], "approve"] and all(
                vote[n] == said[n] for n in ("evidence_digest", "policy_digest")), "it is about something else")
            need(timedelta() <= at - moment(vote["signed_at"]) <= timedelta(policy["approvals"]["valid_days"]), "stale")
            requester = {*re.split(r"[\s<>(),;]+", candidate["requested_by"].casefold())}
            need(not requester & {n.casefold() for n in (person["id"], person["email"], *person["teams"])}, "their own")
            voted.append(person)
    with check(f"{label}approvals", PASSPORT):
        rule = policy["approvals"]
        need(len(said["approvals"]) == len(voted) == len({p["id"] for p in voted}) >= rule["required"], "too few")
        for some in [s for n in range(len(rule["roles"])) for s in itertools.combinations(rule["roles"], n + 1)]:
            need(sum(bool({*some} & {*p["roles"]}) for p in voted) >= len(some), f"nobody is left for {some[-1]}")
    with check(f"{label}ledger", INCLUSION):
        entry = proven(read(folder / INCLUSION), said["ledger_key"])
        need(said["ledger_key"] in (roster.get("ledgers") or [said["ledger_key"]]), "the roster lists other ledgers")
        need(entry["seq"] > said["ledger"]["size"] and entry["body"]["passport_digest"] == sha(read(folder / PASSPORT))
             and [entry["kind"], entry["subject"]] == ["release", said["candidate"]], "it is about something else")
        good(signer, moment(entry["at"]))  # the passport's own date is its signer's word

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--without-data", action="store_true")
for name, more in {"folder": {}, "--roster": {"required": True}, "--revocations": {}}.items():
    parser.add_argument(name, type=Path, **more)
asked, now, keys, told, gone, releases = parser.parse_args(), datetime.now(UTC), {}, {}, set(), [("", [])]
with check("roster", asked.roster):
    roster = json.loads(read(asked.roster))
    keys = {k["id"]: (k, p) for p in roster["people"] for k in p.get("keys", []) if sha(unbase(k["public"])) == k["id"]}
if is_pack := (asked.folder / MANIFEST).exists():
    with check("pack", MANIFEST):
        _, pack, _, _ = opened(asked.folder / MANIFEST, "audit", "made_at", "releaser")
        need(moment(pack["made_at"]) <= now + SLACK, "it is dated in the future")
        now, releases = moment(pack["made_at"]), [(str(r["folder"]), r["withheld"]) for r in pack["releases"]]
        compare(asked.folder, pack["files"], {MANIFEST})
if is_pack or asked.revocations:
    with check("revocations", listed := asked.revocations or asked.folder / "revocations.dsse.json"):
        _, told, key, _ = opened(listed, "revocations", "issued_at", "releaser")
        issued, until, today = moment(told["issued_at"]), moment(told["good_until"]), datetime.now(UTC)
        need(issued - SLACK <= today and now <= until <= issued + timedelta(30), "stale, or good for more than 30 days")
        good(key, today if "revoked_at" in key else issued)  # no ledger vouches for the date of a revoked key's list
        gone = {one["candidate"] for one in told["withdrawn"]}
with check("releases", asked.folder):
    for name, out in releases:
        gaps = {n for n in out if n.startswith("data/") and not (asked.folder / name / n).exists()}
        release(asked.folder / name, f"{name}/".lstrip("/"), gaps if asked.without_data else set())
sys.exit(f"{len(FAILED)} checks FAILED" if FAILED else 0)
