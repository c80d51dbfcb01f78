"""Tests of the report as a page, of its verification, and of the commands that read reports."""
