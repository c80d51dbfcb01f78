"""A machine that is this machine: files and /proc, read directly (proc(5))."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import IO

from rollout.errors import ActFault, Unreachable
from rollout.transports.port import Finished, Invocation

LISTENING = "0A"
"""State column of /proc/net/tcp for a listening socket."""


class LocalTransport:
    """One machine of the fleet that shares this kernel, told apart by its address.

    address: the IPv4 address on which its agents listen; a wildcard listener counts for every address.
    """

    def __init__(self, address: str) -> None:
        self._addresses = {_hex_address(address), "00000000"}

    def files(self, folder: PurePath) -> tuple[PurePath, ...]:
        """The files of a folder, sorted; a file stands for itself."""
        path = Path(folder)
        return tuple(sorted(child for child in path.iterdir() if child.is_file())) if path.is_dir() else (path,)

    def read(self, file: PurePath) -> str:
        """A file's text."""
        return Path(file).read_text(encoding="utf-8")

    def replace(self, file: PurePath, text: str, *, private: bool = False) -> None:
        """See replace_file. Raises ActFault where it cannot be written, on a full disk for instance."""
        try:
            self.make_folder(file.parent)
            replace_file(Path(file), text, private=private)
        except OSError as error:
            raise ActFault(f"{file} cannot be written: {error.strerror or error}", ()) from error

    def remove(self, file: PurePath) -> None:
        """Unlink it."""
        Path(file).unlink(missing_ok=True)

    def make_folder(self, folder: PurePath) -> None:
        """With all its parents."""
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)

    def find(self, program: str, folder: PurePath) -> str:
        """As a shell would look it up, the folder last."""
        found = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{folder}")
        if found is None:
            raise ActFault(f"{program} is neither on PATH nor in {folder}", ())
        return found

    def run(self, command: Sequence[str], timeout: float) -> Finished:
        """As a child process without input."""
        try:
            ended = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"{command[0]} did not end within {timeout:.0f} s") from error
        return Finished(ended.returncode, f"{ended.stdout}{ended.stderr}".strip())

    def processes(self) -> Collection[int]:
        """What /proc lists: all processes of this kernel, whatever address they listen on."""
        return [int(name) for name in _names("/proc") if name.isdigit()]

    def environment(self, pid: int) -> Mapping[str, str] | None:
        """The process's environment block as it was at exec; None also for one that is not there yet or not any more (exec, zombie).

        An empty block would prove every key absent.
        """
        try:
            block = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return None
        if not block:
            return None
        pairs = (entry.partition(b"=") for entry in block.split(b"\0") if entry)
        return {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs}

    def started(self, pid: int) -> float | None:
        """Boot time plus the process's start in clock ticks; exact to about 10 ms."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return None
        ticks = int(stat.rpartition(")")[2].split()[19])
        return _boot_time() + ticks / os.sysconf("SC_CLK_TCK")

    def listeners(self) -> Mapping[int, int]:
        """Sockets in state LISTEN on this machine's address, joined with the processes that hold them."""
        return _owners(dict(self._listening_inodes()), self.processes())

    def holders(self, ports: Collection[int], likely: Iterable[int]) -> Mapping[int, int]:
        """A few processes are read in a millisecond, all of a machine in thirty."""
        inodes = {inode: port for inode, port in self._listening_inodes() if port in ports}
        found = _owners(inodes, likely)
        if left := {inode: port for inode, port in inodes.items() if port not in found}:
            return found | _owners(left, self.processes())
        return found

    def end(self, pid: int) -> None:
        """SIGKILL: an orphan has nobody left who would wait for its farewell."""
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def invocation(self, pid: int) -> Invocation | None:
        """What /proc says of its exec: cmdline, environ and the folder that it works in."""
        environment = self.environment(pid)
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
            folder = PurePath(os.readlink(f"/proc/{pid}/cwd"))  # noqa: PTH115 (as above)
        except OSError:
            return None
        if environment is None or not arguments:
            return None
        return Invocation(tuple(os.fsdecode(argument) for argument in arguments), environment, folder)

    def free_ports(self, count: int) -> tuple[int, ...]:
        """As the kernel hands them out; held together until all are known, so that none comes twice."""
        sockets = [socket.socket() for _ in range(count)]
        try:
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            return tuple(each.getsockname()[1] for each in sockets)
        finally:
            for each in sockets:
                each.close()

    def spawn(self, invocation: Invocation) -> LocalChild:
        """A child of this process in a process group of its own, so that a signal to ours does not meet it half-started."""
        written = tempfile.TemporaryFile()  # noqa: SIM115 (the child's life is longer than this call)
        try:
            process = subprocess.Popen(
                invocation.arguments,
                env=dict(invocation.environment),
                cwd=invocation.folder,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                process_group=0,
            )
        except OSError as error:
            written.close()
            raise ActFault(f"a shadow cannot be started: {error}", ()) from error
        return LocalChild(process, written)

    def _listening_inodes(self) -> Iterator[tuple[int, int]]:
        """The kernel lists listening sockets first (networking/proc_net_tcp.rst), and a busy machine has thousands of others."""
        with Path("/proc/net/tcp").open(encoding="ascii") as table:
            next(table)
            for line in table:
                columns = line.split(maxsplit=10)
                if columns[3] != LISTENING:
                    return
                address, _, port = columns[1].partition(":")
                if address in self._addresses:
                    yield int(columns[9]), int(port, 16)


class LocalChild:
    """A child of this process. written: the file that takes its output."""

    def __init__(self, process: subprocess.Popen[bytes], written: IO[bytes]) -> None:
        self._process = process
        self._written = written

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def resident(self) -> int | None:
        """The second figure of statm, in pages."""
        try:
            return int(Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return None

    def ended(self) -> bool:
        """As wait(2) tells it."""
        return self._process.poll() is not None

    def said(self) -> str:
        """Output and errors as they came; the child's own place in the file stays where it is."""
        return os.pread(self._written.fileno(), os.fstat(self._written.fileno()).st_size, 0).decode(errors="replace")

    def end(self) -> None:
        """SIGKILL by pid: nothing that a shadow holds has to be saved."""
        self._process.kill()
        self._process.wait()
        self._written.close()


def replace_file(target: Path, text: str, *, private: bool = False) -> None:
    """Written aside, synced and renamed; the new file keeps owner and mode of the old one. private: one that is new is its owner's alone."""
    aside = target.with_name(f".{target.name}.new")
    before = target.stat() if target.exists() else None
    with aside.open("w", encoding="utf-8") as stream:
        if before is not None:
            os.fchmod(stream.fileno(), before.st_mode)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(stream.fileno(), before.st_uid, before.st_gid)
        elif private:
            os.fchmod(stream.fileno(), 0o600)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(target)


def _owners(inodes: Mapping[int, int], processes: Iterable[int]) -> dict[int, int]:
    """Which of the processes holds each port. inodes: of the listening sockets, with their ports."""
    owners: dict[int, int] = {}
    for pid in processes:
        for descriptor in _names(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{descriptor}")  # noqa: PTH115 (a Path per descriptor triples the time)
            except OSError:
                continue  # closed while we looked, as busy servers do all the time; its other sockets count
            if link.startswith("socket:[") and (inode := int(link[8:-1])) in inodes:
                # of a parent and the children that inherited its socket the oldest counts
                owners[inodes[inode]] = min(pid, owners.get(inodes[inode], pid))
    return owners


def _names(folder: str) -> list[str]:
    """What a folder holds; nothing when its process ended while we looked or belongs to somebody else."""
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


def _hex_address(address: str) -> str:
    """An IPv4 address as /proc/net/tcp writes it: hexadecimal, in host byte order."""
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))


def _boot_time() -> float:
    """Unix seconds at boot; the btime of /proc/stat is rounded to a second, too coarse to order a restart."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
