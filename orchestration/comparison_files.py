"""What is kept of a comparison: its figures, picture and page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from proofset.digest import canonical, sha256_json
from proofset.files import discard, make_dir, whole_folder, write_bytes

if TYPE_CHECKING:
    from orchestration.comparing import Comparison
    from proofset.workspace import Workspace


def files_of(found: Comparison) -> dict[str, bytes]:
    """What is kept of a comparison, by file name: frontier.html, frontier.png, frontier.svg, comparison.json."""
    from quality.frontier_page import frontier_page
    from quality.frontier_plot import draw

    ground = found.ground
    picture = draw(found.entries)
    facts = [
        ("Training rows", f"{ground.train.num_rows:,}"),
        ("Unseen real rows", f"{ground.holdout.num_rows:,}"),
        ("Columns", f"{ground.train.num_columns}"),
        ("Predicted column", ground.spec.target or "none"),
        ("Seeds", f"{found.seeds}, from {ground.seed}"),
        ("Policy", ground.policy.policy if ground.policy else "none: a file is not governed"),
    ]
    page = frontier_page(
        found.entries, picture["svg"], title=ground.name, facts=facts,
        policy=ground.policy.policy if ground.policy else "",
    )  # fmt: skip
    return {
        "comparison.json": canonical(found.plain()),
        "frontier.html": page.encode(),
        "frontier.png": picture["png"],
        "frontier.svg": picture["svg"],
    }


def keep_private(workspace: Workspace, found: Comparison, files: dict[str, bytes]) -> Path:
    """Keep the files in the workspace's private folder and return where; an older one of the same question goes."""
    asked = sha256_json([[e.name for e in found.entries], found.seeds, found.ground.seed, list(found.ground.digests)])
    home = workspace.private / "comparisons" / found.ground.name
    make_dir(home, private=True)
    target = home / asked[:12]
    with workspace.lock(f"comparison-{found.ground.name}"):
        discard(target)
        _write(target, files, private=True)
    target.chmod(0o700)
    return target


def write_folder(target: Path, files: dict[str, bytes], *, force: bool = False) -> Path:
    """Write the files into a folder of their own. Raises WorkspaceError where it is there already, without `force`."""
    if force and target.is_dir():
        for name, data in files.items():
            write_bytes(target / name, data)
        return target
    return _write(target, files)


def _write(target: Path, files: dict[str, bytes], *, private: bool = False) -> Path:
    with whole_folder(target) as folder:
        for name, data in files.items():
            write_bytes(folder / name, data, private=private)
    return target
