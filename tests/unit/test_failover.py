"""When a watchdog takes over and when it gives back: a pure machine over checks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.errors import InputError
from rollout.failover import CALM, LONGEST, Act, Answer, Observation, Settings, Standing, Watch, step

FAST = Settings(fall=3, rise=5)
READY, FAILED, REFUSED = Answer.READY, Answer.FAILED, Answer.REFUSED
Checks = list[Observation]


def see(peer: Answer, hub: Answer = READY, scraping: bool = True) -> Observation:
    """One check."""
    return Observation(hub, peer, scraping)


def run(watch: Watch, checks: Checks, rule: Settings = FAST) -> tuple[Watch, list[Act]]:
    """The state after these checks, and each one's act."""
    acts = []
    for seen in checks:
        watch, act = step(watch, seen, rule)
        acts.append(act)
    return watch, acts


@pytest.mark.parametrize(
    ("watch", "seen", "act", "standing"),
    [
        (Watch(), see(READY), Act.STAND_BY, Standing.WATCHING),
        (Watch(), see(FAILED), Act.STAND_BY, Standing.SUSPECTING),
        (Watch(failed=1), see(FAILED), Act.STAND_BY, Standing.SUSPECTING),
        (Watch(failed=2), see(FAILED), Act.TAKE_OVER, Standing.TAKEN_OVER),
        (Watch(failed=2), see(READY), Act.STAND_BY, Standing.WATCHING),
        (Watch(failed=2), see(REFUSED), Act.STAND_BY, Standing.WATCHING),
        (Watch(failed=2), see(FAILED, hub=FAILED), Act.STAND_BY, Standing.HUB_DOWN),
        (Watch(failed=9, hub_up=False), see(FAILED), Act.TAKE_OVER, Standing.TAKEN_OVER),
        (Watch(failed=2), see(FAILED, hub=REFUSED), Act.TAKE_OVER, Standing.TAKEN_OVER),
        (Watch(), see(READY, hub=FAILED), Act.STAND_BY, Standing.HUB_DOWN),
        (Watch(taken=True), see(FAILED), Act.HOLD, Standing.TAKEN_OVER),
        (Watch(taken=True), see(READY), Act.HOLD, Standing.RETURNING),
        (Watch(taken=True, answered=4), see(READY), Act.HAND_BACK, Standing.WATCHING),
        (Watch(taken=True, answered=4), see(READY, scraping=False), Act.HOLD, Standing.RETURNING),
        (Watch(taken=True, answered=50), see(READY), Act.HAND_BACK, Standing.WATCHING),
        (Watch(taken=True, answered=4), see(FAILED), Act.HOLD, Standing.TAKEN_OVER),
        (Watch(taken=True, answered=4), see(REFUSED), Act.HOLD, Standing.TAKEN_OVER),
        (Watch(taken=True, answered=4, setbacks=1), see(READY), Act.HOLD, Standing.RETURNING),
        (Watch(taken=True, answered=9, setbacks=1), see(READY), Act.HAND_BACK, Standing.WATCHING),
        (Watch(taken=True, answered=4), see(READY, hub=FAILED), Act.HAND_BACK, Standing.HUB_DOWN),
        (Watch(taken=True), see(FAILED, hub=FAILED), Act.HOLD, Standing.HUB_DOWN),
    ],
)
def test_each_transition(watch: Watch, seen: Observation, act: Act, standing: Standing) -> None:
    """From each state, what one check leads to."""
    after, acted = step(watch, seen, FAST)
    assert (acted, after.standing) == (act, standing)
    assert after.taken is (act in {Act.TAKE_OVER, Act.HOLD})


@pytest.mark.parametrize(("fall", "rise"), [(3, 3), (3, 2), (0, 5)])
def test_settings_that_would_flap_are_refused(fall: int, rise: int) -> None:
    """A peer is never trusted faster than it is doubted, and never declared dead unasked."""
    with pytest.raises(InputError):
        Settings(fall, rise)


def test_each_early_setback_doubles_the_wait_up_to_a_bound() -> None:
    """A peer that dies right after each hand-back waits 5, 10, 20 ... ready checks, never more than 64 times 5."""
    watch, waits = Watch(), []
    for _ in range(9):
        watch, _ = run(watch, [see(FAILED)] * FAST.fall)
        ready = 0
        while watch.taken:
            watch, _ = step(watch, see(READY), FAST)
            ready += 1
        waits.append(ready)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 320, 320]
    assert max(waits) == FAST.rise * LONGEST


def test_a_peer_that_stays_well_long_enough_is_trusted_again() -> None:
    """After CALM times the wait without a takeover its next outage starts with the shortest wait."""
    watch = Watch(taken=True, setbacks=2)
    watch, acts = run(watch, [see(READY)] * (20 + CALM * 20))
    assert acts.count(Act.HAND_BACK) == 1
    assert (watch.setbacks, watch.wait(FAST)) == (0, FAST.rise)


MANY = settings(max_examples=60, deadline=None)
answers = st.sampled_from(Answer)
observations = st.builds(Observation, hub=answers, peer=answers, scraping=st.booleans())
# Long rows of the same answer, as real outages are: single draws would hardly ever take over.
rows = st.tuples(observations, st.integers(1, 30)).map(lambda drawn: [drawn[0]] * drawn[1])
histories = st.lists(rows, max_size=12).map(lambda drawn: [seen for row in drawn for seen in row])
rules = st.integers(1, 4).flatmap(lambda fall: st.builds(Settings, fall=st.just(fall), rise=st.integers(fall + 1, fall + 6)))


@MANY
@given(checks=histories, rule=rules)
def test_acts_follow_their_evidence_whatever_happens(checks: Checks, rule: Settings) -> None:
    """Takeover and hand-back alternate, each needs its whole row of like answers right before it, and no takeover is without an own hub."""
    watch, acts = run(Watch(), checks, rule)
    turns = [(index, act) for index, act in enumerate(acts) if act in {Act.TAKE_OVER, Act.HAND_BACK}]
    assert [act for _, act in turns] == [Act.TAKE_OVER, Act.HAND_BACK] * (len(turns) // 2) + [Act.TAKE_OVER] * (len(turns) % 2)
    for index, act in turns:
        needed = rule.fall if act is Act.TAKE_OVER else rule.rise
        row = [seen.peer for seen in checks[index + 1 - needed : index + 1]]
        assert row == [FAILED if act is Act.TAKE_OVER else READY] * needed
        assert checks[index].scraping or act is Act.TAKE_OVER
        assert checks[index].hub is not FAILED or act is Act.HAND_BACK
    assert watch.taken is (len(turns) % 2 == 1)


@MANY
@given(checks=histories, rule=rules)
def test_it_never_flaps_faster_than_the_rule(checks: Checks, rule: Settings) -> None:
    """Between a takeover and its hand-back lie at least `rise` checks, and one more doubling for each hand-back that the peer did not outlive."""
    _, acts = run(Watch(), checks, rule)
    wait, taken_at, back_at = rule.rise, None, None
    for index, act in enumerate(acts):
        if act is Act.TAKE_OVER:
            early = back_at is not None and index - back_at < CALM * wait
            wait = min(wait * 2, rule.rise * LONGEST) if early else rule.rise
            taken_at = index
        elif act is Act.HAND_BACK:
            assert taken_at is not None
            assert index - taken_at >= wait
            back_at = index


@MANY
@given(outage=st.lists(st.sampled_from([FAILED, REFUSED]), max_size=40), hubs=st.data())
def test_one_outage_is_one_takeover(outage: list[Answer], hubs: st.DataObject) -> None:
    """As long as the peer is not ready nothing is given back, so nothing is taken over twice, whatever the own hub does meanwhile."""
    checks = [see(peer, hub=hubs.draw(answers)) for peer in outage]
    _, acts = run(Watch(), checks)
    assert acts.count(Act.TAKE_OVER) <= 1
    assert Act.HAND_BACK not in acts


@MANY
@given(checks=histories, rule=rules)
def test_due_says_when_the_peer_must_be_asked(checks: Checks, rule: Settings) -> None:
    """No hand-back comes at a check at which `due` did not ask whether the peer scrapes."""
    watch = Watch()
    for seen in checks:
        due = watch.due(rule)
        watch, act = step(watch, seen, rule)
        assert act is not Act.HAND_BACK or due
