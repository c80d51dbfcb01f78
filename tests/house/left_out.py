"""A pytest plugin for ./test: says before the closing line which tests this ring left out, and which command runs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

RUN_BY = {"full": "./test full", "lab": "./test"}
"""By marker, the narrowest ring that runs it; a test with both needs the wider one, which comes first."""


def ring_of(item: pytest.Item) -> str:
    """The command that runs the test; one without a ring's marker was left out by whoever called pytest by hand."""
    return next((command for marker, command in RUN_BY.items() if item.get_closest_marker(marker)), "another selection")


class LeftOut:
    """Counts deselected tests by file and ring."""

    def __init__(self) -> None:
        self.tests: Counter[tuple[str, str]] = Counter()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Called by pytest with what a selection leaves out."""
        self.tests.update((item.nodeid.partition("::")[0], ring_of(item)) for item in items)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Called by pytest before its closing line."""
        if self.tests:
            terminalreporter.section("left out of this ring", sep="=")
        for (file, command), count in sorted(self.tests.items()):
            terminalreporter.line(f"{file}: {count}, which {command} runs")


def pytest_configure(config: pytest.Config) -> None:
    """Called by pytest when it loads the plugin."""
    config.pluginmanager.register(LeftOut())
