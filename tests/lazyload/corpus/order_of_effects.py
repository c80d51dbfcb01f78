"""An own module's effects come in the order of its imports."""

import ledger
from parts import registrar
import effect

print(ledger.ENTRIES)


def use():
    return registrar

# waits:
# prints: ['registrar', 'effect']
