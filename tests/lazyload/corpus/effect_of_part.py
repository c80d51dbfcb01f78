"""A part that is never used is there for its effect, though its package is used."""

import pack
import pack.plugin


def use():
    return pack.NAME


print(use())

# waits:
# prints: pack with plugin
