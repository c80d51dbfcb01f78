"""Tests of the launcher, on every interpreter that is at hand."""
