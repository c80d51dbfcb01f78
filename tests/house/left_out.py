"""A pytest plugin for ./test: says before the closing line which tests this ring left out, and which command runs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

RUN_BY = {"full": "./test full", "lab": "./test", "slow": "./test"}
"""By marker, the narrowest ring that runs it; a test with two needs the wider one, which comes first. The unmarked are in every ring."""
OUTPUT = "left_out"
"""Where a worker process of pytest-xdist puts its counts for the one that prints."""


class LeftOut:
    """Counts deselected tests by file and ring."""

    def __init__(self) -> None:
        self.tests: Counter[tuple[str, str]] = Counter()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Called by pytest with what a selection leaves out."""
        for item in items:
            ring = next((command for marker, command in RUN_BY.items() if item.get_closest_marker(marker)), None)
            if ring is not None:
                self.tests[item.nodeid.partition("::")[0], ring] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Called by pytest at the end; a worker hands its counts over."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[OUTPUT] = [[file, ring, count] for (file, ring), count in self.tests.items()]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Called by pytest-xdist when a worker has ended; every worker selects from all tests, so one says it for all."""
        self.tests = Counter({(file, ring): count for file, ring, count in getattr(node, "workeroutput", {}).get(OUTPUT, [])})

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Called by pytest before its closing line."""
        if self.tests:
            terminalreporter.section("left out of this ring", sep="=")
        for (file, command), count in sorted(self.tests.items()):
            terminalreporter.line(f"{file}: {count}, which {command} runs")


def pytest_configure(config: pytest.Config) -> None:
    """Called by pytest when it loads the plugin."""
    config.pluginmanager.register(LeftOut())
