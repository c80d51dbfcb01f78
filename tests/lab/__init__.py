"""Tests of the lab, on its own addresses so that a lab in use is left alone."""
