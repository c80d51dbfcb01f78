"""Which site a run belongs to, for those who know no more than its id; and what the runs of a site have left."""

from __future__ import annotations

from pathlib import Path

from rollout.clock import SystemClock
from rollout.errors import InputError, Refused
from rollout.ledger import Ledger
from rollout.run_ledger import run_ledger
from rollout.site_file import load_site_file


def site_of(run: str, fleets: Path) -> Path | None:
    """The site file of the place where that run's ledger is; None when no site in that folder knows it."""
    for file in sorted(fleets.glob("*.yaml")):
        try:
            ledger = ledger_of(run, file)
        except Refused:
            continue
        if ledger.exists:
            return fleets / f"{ledger.opened.facts['site']}.yaml"
    return None


def report_folder(run: str, fleets: Path) -> Path:
    """The report's folder of that run, at whatever site in that folder it was made, or the folder of that name. Raises Refused when there is none."""
    if Path(run).is_dir():
        return Path(run)
    for file in sorted(fleets.glob("*.yaml")):
        try:
            site, _ = load_site_file(file)
        except InputError:
            continue
        if (folder := site.state / "reports" / run).is_dir():
            return folder
    raise Refused(f"there is neither a folder {run} nor a report of a run of that id at any site in {fleets}")


def ledger_of(run: str, site_file: Path) -> Ledger:
    """The ledger of that run at that site. Raises Refused when the file is no site file that can be read."""
    try:
        site, _ = load_site_file(site_file)
    except InputError as error:
        raise Refused(str(error)) from error
    return run_ledger(site.state / "runs", run, SystemClock())


def baselines(reports: Path) -> list[Path]:
    """The stored baselines of the site's runs, the newest first."""
    return sorted(reports.glob("*/samples/baseline.parquet"), key=lambda file: -file.stat().st_mtime)
