"""Imports left, which imports it."""

import time

time.sleep(0.05)
from circle import left

time.sleep(0.05)
VALUE = "right"


def both():
    return left.VALUE, VALUE
