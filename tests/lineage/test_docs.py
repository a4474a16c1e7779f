"""docs/proof.md: its script works, and its tables name what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lineage import kinds
from lineage.entry import Entry
from lineage.passport import PASSPORT
from lineage.release import Released
from lineage.roster import RELEASER
from lineage.verify import verify_release
from tests.lineage.shop import Place

DOCS = Path(__file__).parents[2] / "docs" / "proof.md"
TEXT = DOCS.read_text()


def test_the_script_checks_a_release_without_the_platform(
    pristine: tuple[Place, Released], copied: Callable[[], Path], tmp_path: Path
) -> None:
    place, released = pristine
    script = tmp_path / "check.py"
    script.write_text(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0])
    public = next(k.public for p in place.roster.people if RELEASER in p.roles for k in p.keys)

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), str(folder), public]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    good = run(released.folder)
    assert good.stdout == f"good: shop {released.candidate}\n"
    folder = copied()
    (folder / "report.html").write_text("x")
    bad = run(folder)
    assert bad.returncode == 1
    assert bad.stderr == "changed: ['report.html']\n"
    data = (folder / PASSPORT).read_bytes()
    (folder / PASSPORT).write_bytes(data.replace(b'"sig":"', b'"sig":"AAAA', 1))
    assert "InvalidSignature" in run(folder).stderr


def test_every_file_check_kind_and_column_is_described(pristine: tuple[Place, Released]) -> None:
    place, released = pristine
    for path in released.folder.rglob("*"):
        if path.is_file():
            name = path.relative_to(released.folder).as_posix()
            name = re.sub(r"^data/\w+", "data/TABLE", re.sub(r"^approvals/\w+", "approvals/PERSON", name))
            assert f"| `{name}` |" in TEXT
    for check in verify_release(released.folder, place.roster, table=True, withdrawn=()):
        assert f"| `{check.name}` |" in TEXT
    for name, kind in vars(kinds).items():
        assert not name.isupper() or f"`{kind}`" in TEXT
    for column in Entry.model_fields:
        assert re.search(rf"^\| [^|]*`{column}`[^|]* \|", TEXT, re.MULTILINE)
