"""Suites and the only code that runs Great Expectations; importing this does not import it."""

from expectations.gate import lint, validate

__all__ = ["lint", "validate"]
