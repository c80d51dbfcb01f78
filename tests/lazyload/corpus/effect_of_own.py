"""Own modules run where they are imported, used or not."""

import ledger
from parts import registrar


def use():
    return registrar.name()


print(ledger.ENTRIES)

# waits:
# prints: ['registrar']
