"""A site's machines, ready to be asked and acted on; nothing is contacted yet."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rollout.errors import Refused
from rollout.machine import Machine
from rollout.machine_access import MachineAccess
from rollout.secrets import read_secrets
from rollout.services.supervisor import Supervisor
from rollout.services.supervisor_rpc import SupervisorRpc
from rollout.site_file import SiteFile
from rollout.transports.way import transport_to


def secrets_of(site: SiteFile) -> Mapping[str, str]:
    """The secrets that its file names, and the environment, which comes first."""
    return read_secrets(site.secrets) | dict(os.environ)


def machines_of(site: SiteFile, secrets: Mapping[str, str], timeout: float) -> dict[str, Machine]:
    """By name. timeout: seconds for one question to a supervisor. Raises Refused for missing secrets."""
    return {name: _machine(name, access, secrets, timeout) for name, access in site.machines.items()}


def _machine(name: str, access: MachineAccess, secrets: Mapping[str, str], timeout: float) -> Machine:
    transport = transport_to(name, access, timeout)
    supervisor = access.supervisor
    credentials = [_secret(variable, secrets, name) for variable in (supervisor.username_env, supervisor.password_env)]
    rpc = SupervisorRpc(supervisor.url, *credentials)
    return Machine(name, access.address, transport, Supervisor(rpc, transport, supervisor.programs, timeout))


def _secret(variable: str | None, secrets: Mapping[str, str], machine: str) -> str:
    """A secret by the name of its variable; a missing one is named, never guessed."""
    if variable is None:
        return ""
    if variable not in secrets:
        raise Refused(f"the supervisor of {machine} needs {variable}, which neither the environment nor the site's secrets file has")
    return secrets[variable]
