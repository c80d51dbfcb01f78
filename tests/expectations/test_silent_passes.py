"""The six ways in which Great Expectations passes without judging, and the rules of our own: each closed, each shown."""

from __future__ import annotations

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest
from known_good import AGENTS, BOUNDS, EVIDENCE, METRICS, good_frame

from expectations import engine, validate
from expectations.gate import lint
from expectations.suite import SUITES, read_suite
from rollout.errors import InputError
from rollout.verdict import Verdict, worst


def judged(suite, frame, bounds=BOUNDS, agents=AGENTS, **more):
    """The findings of a frame by their check."""
    return {finding.check: finding for finding in validate(suite, frame, bounds, EVIDENCE, agents=agents, metrics=METRICS, **more)}


@pytest.fixture
def write(tmp_path):
    """Writes a suite `own` with one check of the column `value`, changed as a test likes, and returns its folder."""

    def written(check=None, **changes):
        whole = {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "value", "max_value": 5},
            "meta": {"id": "own.value", "sentence": "Every value is at most five"},
            "severity": "critical",
        }
        meta = {"rows": "one per agent", "columns": {"agent": "text", "value": "number"}}
        suite = {"name": "own", "meta": meta, "expectations": [{**whole, **(check or {})}], **changes}
        (tmp_path / "own.json").write_text(json.dumps(suite), encoding="utf-8")
        return tmp_path

    return written


def values(*numbers):
    """A frame for the suite `own`."""
    return pd.DataFrame({"agent": AGENTS[: len(numbers)], "value": numbers})


# 1. one frame at a time


def test_gates_in_threads_judge_their_own_frames():
    """Eight threads, each with its own broken agent: every gate names that agent and nobody else."""

    def gate(number):
        frame = good_frame("batch_health")
        frame.loc[number % len(AGENTS), "restarts"] = number
        return judged("batch_health", frame)["batch_health.restarts"].agents

    with ThreadPoolExecutor(8) as threads:
        named = list(threads.map(gate, range(1, 13)))
    assert named == [(AGENTS[number % len(AGENTS)],) for number in range(1, 13)]


def test_great_expectations_never_runs_twice_at_once(monkeypatch):
    """While one gate is inside Great Expectations no other enters, and each has a context of its own."""
    inside, most, contexts = threading.Semaphore(0), [], []
    fresh = engine._fresh_context

    def watched():
        inside.release()
        threading.Event().wait(0.02)
        most.append(inside._value)
        contexts.append(fresh())
        inside.acquire()
        return contexts[-1]

    monkeypatch.setattr(engine, "_fresh_context", watched)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: judged("collection_time", good_frame("collection_time")), range(4)))
    assert most == [1, 1, 1, 1]
    assert len({id(context) for context in contexts}) == 4


# 2. bounds


@pytest.mark.parametrize("bound", [math.nan, math.inf, -math.inf, None])
def test_a_bound_that_bounds_nothing_is_an_error(bound):
    """NaN, infinite or absent: that check alone is ERROR whatever the frame holds, and says which bound it lacks."""
    bounds = {name: value for name, value in BOUNDS.items() if name != "min_families"} | ({} if bound is None else {"min_families": bound})
    findings = judged("activation", good_frame("activation"), bounds)
    assert findings["activation.families"].verdict is Verdict.ERROR
    assert "min_families" in findings["activation.families"].sentence
    assert findings["activation.metrics"].verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["limit * 2", "limit+0", "now()", "Limit", "$limit", "2", "", "limit ", "e", "pi", None, 5, ["limit"]])
def test_parameters_are_plain_names(write, name):
    """Arithmetic, functions and anything else than a plain name is refused before a frame is seen."""
    with pytest.raises(InputError, match=r"own\.json: expectations\.0\.kwargs: max_value must be a finite number or"):
        judged("own", values(1.0), suites=write({"kwargs": {"column": "value", "max_value": {"$PARAMETER": name}}}))


def test_the_bound_that_was_used_is_read_back(monkeypatch):
    """If Great Expectations judged by another bound than the plan's, the check is ERROR."""
    outcome = engine._outcome
    monkeypatch.setattr(engine, "_outcome", lambda result: replace(outcome(result), kwargs={"max_value": 9e9}))
    finding = judged("collection_time", good_frame("collection_time"))["collection_time.total"]
    assert finding.verdict is Verdict.ERROR
    assert "max_collection_seconds" in finding.sentence


@pytest.mark.parametrize("name", ["now", "exp", "round", "e1", "pi_2"])
def test_a_name_that_is_also_a_function_still_bounds(write, name):
    """Plain names that look like arithmetic bound by the plan's number."""
    folder = write({"kwargs": {"column": "value", "max_value": {"$PARAMETER": name}}})
    findings = judged("own", values(2.0, 1.0), {name: 1.5}, AGENTS[:2], suites=folder)
    assert findings["own.value"].verdict is Verdict.FAIL
    assert findings["own.value"].agents == AGENTS[:1]


def test_a_fault_of_great_expectations_is_an_error_of_every_check(monkeypatch):
    """If it gives up on a whole suite, every check is ERROR with its reason; nothing is raised."""
    monkeypatch.setattr("expectations.gate.obstacle", lambda check, case: "")
    findings = judged("collection_time", good_frame("collection_time"), {})
    assert findings["collection_time.total"].verdict is Verdict.ERROR
    assert "No value found for $PARAMETER max_collection_seconds" in findings["collection_time.total"].sentence


# 3. checks that would be dropped


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "expect_column_values_to_be_great"}, "own.value: unknown type"),
        ({"type": "expect_column_mean_to_be_between"}, "own.value: expect_column_mean_to_be_between does not judge row by row"),
        ({"type": "expect_table_row_count_to_equal"}, "own.value: expect_table_row_count_to_equal does not judge row by row"),
        ({"kwargs": {"column": "value"}}, "own.value: .*cannot both be None"),
        ({"kwargs": {"column": "value", "max_value": 5, "value_set": [1]}}, "own.value: .*value_set"),
        ({"kwargs": {"max_value": 5}}, "names no column"),
        ({"kwargs": {"column": "values", "max_value": 5}}, "meta.columns does not declare values"),
        ({"kwargs": {"column": "value", "max_value": 5, "mostly": 0.99}}, "mostly is not a word"),
        ({"kwargs": {"column": "value", "max_value": None}}, "max_value must be"),
        ({"kwargs": {"column": "value", "value_set": []}}, "value_set must be"),
        ({"kwargs": {"column": "value", "value_set": None}}, "value_set must be"),
        ({"severity": "fatal"}, "severity"),
        ({"severity": "info"}, "severity"),
        ({"meta": {"sentence": "Every value is at most five"}}, "meta.id: Field required"),
        ({"meta": {"id": "own.value"}}, "meta.sentence: Field required"),
        ({"meta": {"id": "value", "sentence": "Every value is at most five"}}, "the id value must be"),
        ({"meta": {"id": "own.rows", "sentence": "Every value is at most five"}}, "the id own.rows must be"),
        ({"meta": {"id": "own.value", "sentence": "Every value is at most {limit}"}}, "speaks of limit"),
        ({"id": "5f0c"}, "id: unknown key"),
        ({"kwargs": {"column": "value", "max_value": 5, "row_condition": "value > 3"}}, "row_condition must be"),
    ],
)
def test_a_check_that_could_not_be_built_is_refused(write, changes, reason):
    """What Great Expectations would drop, ignore or judge too kindly is an InputError, in a gate and in the linter alike."""
    folder = write(changes)
    with pytest.raises(InputError, match=reason):
        judged("own", values(1.0), suites=folder)
    with pytest.raises(InputError, match=reason):
        lint(folder)


def test_a_suite_without_severity_is_refused(write):
    """A check whose weight nobody chose is not given one."""
    folder = write()
    text = (folder / "own.json").read_text(encoding="utf-8").replace(', "severity": "critical"', "")
    (folder / "own.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="severity: Field required"):
        lint(folder)


def test_an_empty_suite_is_refused(write):
    """No checks is no gate."""
    with pytest.raises(InputError, match="expectations: Tuple should have at least 1 item"):
        judged("own", values(1.0), suites=write(expectations=[]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"name": "own", "name": "own"}', "the key name stands twice"),
        ('{"name": NaN}', "NaN is not a number"),
        ("{", "Expecting property name"),
        ("[]", "should be a valid dictionary"),
        ('{"name": "other", "meta": {"rows": "one", "columns": {}}}', "expectations: Field required"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(tmp_path, text, reason):
    """Broken JSON, a key twice and a NaN are named with the file."""
    (tmp_path / "own.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"own\.json: .*{reason}"):
        read_suite(tmp_path / "own.json")


def test_two_checks_of_one_id_are_refused(write):
    """Results are found by id, so one of two equal ids would answer for the other."""
    folder = write()
    suite = json.loads((folder / "own.json").read_text(encoding="utf-8"))
    suite["expectations"] *= 2
    with pytest.raises(InputError, match=r"two checks have the id own\.value"):
        judged("own", values(1.0), suites=write(**suite))


def test_a_suite_is_called_as_its_file(write):
    """A gate asks for a file; what it finds there must be the suite it asked for."""
    folder = write({"meta": {"id": "other.value", "sentence": "Every value is at most five"}}, name="other")
    with pytest.raises(InputError, match=r"own\.json: name: must be own"):
        judged("own", values(1.0), suites=folder)


def test_a_folder_without_suites_is_refused(tmp_path):
    """A linter that found nothing to lint says so."""
    with pytest.raises(InputError, match="there is no suite"):
        lint(tmp_path)


def test_a_check_that_comes_back_without_an_answer_is_an_error(monkeypatch):
    """If Great Expectations drops a check, its finding is there all the same and is ERROR."""
    build = engine.build
    monkeypatch.setattr(engine, "build", lambda checks, file: build(checks, file)[1:])
    findings = judged("activation", good_frame("activation"))
    assert findings["activation.running"].verdict is Verdict.ERROR
    assert findings["activation.metrics"].verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["no_such_suite", "../expectations/activation", "", "Activation"])
def test_a_missing_suite_is_an_error(name):
    """A gate without its suite has measured nothing; a name is never a path."""
    (finding,) = validate(name, good_frame("activation"), BOUNDS, EVIDENCE, agents=AGENTS)
    assert finding.verdict is Verdict.ERROR
    assert name in finding.sentence


# 4. rows that are not judged: empty, null and partial frames stand in test_suites


def test_rows_that_were_not_looked_at_are_an_error(monkeypatch):
    """The count of rows is read back: one row fewer than the frame has, and the check is ERROR."""
    outcome = engine._outcome
    monkeypatch.setattr(engine, "_outcome", lambda result: replace(outcome(result), judged=outcome(result).judged - 1))
    finding = judged("activation", good_frame("activation"))["activation.running"]
    assert finding.verdict is Verdict.ERROR
    assert "looked at 4 of 5 rows" in finding.sentence


@pytest.mark.parametrize("parameter", ["nobody", "errors"])
def test_a_condition_must_cover_every_agent(write, parameter):
    """A row_condition that matches no row, or leaves out an agent, is ERROR and names who was not judged."""
    condition = {"type": "comparison", "column": {"name": "metric"}, "operator": "==", "parameter": parameter}
    meta = {"rows": "one per agent", "columns": {"agent": "text", "metric": "text", "value": "number"}}
    folder = write({"kwargs": {"column": "value", "max_value": 5, "row_condition": condition}}, meta=meta)
    frame = values(1.0, 2.0).assign(metric=["errors", "cpu"])
    finding = judged("own", frame, agents=AGENTS[:2], suites=folder)["own.value"]
    assert finding.verdict is Verdict.ERROR
    assert finding.agents == (tuple(sorted(AGENTS[:2])) if parameter == "nobody" else AGENTS[1:2])


def test_a_condition_that_covers_everybody_judges_only_its_rows():
    """An unsteady error ratio is no breach, since that check is not about errors."""
    frame = good_frame("baseline")
    frame.loc[frame["metric"] == "errors", "sd"] = 9.0
    assert worst(judged("baseline", frame).values()) is Verdict.PASS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: pd.concat([frame, frame[:1]]), "1 of 5 seen more than once: mainpc/ServiceRegistry"),
        (lambda frame: pd.concat([frame, frame[:1].assign(agent="pc2/Stranger")]), "1 that nobody asked for: pc2/Stranger"),
        (lambda frame: pd.concat([frame, frame[:1].assign(agent=None)]), "1 rows that name nobody"),
        (lambda frame: pd.concat([frame[1:], frame[:1].assign(agent=" mainpc/ServiceRegistry")]), "1 of 5 not seen: mainpc/ServiceRegistry"),
    ],
)
def test_rows_are_those_that_were_asked_for(change, said):
    """A row twice, a stranger, a row without a name: the guard is ERROR and says which."""
    finding = judged("activation", change(good_frame("activation")))["activation.rows"]
    assert finding.verdict is Verdict.ERROR
    assert said in finding.sentence


def test_the_index_of_a_frame_means_nothing():
    """Frames glued together or indexed by agent are judged by their rows."""
    frame = good_frame("activation")
    frame.loc[4, "families"] = 0
    for indexed in (frame.set_index("agent", drop=False), pd.concat([frame[:2], frame[2:].reset_index(drop=True)]), frame[::-1]):
        assert judged("activation", indexed)["activation.families"].agents == (AGENTS[4],)


def test_a_column_twice_is_no_column():
    """Two columns of one name contradict each other; neither is taken."""
    frame = good_frame("activation")
    findings = judged("activation", pd.concat([frame, frame[["running"]]], axis="columns"))
    assert findings["activation.columns"].verdict is findings["activation.running"].verdict is Verdict.ERROR


@pytest.mark.parametrize(("column", "value"), [("running", 1), ("running", "True"), ("families", 6.5), ("families", True), ("health_status", "200")])
def test_a_value_of_another_kind_is_no_measurement(column, value):
    """One is not True and "200" is not 200: a cell of another kind was not measured."""
    frame = good_frame("activation")
    frame[column] = frame[column].astype(object)
    frame.loc[1, column] = value
    findings = judged("activation", frame)
    assert findings["activation.values"].verdict is Verdict.ERROR
    assert findings["activation.values"].agents == (AGENTS[1],)


def test_nobody_expected_is_an_error():
    """A gate that was told of no agents has shown nothing, even about an empty frame."""
    for frame in (good_frame("activation"), good_frame("activation")[:0]):
        finding = judged("activation", frame, agents=())["activation.rows"]
        assert finding.verdict is Verdict.ERROR
        assert "nothing was expected" in finding.sentence


def test_no_samples_no_pass():
    """Evidence without a sample turns every PASS into ERROR instead of raising."""
    findings = validate("activation", good_frame("activation"), BOUNDS, replace(EVIDENCE, samples=0), agents=AGENTS)
    assert {finding.verdict for finding in findings} == {Verdict.ERROR}


def test_a_hole_in_one_row_of_a_pair_does_not_hide_a_breach_in_another():
    """A check of two columns leaves out rows that lack one of them, judges the others and says both."""
    frame = good_frame("impact")
    frame["upper"] = [0.01, 0.03, None, 0.01]
    finding = judged("impact", frame)["impact.proven"]
    assert finding.verdict is Verdict.ERROR
    assert "not so for cpu (bound 0.02, upper 0.03); 1 of 4 not measured: memory" in finding.sentence


# 5. severity and order


@pytest.mark.parametrize(("severity", "verdict"), [("critical", Verdict.FAIL), ("warning", Verdict.INCONCLUSIVE)])
def test_severity_is_what_a_breach_means(write, severity, verdict):
    """Critical fails; a warning is inconclusive; both name the agent."""
    finding = judged("own", values(1.0, 6.0), agents=AGENTS[:2], suites=write({"severity": severity}))["own.value"]
    assert finding.verdict is verdict
    assert finding.agents == AGENTS[1:2]


def test_a_warning_does_not_hide_what_was_not_measured(write):
    """A breach of a warning together with a hole is ERROR: the worst of the two."""
    frame = values(1.0, 6.0).assign(value=[None, 6.0])
    assert judged("own", frame, agents=AGENTS[:2], suites=write({"severity": "warning"}))["own.value"].verdict is Verdict.ERROR


def test_results_are_found_by_id_and_not_by_place(monkeypatch):
    """An errored result comes first out of Great Expectations; each finding still carries its own verdict."""
    monkeypatch.setattr("expectations.gate.obstacle", lambda check, case: "")
    frame = good_frame("batch_health").drop(columns="processes")
    frame.loc[0, "restarts"] = 2
    findings = judged("batch_health", frame)
    assert findings["batch_health.processes"].verdict is Verdict.ERROR
    assert findings["batch_health.restarts"].verdict is Verdict.FAIL
    assert findings["batch_health.probes"].verdict is Verdict.PASS


# 6. expectations of our own


def test_an_expectation_of_our_own_is_judged():
    """The spread of a baseline is judged by our own expectation, at its bound exactly, and both zero is steady."""
    frame = good_frame("baseline")
    frame.loc[0, ["sd", "mean"]] = [1.0, 2.0]
    frame.loc[1, ["sd", "mean"]] = [0.0, 0.0]
    frame.loc[2, ["sd", "mean"]] = [1.01, 2.0]
    finding = judged("baseline", frame)["baseline.spread"]
    assert finding.verdict is Verdict.FAIL
    assert finding.sentence.count("not so for") == 1
    assert "mainpc/ServiceRegistry memory (sd 1.01, mean 2)" in finding.sentence


def test_our_expectations_exist_before_any_suite_is_built():
    """The engine knows them as soon as it can be called: building the shipped suites needs no other import."""
    check = next(check for check in read_suite(SUITES / "baseline.json").expectations if check.meta.id == "baseline.spread")
    assert len(engine.build([check], SUITES / "baseline.json")) == 1
