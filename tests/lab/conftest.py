"""A lab of six of the tests' own: other addresses and another folder than the one a person may have up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.world_of_six import FLEETS, Six


def place(folder: Path, network: int) -> Path:
    """fleets/lab-six.yaml and its fleet in a folder of their own, with both machines on other loopback addresses."""
    fleets = folder / "fleets"
    fleets.mkdir()
    (fleets / "six.yaml").write_text((FLEETS / "six.yaml").read_text())
    text = (FLEETS / "lab-six.yaml").read_text().replace("127.0.11.", f"127.1.{network}.").replace("127.0.21.", f"127.2.{network}.")
    (fleets / "lab-six.yaml").write_text(text)
    return fleets / "lab-six.yaml"


@pytest.fixture
def site_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of six that nobody has started; the folder's name is short, since a socket's path has a limit."""
    return place(tmp_path_factory.mktemp("s"), 1 + os.getpid() % 120)


@pytest.fixture(scope="session")
def six(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Six]:
    """A lab of six that is up; at the end it must leave nothing behind."""
    lab = Six(place(tmp_path_factory.mktemp("s"), 128 + os.getpid() % 120))
    started = lab.run("up")
    assert started.returncode == 0, started.stderr
    yield lab
    ended = lab.run("down")
    assert ended.returncode == 0, ended.stderr
    assert not lab.processes()
