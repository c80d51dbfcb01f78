"""Stands for something heavy that others have written."""

import ledger

VALUE = 7
__all__ = ["VALUE", "Thing", "Trouble", "double", "wrap"]
ledger.ENTRIES.append("heavy")


class Thing:
    __match_args__ = ("size",)

    def __init__(self, size=1):
        self.size = size


class Trouble(Exception):
    pass


def double(x):
    return 2 * x


def wrap(function):
    return lambda *arguments: ("wrapped", function(*arguments))
