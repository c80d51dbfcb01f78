"""Has a __getattr__ of its own."""

import heavy


def __getattr__(name):
    if name == "made":
        return heavy.VALUE
    raise AttributeError(name)
