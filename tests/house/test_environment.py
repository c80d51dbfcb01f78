"""environment.sh piece by piece, with stand-ins on PATH for Python, apt-get and dpkg."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "cat", "cksum", "sed", "rm", "mkdir", "tail", "ls", "chmod")
PACKAGES = ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter")
APT = 'echo "apt-get $*" >>"$LOG"; for last; do :; done; {lists}; case " $* " in *" download "*) : >"$last.deb" ;; esac'
DPKG = (
    'echo "dpkg $*" >>"$LOG"; mkdir -p "$3/usr/bin"; for name in '
    + " ".join(PACKAGES)
    + '; do echo "#!/bin/sh" >"$3/usr/bin/$name"; done; chmod +x "$3"/usr/bin/*'
)


class Machine:
    """A machine with nothing but a shell's tools on PATH, and a copy of environment.sh in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "place"
        self.place.mkdir()
        shutil.copy(ROOT / "environment.sh", self.place)
        (self.place / "requirements.lock").write_text("one==1\n")
        (self.place / "pyproject.toml").write_text("[project]\n")
        self.path = folder / "bin"
        self.path.mkdir()
        self.log = folder / "log"
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.path / tool).symlink_to(found)

    def has(self, name: str, script: str = "exit 0") -> None:
        """Put a program on PATH."""
        file = self.path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def sh(self, script: str) -> tuple[int, str]:
        """Run a script that has sourced environment.sh: exit code, and all that it said."""
        environment = {"PATH": str(self.path), "LOG": str(self.log), "HOME": os.environ.get("HOME", "/")}
        ran = subprocess.run(
            [self.path / "sh", "-euc", f". ./environment.sh; {script}"],
            cwd=self.place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        return ran.returncode, ran.stdout + ran.stderr

    @property
    def calls(self) -> str:
        """What apt-get and dpkg were asked."""
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Nothing on it yet."""
    return Machine(tmp_path)


def test_the_first_python_that_is_new_enough_is_taken(machine: Machine) -> None:
    """A name that does not run, or is too old, is passed over."""
    machine.has("python3.11", "echo 'command not found' >&2; exit 127")
    machine.has("python3.12", "exit 1")
    machine.has("python3")
    assert machine.sh("find_python") == (0, "python3\n")


def test_without_a_python_one_sentence_says_what_to_install(machine: Machine) -> None:
    """No traceback, no half-made environment."""
    machine.has("python3", "exit 1")
    code, said = machine.sh("fill_venv")
    assert code == 2
    assert said.count("\n") == 1
    assert "Python 3.11 or newer is needed" in said
    assert not (machine.place / ".venv").exists()


def test_programs_on_path_come_first(machine: Machine) -> None:
    """Nothing is fetched when all of them run."""
    for package in PACKAGES:
        machine.has(package)
    machine.has("apt-get", APT)
    assert machine.sh("programs") == (0, "")
    assert machine.calls == ""


def test_only_what_is_missing_is_unpacked(machine: Machine) -> None:
    """By download and dpkg -x below .debs, never by installing; the second time nothing is left to do."""
    machine.has("prometheus")
    machine.has("apt-get", APT.replace("{lists}", ":"))
    machine.has("dpkg", DPKG)
    code, said = machine.sh("programs")
    assert (code, said) == (0, "Unpacking prometheus-alertmanager prometheus-blackbox-exporter into .debs.\n")
    assert "apt-get download prometheus-alertmanager prometheus-blackbox-exporter\n" in machine.calls
    assert f"-x ./prometheus-blackbox-exporter.deb {machine.place}/.debs/root" in machine.calls
    assert "install" not in machine.calls
    machine.log.unlink()
    assert machine.sh("programs") == (0, "")
    assert machine.calls == ""


def test_old_package_lists_are_replaced_by_private_ones(machine: Machine) -> None:
    """Where the machine's lists lead nowhere, new ones are fetched into .debs, which takes no root."""
    machine.has("apt-get", APT.replace("{lists}", 'case "$*" in download*) exit 100 ;; esac'))
    machine.has("dpkg", DPKG)
    code, _ = machine.sh("programs")
    assert code == 0
    assert f"Dir::State={machine.place}/.debs/new/state" in machine.calls
    assert " update\n" in machine.calls


@pytest.mark.parametrize("apt", [None, "exit 100"])
def test_without_the_programs_one_sentence_names_the_packages(machine: Machine, apt: str | None) -> None:
    """No apt-get, or one that reaches nothing."""
    if apt is not None:
        machine.has("apt-get", apt)
    code, said = machine.sh("programs")
    assert code == 2
    assert f"apt-get install --no-install-recommends {' '.join(PACKAGES)}\n" in said


def test_a_program_that_does_not_run_is_unpacked_again(machine: Machine) -> None:
    """Half an unpacked file is not taken for a program."""
    half = machine.place / ".debs" / "root" / "usr" / "bin" / "prometheus"
    half.parent.mkdir(parents=True)
    half.write_text("")
    half.chmod(0o755)
    half.write_bytes(b"\x7fELF half")
    machine.has("apt-get", APT.replace("{lists}", ":"))
    machine.has("dpkg", DPKG)
    code, said = machine.sh("programs")
    assert code == 0
    assert "Unpacking prometheus " in said


FILLED = "programs() { :; }; fill_venv() { echo filled; mkdir -p .venv/bin; : >.venv/bin/rollout; chmod +x .venv/bin/rollout; }; environment"


def test_an_environment_that_fits_is_left_as_it_is(machine: Machine) -> None:
    """Filled once, and again after the lock, pyproject.toml or the folder changed."""
    assert machine.sh(FILLED) == (0, "filled\n")
    assert machine.sh(FILLED) == (0, "")
    for file in ("requirements.lock", "pyproject.toml"):
        (machine.place / file).write_text("changed")
        assert machine.sh(FILLED) == (0, "filled\n")
        assert machine.sh(FILLED) == (0, "")
    machine.place = machine.place.rename(machine.place.with_name("elsewhere"))
    assert machine.sh(FILLED) == (0, "filled\n")


def test_a_failed_installation_shows_its_end_and_is_tried_again(machine: Machine) -> None:
    """What pip says stays in a file; its last lines come out when it fails, and no stamp says that all is well."""
    filling = 'programs() { :; }; pip() { echo "no matching distribution"; return 1; }'
    code, said = machine.sh(f"{filling}; mkdir -p .venv/bin; echo '#!/bin/sh' >.venv/bin/python; chmod +x .venv/bin/python; environment")
    assert code == 2
    assert "no matching distribution" in said
    assert not (machine.place / ".venv" / "stamp").exists()
