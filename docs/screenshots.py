"""Takes the pictures of docs/operations.md from a real server in headless Chromium.

Run it while the server is up and has runs, as after `./demo --keep`: `.venv/bin/python docs/screenshots.py [--held RUN]`. Needs `chromium` on PATH.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import httpx

IMAGES = Path(__file__).resolve().parent / "images"
SIZE = "1280,900"
RENDERING = 15_000
"""Milliseconds of the page's own time before the picture is taken."""


def main() -> None:
    """One picture for each page that an SRE works with."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--ui", default="http://127.0.0.1:4200")
    asked.add_argument("--held", default="", help="id of a run that is suspended for a person")
    given = asked.parse_args()
    IMAGES.mkdir(exist_ok=True)
    day = _ask(given.ui, "GET", "deployments/name/day-1-metrics/day-1", None)["id"]
    run = _newest(given.ui, "flow_runs", {"deployments": {"id": {"any_": [day]}}, "sort": "START_TIME_DESC"})
    report = _newest(given.ui, "artifacts", {"artifacts": {"key": {"like_": "day-1-%-report"}}, "sort": "CREATED_DESC"})
    pages = {
        "deployments": "deployments",
        "form": f"deployments/deployment/{day}/run",
        "run": f"runs/flow-run/{run}",
        "report": f"artifacts/artifact/{report}",
        "automations": "automations",
    }
    if given.held:
        pages["held"] = f"runs/flow-run/{given.held}"
    for name, path in pages.items():
        _take(f"{given.ui}/{path}", IMAGES / f"{name}.png")


def _ask(ui: str, method: str, path: str, body: dict[str, object] | None) -> dict[str, str]:
    found: dict[str, str] = httpx.request(method, f"{ui}/api/{path}", json=body, timeout=30, trust_env=False).raise_for_status().json()
    return found


def _newest(ui: str, kind: str, wanted: dict[str, object]) -> str:
    found = httpx.post(f"{ui}/api/{kind}/filter", json=wanted | {"limit": 1}, timeout=30, trust_env=False).raise_for_status().json()
    return str(found[0]["id"])


def _take(url: str, file: Path) -> None:
    arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--window-size={SIZE}",
        f"--virtual-time-budget={RENDERING}",
    ]
    subprocess.run(["chromium", *arguments, f"--screenshot={file}", url], check=True, capture_output=True, timeout=120)
    print(f"{file.name}: {file.stat().st_size // 1024} KiB of {url}")


if __name__ == "__main__":
    main()
