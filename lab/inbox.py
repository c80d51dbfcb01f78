"""Who is told in the lab: takes webhooks and e-mails as an operator's desk would, and keeps each as one JSON line. Answers GET with all of them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any


class Inbox:
    """The messages, in a file so that they can be read after the lab is down."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def keep(self, message: dict[str, Any]) -> None:
        """Add one; at: Unix seconds of its arrival."""
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"at": time.time(), **message}) + "\n")

    def all(self) -> bytes:
        """Everything so far, a line each."""
        return self._file.read_bytes() if self._file.exists() else b""

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of webhooks: POST keeps path and body, GET shows."""
        try:
            while head := await _head(reader):
                length = next((int(line.partition(":")[2]) for line in head[1:] if line.lower().startswith("content-length:")), 0)
                body = await reader.readexactly(length)
                method, path = head[0].split()[:2]
                if method == "POST":
                    self.keep({"to": path, "webhook": json.loads(body)})
                answer = self.all() if method == "GET" else b"{}"
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a client that goes away in the middle of a message has sent none
        finally:
            writer.close()

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session of RFC 5321, as much of it as one client needs that wants neither TLS nor a login."""
        sender, recipients = "", list[str]()
        writer.write(b"220 lab\r\n")
        try:
            while line := (await reader.readline()).decode().strip():
                verb = line.upper()
                if verb.startswith("DATA"):
                    writer.write(b"354 go on\r\n")
                    text = (await reader.readuntil(b"\r\n.\r\n")).decode(errors="replace")
                    self.keep({"to": ", ".join(recipients), "from": sender, "mail": text})
                elif verb.startswith("MAIL FROM:"):
                    sender, recipients = line.partition(":")[2].strip("<> ").partition(">")[0], []
                elif verb.startswith("RCPT TO:"):
                    recipients.append(line.partition(":")[2].strip("<> "))
                writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 fine\r\n")
                await writer.drain()
                if verb == "QUIT":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> list[str]:
    """The request line and the headers; nothing when the client has gone."""
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    except asyncio.IncompleteReadError:
        return []


async def run(file: Path, address: str, web: int, mail: int) -> None:
    """Listens until the process ends."""
    inbox = Inbox(file)
    servers = [await asyncio.start_server(inbox.http, address, web), await asyncio.start_server(inbox.smtp, address, mail)]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    """Reads INBOX_FILE, INBOX_ADDRESS, INBOX_WEB and INBOX_MAIL (ports) from the environment."""
    env = os.environ
    asyncio.run(run(Path(env["INBOX_FILE"]), env["INBOX_ADDRESS"], int(env["INBOX_WEB"]), int(env["INBOX_MAIL"])))


if __name__ == "__main__":
    main()
