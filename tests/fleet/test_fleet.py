"""The fleet file: what is loaded, and everything that is refused with file, key and reason."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rollout.errors import InputError, Refused
from rollout.fleet import Fleet, Selector, load_fleet

ROOT = Path(__file__).parents[2]
WEEK3 = ROOT / "fleets" / "week3.yaml"
TABLE = Path(__file__).parent / "fixtures" / "fleet-77.csv"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a fleet file whose one machine `a` has the given YAML below its group `g`."""

    def to_file(agents: str) -> Path:
        file = tmp_path / "fleet.yaml"
        file.write_text("fleet: small\nmachines:\n  a:\n    g:\n" + agents)
        return file

    return to_file


def refusal(file: Path) -> InputError:
    """The error with which the file is refused."""
    with pytest.raises(InputError) as caught:
        load_fleet(file)
    assert caught.value.file == str(file)
    return caught.value


def test_week3_is_the_table_of_77() -> None:
    """fleets/week3.yaml has exactly the agents, groups, ports, needs and dependencies of the user's table, in its order."""
    rows = list(csv.DictReader(TABLE.read_text().splitlines()))
    fleet = load_fleet(WEEK3)
    written = [
        (a.machine, a.group, a.name, str(a.port), str(a.health_port), str(a.required).lower(), " ".join(d.split("/")[1] for d in a.depends_on))
        for a in fleet.agents
    ]
    assert len(fleet) == 77
    assert written == [tuple(row.values()) for row in rows]


def test_week3_marks_five_optimised_and_two_hubs() -> None:
    """Five agents were optimised in week 2, which leaves the plan's 72; each machine has one hub."""
    fleet = load_fleet(WEEK3)
    assert len(fleet.select(Selector(optimised=True))) == 5
    assert len(fleet.select(Selector(optimised=False))) == 72
    assert [agent.id for agent in fleet.agents if agent.hub] == ["mainpc/ObservabilityHub", "pc2/ObservabilityHub"]
    assert len(fleet.dependents_of("mainpc/SystemDigitalTwin")) == 52


def test_a_dependency_may_stand_on_another_machine(tmp_path: Path) -> None:
    """A plain name means the same machine, machine/Name another one."""
    file = tmp_path / "fleet.yaml"
    file.write_text(
        "fleet: two\nmachines:\n"
        "  a: {g: {X: {port: 1, health_port: 2}, Y: {port: 3, health_port: 4, depends_on: [X, b/X]}}}\n"
        "  b: {g: {X: {port: 1, health_port: 2}}}\n",
    )
    fleet = load_fleet(file)
    assert fleet.agent("a/Y").depends_on == ("a/X", "b/X")
    assert [agent.id for agent in fleet.dependents_of("b/X")] == ["a/Y"]
    assert fleet.machines == ("a", "b")


@pytest.mark.parametrize(
    ("agents", "key", "reason"),
    [
        ("      X: {port: 1, health_port: 2}\n      X: {port: 3, health_port: 4}\n", "", "duplicate key"),
        ("      X: {port: 1, health_port: 2}\n    h:\n      X: {port: 3, health_port: 4}\n", "machines.a.h.X", "a/X stands in group g already"),
        ("      X: {port: 1, health_port: 1}\n", "machines.a.g.X.health_port", "taken by a/X"),
        ("      X: {port: 1, health_port: 2}\n      Y: {port: 2, health_port: 3}\n", "machines.a.g.Y.port", "port 2 of a is taken by a/X"),
        ("      X: {port: 1, health_port: 2, depends_on: [Nobody]}\n", "machines.a.g.X.depends_on", "unknown agents: a/Nobody"),
        ("      X: {port: 1, health_port: 2, depends_on: [b/X]}\n", "machines.a.g.X.depends_on", "unknown agents: b/X"),
        ("      X: {port: 1, health_port: 2, depends_on: [X]}\n", "machines.a.g.X.depends_on", "cycle: a/X -> a/X"),
        ("      X: {port: 1, health_port: 2}\n      Y: {port: 3, health_port: 4, depends_on: [X, a/X]}\n", "machines.a.g.Y.depends_on", "twice"),
        ("      X: {port: 1, health_port: 2, prot: 3}\n", "machines.a.g.X.prot", "unknown key"),
        ("      X: {port: 70000, health_port: 2}\n", "machines.a.g.X.port", "less than or equal to 65535"),
        ('      X: {port: "1", health_port: 2}\n', "machines.a.g.X.port", "valid integer"),
        ("      X: {port: true, health_port: 2}\n", "machines.a.g.X.port", "valid integer"),
        ("      X: {port: 1}\n", "machines.a.g.X.health_port", "required"),
        ("      X: {port: 1, health_port: 2, required: maybe}\n", "machines.a.g.X.required", "valid boolean"),
        ("      a/b: {port: 1, health_port: 2}\n", "machines.a.g.a/b", "match pattern"),
        ("      'X Y': {port: 1, health_port: 2}\n", "machines.a.g.X Y", "match pattern"),
        ("      {}\n", "machines", "no agents"),
        ("      X: {port: 1, health_port: 2}\n  b:\n    g: {}\n", "machines.b", "no agents"),
    ],
)
def test_refused(write: Write, agents: str, key: str, reason: str) -> None:
    """Each impossible fleet is refused with the key that is wrong and the reason."""
    error = refusal(write(agents))
    assert error.key.removesuffix(".[key]") == key
    assert reason in error.reason


@pytest.mark.parametrize("name", ['X"} or up{a="', "X|Y", "X.*", "X}", "X{", "X\\\\", "X'", "X\\n", "<b>X</b>", "1X", "", "X" * 64])
def test_no_name_means_more_than_itself_in_a_query_or_a_page(write: Write, name: str) -> None:
    """Agents stand in regular expressions of PromQL, in file names and in HTML: a name with a sign of any of these is refused with the fleet."""
    error = refusal(write(f"      {json.dumps(name)}: {{port: 1, health_port: 2}}\n"))
    assert "match pattern" in error.reason


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir", "!!python/name:os.mkdir", "!Ref"])
def test_a_file_runs_nothing(write: Write, tag: str, tmp_path: Path) -> None:
    """A tag that other loaders make objects of is an error of the file, and nothing happens."""
    made = tmp_path / "made"
    file = write("      X: {port: 1, health_port: 2}\n")
    file.write_text(f"{file.read_text()}extra: {tag} [{made}]\n")
    assert "could not determine a constructor" in refusal(file).reason
    assert not made.exists()


def test_a_cycle_is_named_in_the_order_of_dependence(write: Write) -> None:
    """The cycle reads from an agent to what it depends on, back to itself."""
    error = refusal(
        write(
            "      X: {port: 1, health_port: 2, depends_on: [Y]}\n"
            "      Y: {port: 3, health_port: 4, depends_on: [Z]}\n"
            "      Z: {port: 5, health_port: 6, depends_on: [X]}\n",
        ),
    )
    names = error.reason.removeprefix("cycle: ").split(" -> ")
    assert names[0] == names[-1]
    after = {"a/X": "a/Y", "a/Y": "a/Z", "a/Z": "a/X"}
    assert all(after[here] == there for here, there in itertools.pairwise(names))


@pytest.fixture(scope="module")
def week3() -> Fleet:
    """The fleet of week 3."""
    return load_fleet(WEEK3)


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        (Selector(all=True), 77),
        (Selector(machines=("pc2",)), 23),
        (Selector(groups=("core_services",)), 6),
        (Selector(names=("ObservabilityHub",)), 2),
        (Selector(names=("ObservabilityHub",), machines=("pc2",)), 1),
        (Selector(agents=("mainpc/ServiceRegistry", "pc2/TutorAgent")), 2),
        (Selector(machines=("mainpc",), optimised=False), 49),
    ],
)
def test_selected(week3: Fleet, selector: Selector, count: int) -> None:
    """Each field narrows the choice; the order stays the file's."""
    chosen = week3.select(selector)
    assert len(chosen) == count
    assert list(chosen) == sorted(chosen, key=week3.agents.index)


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        (Selector(names=("ServiceRegistry", "Typo")), "Typo"),
        (Selector(machines=("pc3",)), "pc3"),
        (Selector(groups=("nothing",)), "nothing"),
        (Selector(agents=("pc2/ServiceRegistry",)), "pc2/ServiceRegistry"),
        (Selector(names=("ServiceRegistry",), machines=("pc2",)), "chooses no agent"),
    ],
)
def test_unknown_names_and_empty_choices_are_refused(week3: Fleet, selector: Selector, reason: str) -> None:
    """A name that is mistyped never shrinks the choice silently."""
    with pytest.raises(Refused, match=reason):
        week3.select(selector)


@pytest.mark.parametrize("fields", [{}, {"all": True, "machines": ["a"]}, {"all": True, "optimised": False}])
def test_a_selector_says_one_thing(fields: dict[str, object]) -> None:
    """Neither an empty selector nor `all` with a narrowing field has a meaning."""
    with pytest.raises(ValueError, match="all: true alone"):
        Selector.model_validate(fields)


def test_an_unknown_identity_is_refused(week3: Fleet) -> None:
    """Asking for an agent that is not there names it."""
    with pytest.raises(Refused, match="mainpc/Nobody"):
        week3.agent("mainpc/Nobody")
