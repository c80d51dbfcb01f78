"""Where the others note that they were imported."""

ENTRIES = []
