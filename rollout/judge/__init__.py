"""Statistics that say whether a change made anything worse; pure: no I/O, no clock (design: judge.md)."""
