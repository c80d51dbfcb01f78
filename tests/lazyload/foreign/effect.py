"""Good for nothing but its effect."""

import ledger

ledger.ENTRIES.append("effect")
