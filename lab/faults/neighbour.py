"""A stranger on a machine: eats one core until its order is gone from the fault file."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from lab.faults.kinds import Fault, read_orders


def main() -> None:
    """`python -m lab.faults.neighbour MACHINE`, with LAB_FAULTS in the environment."""
    machine, file = sys.argv[1], Path(os.environ["LAB_FAULTS"])
    while any(order.fault is Fault.NOISY_NEIGHBOUR and machine in order.machines for order in read_orders(file)):
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            pass


if __name__ == "__main__":
    main()
