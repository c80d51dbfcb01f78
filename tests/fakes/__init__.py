"""Fakes at the ports: a clock that jumps, a machine in memory, a source that answers what it is told."""
