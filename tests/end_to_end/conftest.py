"""One Prefect server and one lab of six for the whole session, the lab of 77 for whom it asks; each test starts from a fleet without metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.end_to_end.commands import ROOT, Commands, rollout
from tests.end_to_end.place import Place
from tests.ports import unused_port


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The user's commands against a Prefect server of the session's own; nothing of either is left."""
    state = tmp_path_factory.mktemp("p")  # short, since a socket's path has a limit
    started = rollout("server", "up", "--state", str(state), "--port", str(unused_port()))
    assert started.code == 0, started.output
    address = re.findall(r"http://[\d.]+:\d+", started.output)[0]
    commands = Commands(f"{address}/api", state)
    commands.automations(on=False)  # the tests that settle by hand are not to be overtaken
    yield commands
    ended = rollout("server", "down", "--state", str(state), "--force")
    assert ended.code == 0, ended.output


@pytest.fixture(scope="session")
def lab_of_six(commands: Commands) -> Iterator[Place]:
    """The checkout's own lab of six, which nobody else may have up."""
    yield from _up(Place(ROOT / "fleets" / "lab-six.yaml"), commands)


@pytest.fixture
def six(lab_of_six: Place, commands: Commands) -> Iterator[Place]:
    """Six agents without metrics, no fault, no run unsettled; no run at work afterwards."""
    yield _made_clean(lab_of_six, commands)
    commands.stop_runs()


@pytest.fixture(scope="module")
def clean_six(lab_of_six: Place, commands: Commands) -> Place:
    """The same once for a whole file, whose tests then look at what it did."""
    return _made_clean(lab_of_six, commands)


@pytest.fixture(scope="module")
def three(commands: Commands) -> Iterator[Place]:
    """The checkout's own lab of three, which nobody else may have up."""
    yield from _up(Place(ROOT / "fleets" / "lab-three.yaml"), commands)


@pytest.fixture(scope="module")
def lab_of_pair(commands: Commands) -> Iterator[Place]:
    """The checkout's own lab of six whose second hub day 2 brings, which nobody else may have up."""
    yield from _up(Place(ROOT / "fleets" / "lab-pair.yaml"), commands)


@pytest.fixture(scope="module")
def fleet_of_77(commands: Commands) -> Iterator[Place]:
    """The checkout's own lab of 77, which nobody else may have up."""
    yield from _up(Place(ROOT / "fleets" / "lab.yaml"), commands)


def _made_clean(place: Place, commands: Commands) -> Place:
    place.fault("clear")
    commands.settle_leftovers(place)  # before the lab is built anew, since a rollback is verified against the agents' own settings
    if not place.clean():
        place.lab("down")
        place.lab("up")
    return place


def _up(place: Place, commands: Commands) -> Iterator[Place]:
    place.lab("up")
    try:
        commands.settle_leftovers(place)
        yield place
    finally:
        commands.stop_runs()
        place.lab("down")
    assert not place.processes()
