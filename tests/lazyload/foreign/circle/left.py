"""Imports right, which imports it."""

import time

time.sleep(0.05)
from circle import right

time.sleep(0.05)
VALUE = "left"


def both():
    return VALUE, right.VALUE
