"""`rollout answer` on runs that ask and on runs that do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import StateDetails, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import State

from deployments import answer as module
from deployments.answer import answer
from rollout.audit import Answer
from rollout.errors import Refused


class Server:
    """One paused run, with or without a form; keeps what it was answered."""

    def __init__(self, *, asks: bool) -> None:
        keyset = {"response": "r", "schema": "s", "description": "d"} if asks else None
        self._state = State(type=StateType.PAUSED, state_details=StateDetails(run_input_keyset=keyset))
        self.given: list[object] = []

    def read_flow_run(self, _run: UUID) -> SimpleNamespace:
        """With its state."""
        return SimpleNamespace(state=self._state)

    def resume_flow_run(self, _run: UUID, run_input: object) -> SimpleNamespace:
        """Accepted whether anybody asked or not, as the real one does."""
        self.given.append(run_input)
        return SimpleNamespace(status=SetStateStatus.ACCEPT, details=None)


@pytest.mark.parametrize("asks", [True, False])
def test_an_answer_reaches_who_asks_and_is_not_thrown_away(monkeypatch: pytest.MonkeyPatch, asks: bool) -> None:
    """A run that the Suspend button stopped has no form: "roll back" would be dropped by the server and the rollout go on."""
    server = Server(asks=asks)

    @contextmanager
    def client_of(_api: str) -> Iterator[Server]:
        yield server

    monkeypatch.setattr(module, "client_of", client_of)
    if asks:
        answer(str(uuid4()), Answer.ROLL_BACK, "ann", "to be safe", "http://server.test/api")
        assert server.given == [{"decision": "roll back", "name": "ann", "reason": "to be safe"}]
        return
    with pytest.raises(Refused, match="suspended without a question"):
        answer(str(uuid4()), Answer.ROLL_BACK, "ann", "to be safe", "http://server.test/api")
    assert server.given == []
