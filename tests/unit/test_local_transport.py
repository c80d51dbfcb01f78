"""This machine's files and processes, read from the kernel."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rollout.errors import ActFault
from rollout.transports.local import LocalTransport

HERE, ELSEWHERE = "127.0.0.1", "127.0.99.1"


@pytest.fixture
def transport() -> LocalTransport:
    """The machine at 127.0.0.1."""
    return LocalTransport(HERE)


def test_a_replaced_file_keeps_its_mode(transport: LocalTransport, tmp_path: Path) -> None:
    """A file of secrets stays a file of secrets."""
    file = tmp_path / "agent.conf"
    file.write_text("before", encoding="utf-8")
    file.chmod(0o640)
    transport.replace(file, "after")
    assert transport.read(file) == "after"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_refuses_the_act_and_keeps_the_file(transport: LocalTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the file's name and the reason: one machine's disk is that machine's fault, not the end of the run."""
    file = tmp_path / "agent.conf"
    file.write_text("before", encoding="utf-8")

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("rollout.transports.local.os.fsync", refuse)
    with pytest.raises(ActFault, match=r"agent\.conf cannot be written: No space left on device"):
        transport.replace(file, "after")
    assert file.read_text(encoding="utf-8") == "before"


def test_a_file_that_cannot_be_written_stays_whole(transport: LocalTransport, tmp_path: Path) -> None:
    """A text that fails half way (here: no valid UTF-8) never replaces the old one."""
    file = tmp_path / "agent.conf"
    file.write_text("before", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        transport.replace(file, "half\udc80")
    assert transport.read(file) == "before"


def test_a_folder_gives_its_files_and_a_file_itself(transport: LocalTransport, tmp_path: Path) -> None:
    """Sorted by name, without what lies deeper."""
    for name in ("b.conf", "a.conf"):
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    assert [file.name for file in transport.files(tmp_path)] == ["a.conf", "b.conf"]
    assert transport.files(tmp_path / "a.conf") == (tmp_path / "a.conf",)


def test_a_listening_port_belongs_to_its_process(transport: LocalTransport) -> None:
    """Only sockets that listen, and only on this machine's address or on all."""
    with socket.create_server((HERE, 0)) as ours, socket.create_server((ELSEWHERE, 0)) as other, socket.create_server(("0.0.0.0", 0)) as everywhere:  # noqa: S104
        mine, foreign, all_addresses = (each.getsockname()[1] for each in (ours, other, everywhere))
        with socket.create_connection((HERE, mine)) as caller:
            listeners = transport.listeners()
            assert listeners[mine] == os.getpid()
            assert listeners[all_addresses] == os.getpid()
            assert foreign not in listeners
            assert transport.holders({mine, foreign, 1}, [os.getpid()]) == {mine: os.getpid()}
            assert caller.getsockname()[1] not in listeners
    assert mine not in transport.listeners()


def test_a_process_is_known_by_its_environment_and_its_start(transport: LocalTransport) -> None:
    """As it was started, not as it is now; and when, to a tenth of a second."""
    began = time.time()
    with subprocess.Popen([sys.executable, "-c", "input()"], env={"FLAG": "a=b", "EMPTY": ""}, stdin=subprocess.PIPE) as child:
        patience = time.monotonic() + 5
        while (environment := transport.environment(child.pid)) is None and time.monotonic() < patience:
            time.sleep(0.01)
        started = transport.started(child.pid)
        transport.end(child.pid)
        assert child.wait(5) == -signal.SIGKILL
    assert environment is not None
    assert environment["FLAG"] == "a=b"
    assert environment["EMPTY"] == ""
    assert started is not None
    assert abs(started - began) < 0.5


def test_a_process_that_ended_and_was_not_collected_has_no_environment(transport: LocalTransport) -> None:
    """Its empty block would otherwise say that our key is absent: a rollback that never happened would look done."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        transport.end(child.pid)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert transport.environment(child.pid) is None


def test_a_process_that_is_gone_is_nobody(transport: LocalTransport) -> None:
    """Asking for it or ending it again is no error."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait(5)
    assert transport.environment(child.pid) is None
    assert transport.started(child.pid) is None
    transport.end(child.pid)


def test_a_descriptor_that_closes_meanwhile_hides_no_other(transport: LocalTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy server closes connections all the time; its listening socket is still its own."""
    real = os.readlink
    with socket.create_server((HERE, 0)) as server:
        ours = real(f"/proc/self/fd/{server.fileno()}")

        def closing(path: str) -> str:
            link = real(path)
            if link != ours:
                raise FileNotFoundError(path)
            return link

        monkeypatch.setattr(os, "readlink", closing)
        assert transport.listeners()[server.getsockname()[1]] == os.getpid()


def test_whoever_holds_a_port_is_found_even_where_nobody_expects_it(transport: LocalTransport) -> None:
    """An orphan on the port of a supervised process is named by its pid; the expected holder is found without looking at everybody."""
    with socket.create_server((HERE, 0)) as server:
        port = server.getsockname()[1]
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
            assert transport.holders({port}, [bystander.pid]) == {port: os.getpid()}
            bystander.kill()


def test_the_expected_holder_is_found_without_looking_at_everybody(transport: LocalTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at twenty agents five times a second must not read all processes of the machine."""
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: pytest.fail("looked at everybody") if folder == "/proc" else real(folder))
    with socket.create_server((HERE, 0)) as server:
        port = server.getsockname()[1]
        assert transport.holders({port}, [os.getpid()]) == {port: os.getpid()}
        assert transport.holders({1}, [os.getpid()]) == {}
