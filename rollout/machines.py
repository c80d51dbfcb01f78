"""A site's machines, ready to be asked and acted on; nothing is contacted yet."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rollout.machine import Machine
from rollout.machine_access import MachineAccess
from rollout.secrets import read_secrets
from rollout.services.supervisor import Supervisor
from rollout.services.supervisor_rpc import SupervisorRpc
from rollout.site_file import SiteFile
from rollout.transports.way import transport_to

NOBODY = ("", "")
"""The login of a supervisor that asks for none."""


def secrets_of(site: SiteFile) -> Mapping[str, str]:
    """The secrets that its file names, and the environment, which comes first."""
    return read_secrets(site.secrets) | dict(os.environ)


def machines_of(site: SiteFile, secrets: Mapping[str, str], timeout: float) -> dict[str, Machine]:
    """By name. timeout: seconds for one question to a supervisor. Raises Refused for missing secrets."""
    return {name: _machine(name, access, secrets, timeout) for name, access in site.machines.items()}


def _machine(name: str, access: MachineAccess, secrets: Mapping[str, str], timeout: float) -> Machine:
    transport = transport_to(name, access, timeout)
    supervisor = access.supervisor
    rpc = SupervisorRpc(supervisor.url, *(supervisor.login(secrets, f"the supervisor of {name}") or NOBODY))
    return Machine(name, access.address, transport, Supervisor(rpc, transport, supervisor.programs, timeout))
