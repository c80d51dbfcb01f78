"""An import that is never used is there for its effect."""

import effect
import ledger

print(ledger.ENTRIES)

# waits:
# prints: ['effect']
