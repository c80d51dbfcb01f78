"""`python -m rollout.load RESULT`: one level, in a process that does nothing else.

The order comes as the first line of standard input, which stays open: its end means stop at once, so a generator never outlives whoever started
it. RESULT is written when the level has ended, whatever ended it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from rollout.errors import RolloutError
from rollout.load.generator import Generator, make_room
from rollout.load.measured import Measured
from rollout.load.order import Order


async def level(order: Order, ordered_by: int) -> Measured:
    """Run the order until it ends or the descriptor that it came from is closed at its other end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if not os.read(ordered_by, 4096):
            loop.remove_reader(ordered_by)
            stop.set()

    loop.add_reader(ordered_by, heard)
    try:
        return await Generator(order).run(stop)
    finally:
        loop.remove_reader(ordered_by)


def main() -> int:
    """Exit code 0 with a result, 1 with a sentence on standard error."""
    result = Path(sys.argv[1])
    try:
        # read without a buffer: what comes after the line is the business of the loop
        order = Order.model_validate_json(_line(sys.stdin.fileno()))
        make_room(order)
    except (RolloutError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201 (a process of its own, whose log this is)
        return 1
    measured = asyncio.run(level(order, sys.stdin.fileno()))
    fresh = result.with_suffix(".tmp")
    fresh.write_text(measured.model_dump_json(), encoding="utf-8")
    fresh.replace(result)
    return 0


def _line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (part := os.read(descriptor, 65536)):
        line += part
    return line


if __name__ == "__main__":
    sys.exit(main())
