"""How the far end of a machine behind ssh is started: the client's words, and the source that is sent along."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

SENT = ("rollout", "rollout.errors", "rollout.transports", "rollout.transports.port", "rollout.transports.local", "rollout.transports.remote")
"""What the far end runs; the standard library is all that it needs besides."""
BOOT = """
import importlib.abc, importlib.util, json, sys
sent = json.loads(sys.stdin.readline())
class Sent(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self, is_package=sent["modules"][name][0]) if name in sent["modules"] else None
    def get_source(self, name):
        return sent["modules"][name][1]
sys.meta_path.insert(0, Sent())
from rollout.transports.remote import serve
serve(sys.stdin, sys.stdout, sent["address"])
"""
OPTIONS = ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=2", "-T")
"""Nobody is there to type a password or to accept a host's key; a dead connection is seen within ten seconds."""


def ssh_command(destination: str, port: int, python: str, identity: Path | None = None, known_hosts: Path | None = None) -> list[str]:
    """What starts the far end. destination: [user@]host; identity, known_hosts: files, where the client's own settings do not say it."""
    chosen = ["-p", str(port)]
    chosen += ["-i", str(identity), "-o", "IdentitiesOnly=yes"] if identity else []
    chosen += ["-o", f"UserKnownHostsFile={known_hosts}"] if known_hosts else []
    return ["ssh", *OPTIONS, *chosen, destination, f"exec {shlex.quote(python)} -u -c {shlex.quote(BOOT)}"]


def sources() -> dict[str, tuple[bool, str]]:
    """The modules that are sent: whether each is a package, and its text."""
    found = {}
    for name in SENT:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ValueError(f"{name} has no source to send")
        found[name] = spec.submodule_search_locations is not None, Path(spec.origin).read_text(encoding="utf-8")
    return found
