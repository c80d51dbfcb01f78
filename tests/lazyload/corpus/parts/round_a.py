"""Imports round_b, which imports it."""

import heavy
from parts import round_b


def value():
    return heavy.VALUE + round_b.plus()
