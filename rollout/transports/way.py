"""Which way leads to a machine: here, or by ssh."""

from __future__ import annotations

from rollout.machine_access import MachineAccess
from rollout.transports.far_end import ssh_command
from rollout.transports.local import LocalTransport
from rollout.transports.port import Transport
from rollout.transports.ssh import SshTransport


def transport_to(name: str, access: MachineAccess, timeout: float) -> Transport:
    """As the site file has it; nothing is contacted yet. timeout: seconds for one answer of a machine behind ssh."""
    if access.ssh is None:
        return LocalTransport(access.address)
    ssh = access.ssh
    command = ssh_command(ssh.destination, ssh.port, ssh.python, ssh.identity, ssh.known_hosts)
    return SshTransport(name, command, access.address, timeout)
