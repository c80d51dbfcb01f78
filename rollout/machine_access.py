"""How one machine of a fleet is reached: its supervisor, its files and processes. Secrets stand in the environment, never in the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from rollout.document import Document
from rollout.errors import Refused
from rollout.fleet import Port

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]*$")]
UNIX = "unix://"


class Transport(Enum):
    """How files and processes of a machine are reached."""

    LOCAL = "local"
    SSH = "ssh"


class SshAccess(Document):
    """How ssh reaches a machine; what is left out is as the user's own ssh has it. The host's key has to be known already, and no password is asked.

    destination: [user@]host; identity, known_hosts: files; python: Python 3.11 or newer there.
    """

    destination: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(@[A-Za-z0-9][A-Za-z0-9.:_-]*)?$")]
    port: Port = 22
    identity: Path | None = None
    known_hosts: Path | None = None
    python: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9./_-]+$")] = "python3"

    def below(self, folder: Path) -> SshAccess:
        """With absolute paths; relative ones start at the folder."""
        given = {"identity": self.identity, "known_hosts": self.known_hosts}
        return self.model_copy(update={name: absolute(folder, path) for name, path in given.items() if path is not None})


class Login(Document):
    """What somebody who asks for a name and a password is told. *_env: names of variables of the environment or the site's secrets file."""

    username_env: EnvironmentName | None = None
    password_env: EnvironmentName | None = None

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.username_env is None) != (self.password_env is None):
            raise ValueError("username_env and password_env stand together")
        return self

    def login(self, secrets: Mapping[str, str], whose: str) -> tuple[str, str] | None:
        """User and password, None where nothing is asked for. Raises Refused for a variable that nobody has; a secret is never guessed."""
        if self.username_env is None or self.password_env is None:
            return None
        for variable in (self.username_env, self.password_env):
            if variable not in secrets:
                raise Refused(f"{whose} needs {variable}, which neither the environment nor the site's secrets file has")
        return secrets[self.username_env], secrets[self.password_env]


class SupervisorAccess(Login):
    """A machine's supervisor. url: unix://PATH or http://HOST:PORT; programs: folder of <agent>.conf."""

    url: str
    programs: Path

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        if not url.startswith((UNIX, "http://", "https://")) or "@" in url:
            raise ValueError("is unix://PATH or http://HOST:PORT without credentials, which come from the environment")
        return url

    def below(self, folder: Path) -> SupervisorAccess:
        """With absolute paths; relative ones start at the folder."""
        url = UNIX + str(absolute(folder, self.url.removeprefix(UNIX))) if self.url.startswith(UNIX) else self.url
        return self.model_copy(update={"url": url, "programs": absolute(folder, self.programs)})


class MachineAccess(Document):
    """A machine of the fleet. address: where its agents listen; cores: what it gives, by default those of this computer if it is reached locally.

    Through ssh go files and processes; supervisor, agents and exporters are asked at their own addresses.
    """

    address: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]+$")]
    transport: Transport
    ssh: SshAccess | None = None
    supervisor: SupervisorAccess
    cores: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _whole_way(self) -> MachineAccess:
        if (self.transport is Transport.SSH) != (self.ssh is not None):
            raise ValueError("ssh stands where the transport is ssh, and only there")
        if self.ssh is not None and self.supervisor.url.startswith(UNIX):
            raise ValueError("a machine behind ssh has its supervisor at http://HOST:PORT; a unix socket is reached from its own machine alone")
        if self.ssh is not None and not self.supervisor.programs.is_absolute():
            raise ValueError("supervisor.programs of a machine behind ssh is an absolute path there")
        return self

    def below(self, folder: Path) -> MachineAccess:
        """With absolute paths; relative ones start at the folder."""
        return self.model_copy(update={"supervisor": self.supervisor.below(folder), "ssh": self.ssh and self.ssh.below(folder)})

    @property
    def known_cores(self) -> float | None:
        """The cores as written or as counted here; None where nobody knows."""
        if self.cores is None and self.transport is Transport.LOCAL:
            return os.cpu_count()
        return self.cores


def absolute(folder: Path, path: Path | str) -> Path:
    """The path below the folder without `..`; links are kept, since a resolved socket path may be longer than allowed."""
    return Path(os.path.normpath(folder / path))
