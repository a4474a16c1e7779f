"""Take the pictures of the documentation from the census workspace: `make demo`, then `make pictures`.

Needs Chromium (Debian's package `chromium`). Everything it opens is on loopback.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from orchestration.pages import start, stop
from proofset.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


def wait_for(page: Page, url: str) -> None:
    """Open a page of a server that may still be starting."""
    deadline = time.monotonic() + 120
    while True:
        try:
            page.goto(url, wait_until="domcontentloaded", timeout=20_000)
            return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def main() -> None:
    """Write docs/pictures/*.png, or into the folder given."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"
    target.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(ROOT / "examples" / "census")
    report = next((workspace.releases / "adult").glob("*/report.html"))
    browser_path = shutil.which("chromium")
    if browser_path is None:
        raise SystemExit("Chromium is not installed; install Debian's package `chromium`.")
    running = start(workspace, 43100, 45100)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=browser_path, args=FLAGS)
            page = browser.new_page(viewport={"width": 1180, "height": 1250}, device_scale_factor=1.5)
            page.goto(report.as_uri())
            page.screenshot(path=target / "report.png")
            phone = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=2, color_scheme="dark")
            phone.goto(report.as_uri() + "#privacy")
            phone.screenshot(path=target / "report_phone.png")
            wide = browser.new_page(viewport={"width": 1720, "height": 900})
            wait_for(wide, running["Dagster"][0] + "/asset-groups/")
            for name, path in {
                "graph": "/locations/orchestration.definitions/asset-groups/adult/lineage",
                "verdict": "/assets/adult/verdict?view=checks",
            }.items():
                wide.goto(running["Dagster"][0] + path)
                wide.wait_for_timeout(9000)
                area = {"x": 240, "y": 330, "width": 1480, "height": 350} if name == "graph" else None
                wide.screenshot(path=target / f"dagster_{name}.png", clip=area)
            wait_for(wide, running["MLflow"][0])
            wide.goto(running["MLflow"][0] + "/#/experiments/1/runs")
            wide.wait_for_timeout(5000)
            wide.locator("a[href*='/runs/']").first.click()
            wide.wait_for_timeout(5000)
            wide.screenshot(path=target / "mlflow_run.png")
            browser.close()
    finally:
        stop(running)


if __name__ == "__main__":
    main()
