"""Where the Prefect API is that days run on: a server of the user's own, or the embedded one of a state folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deployments.programs import HOST
from rollout.errors import Refused

OWN_SERVER = "PREFECT_API_URL"
"""Set by users who run a Prefect server themselves; it always wins."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where an embedded server listens."""

    port: int

    @property
    def api_url(self) -> str:
        """Base of the REST API."""
        return f"http://{HOST}:{self.port}/api"

    @property
    def ui_url(self) -> str:
        """The page for people."""
        return f"http://{HOST}:{self.port}"


def folder_of(state: Path) -> Path:
    """The embedded server's folder, absolute and without links: its processes are marked with it."""
    return state.resolve() / "server"


def write_address(folder: Path, address: ServerAddress) -> None:
    """Remember the address for later commands."""
    (folder / "port").write_text(f"{address.port}\n", encoding="ascii")


def forget_address(folder: Path) -> None:
    """No server is meant to run here any more."""
    (folder / "port").unlink(missing_ok=True)


def read_address(folder: Path) -> ServerAddress | None:
    """The address of the last start, None when no server is meant to run."""
    try:
        return ServerAddress(int((folder / "port").read_text(encoding="ascii")))
    except (FileNotFoundError, ValueError):
        return None


def api_url(state: Path) -> str:
    """The API that runs are started on. Raises Refused when there is neither an own nor an embedded server."""
    if own := os.environ.get(OWN_SERVER):
        return own
    address = read_address(folder_of(state))
    if address is None:
        raise Refused("no Prefect server runs here: start one with `rollout server up`, or set PREFECT_API_URL to your own")
    return address.api_url
