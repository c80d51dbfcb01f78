"""Acting under a ledger, on a fleet in memory."""
