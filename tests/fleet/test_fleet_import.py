"""The import of startup_config files: the user's 77, their oddities, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.fleet import app
from rollout.errors import InputError
from rollout.fleet import Fleet, fleet_of, load_fleet
from rollout.fleet_import import ImportedFleet, import_fleet

ROOT = Path(__file__).parents[2]
FIXTURES = Path(__file__).parent / "fixtures"
BOTH = {"mainpc": FIXTURES / "mainpc.yaml", "pc2": FIXTURES / "pc2.yaml"}


def loaded(imported: ImportedFleet, folder: Path) -> Fleet:
    """The fleet that the imported text gives when it is loaded from a file."""
    file = folder / "imported.yaml"
    file.write_text(imported.text, encoding="utf-8")
    return load_fleet(file)


def one(folder: Path, text: str, offset: int = 0) -> ImportedFleet:
    """The import of one file for the machine mainpc."""
    file = folder / "startup.yaml"
    file.write_text(text, encoding="utf-8")
    return import_fleet("small", {"mainpc": file}, offset)


def reasons(imported: ImportedFleet) -> dict[str, str]:
    """What was skipped: key to reason."""
    return {skipped.key: skipped.reason for skipped in imported.skipped}


def test_the_users_files_give_the_77(tmp_path: Path) -> None:
    """Importing both files reproduces fleets/week3.yaml, agent by agent, except for the marks that no startup_config has."""
    week3 = load_fleet(ROOT / "fleets" / "week3.yaml")
    fleet = loaded(import_fleet("week3", BOTH), tmp_path)

    def rows(of: Fleet) -> list[tuple[object, ...]]:
        return [(a.id, a.group, a.port, a.health_port, a.required, a.hub, a.depends_on) for a in of.agents]

    assert rows(fleet) == rows(week3)
    assert not any(agent.optimised for agent in fleet.agents)


def test_what_the_users_files_hold_besides_agents_is_named() -> None:
    """Sections, extra keys and agents in comments are skipped by name."""
    skipped = {(each.file.name, each.key) for each in import_fleet("week3", BOTH).skipped}
    assert skipped >= {("mainpc.yaml", "global_settings"), ("mainpc.yaml", "script_path"), ("pc2.yaml", "error_bus_port"), ("pc2.yaml", "host")}
    commented = {each.key for each in import_fleet("week3", BOTH).skipped if each.reason.startswith("commented out")}
    assert commented == {"PerformanceMonitor", "HealthMonitor", "SystemHealthManager", "PerformanceLoggerAgent"}


def test_the_offset_moves_only_the_ports_that_ask_for_it(tmp_path: Path) -> None:
    """${PORT_OFFSET}+7200 becomes 8200 at an offset of 1000; 26002 stays."""
    fleet = loaded(import_fleet("week3", BOTH, port_offset=1000), tmp_path)
    assert fleet.agent("mainpc/ServiceRegistry").port == 8200
    assert fleet.agent("mainpc/ServiceRegistry").health_port == 9200
    assert fleet.agent("mainpc/RequestCoordinator").port == 26002


AWKWARD = """
agent_groups:
  empty: {}
  nothing:
  notes: {purpose: described here, owner: somebody}
  list_of_words: [a, b]
  core:
    description: the core
    A: {port: "${PORT_OFFSET} + 10", health_check_port: 11, dependencies: [B, Ghost, B]}   # flow style
    B:
      port: 20
      health_check_port: "21"
      required: false
      config: {port: 99}
    # C:
    #   script_path: c.py
    #   port: 30
    #   redis:
    #     db: 0
  again:
    B: {port: 20, health_check_port: 21, required: false}
more_services: []
other: {port: 5}
# - {
#     name: A,
#     port: 10,
#   }
"""


def test_oddities_are_borne_and_named(tmp_path: Path) -> None:
    """Empty groups, groups without agents, words among agents, repetitions, unknown dependencies and comments do not stop the import."""
    imported = one(tmp_path, AWKWARD, offset=2)
    fleet = loaded(imported, tmp_path)
    assert [(a.id, a.group, a.port, a.health_port, a.required, a.depends_on) for a in fleet.agents] == [
        ("mainpc/A", "core", 12, 11, True, ("mainpc/B",)),
        ("mainpc/B", "core", 20, 21, False, ()),
    ]


def test_each_oddity_has_its_reason(tmp_path: Path) -> None:
    """Nothing is left out silently, and nothing else is said."""
    imported = one(tmp_path, AWKWARD)
    assert reasons(imported) == {
        "agent_groups.empty": "the group is empty",
        "agent_groups.nothing": "the group is empty",
        "agent_groups.notes": "the group holds no agents",
        "agent_groups.list_of_words": "the group holds no agents",
        "agent_groups.core.description": "is no agent",
        "agent_groups.again.B": "stands already at agent_groups.core.B",
        "agent_groups.core.A.dependencies": "unknown agent Ghost",
        "more_services": "the group is empty",
        "other": "holds no agents",
        "config": "no part of a fleet file (B)",
        "C": "commented out, line 15",
    }


def test_a_dependency_on_the_other_machine_keeps_its_machine(tmp_path: Path) -> None:
    """A name that only the other machine has becomes machine/Name."""
    (tmp_path / "a.yaml").write_text("agent_groups: {g: {A: {port: 1, health_check_port: 2, dependencies: [B]}}}")
    (tmp_path / "b.yaml").write_text("pc2_services: [{name: B, port: 1, health_check_port: 2}]")
    fleet = loaded(import_fleet("two", {"mainpc": tmp_path / "a.yaml", "pc2": tmp_path / "b.yaml"}), tmp_path)
    assert fleet.agent("mainpc/A").depends_on == ("pc2/B",)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("agent_groups: {g: {A: {port: x, health_check_port: 2}}}", "agent_groups.g.A.port", "neither a number"),
        ("agent_groups: {g: {A: {port: '${OTHER}+1', health_check_port: 2}}}", "agent_groups.g.A.port", "neither a number"),
        ("agent_groups: {g: {A: {port: true, health_check_port: 2}}}", "agent_groups.g.A.port", "neither a number"),
        ("agent_groups: {g: {A: {port: 1}}}", "agent_groups.g.A.health_check_port", "is missing"),
        ("agent_groups: {g: {A: {port: 1, health_check_port: 2, required: 'no'}}}", "agent_groups.g.A.required", "neither true nor false"),
        ("agent_groups: {g: {A: {port: 1, health_check_port: 2, dependencies: B}}}", "agent_groups.g.A.dependencies", "no list of names"),
        (
            "x_services: [{name: A, port: 1, health_check_port: 2}, {name: A, port: 3, health_check_port: 4}]",
            "x_services.A",
            "stands differently at x_services.A",
        ),
        (
            "agent_groups: {g: {A: {port: 1, health_check_port: 2}, B: {port: 2, health_check_port: 3}}}",
            "machines.mainpc.g.B.port",
            "taken by mainpc/A",
        ),
        ("agent_groups: {g: {A: {port: 70000, health_check_port: 2}}}", "machines.mainpc.g.A.port", "65535"),
        ("agent_groups: {g: {}}", "machines", "no agents"),
        ("other: 1", "", "holds neither agent_groups"),
        ("agent_groups: [A, B]", "", "holds neither agent_groups"),
        ("- A", "", "holds neither agent_groups"),
        ("a: {", "", "expected"),
    ],
)
def test_what_nobody_can_guess_is_refused(tmp_path: Path, text: str, key: str, reason: str) -> None:
    """A port that cannot be read, or two different agents of one name, need the user."""
    with pytest.raises(InputError) as caught:
        one(tmp_path, text)
    assert caught.value.key == key
    assert reason in caught.value.reason


def test_import_command_writes_a_new_file_only(tmp_path: Path) -> None:
    """The command prints or writes the file, names what it skipped on standard error, and never overwrites."""
    out = tmp_path / "fleet.yaml"
    arguments = ["import", "--mainpc", str(BOTH["mainpc"]), "--pc2", str(BOTH["pc2"]), "--name", "week3"]
    printed = CliRunner().invoke(app, arguments)
    assert printed.exit_code == 0
    assert "skipped pc2.yaml: PerformanceMonitor: commented out, line 59" in printed.stderr
    written = CliRunner().invoke(app, [*arguments, "--out", str(out)])
    assert written.exit_code == 0
    assert out.read_text(encoding="utf-8") == printed.stdout
    assert len(load_fleet(out)) == 77
    again = CliRunner().invoke(app, [*arguments, "--out", str(out)])
    assert isinstance(again.exception, InputError)
    assert CliRunner().invoke(app, ["import"]).exit_code == 2


def test_check_command_counts_or_names_the_wrong_key(tmp_path: Path) -> None:
    """A good file is summed up; a bad one is refused as a run would refuse it."""
    checked = CliRunner().invoke(app, ["check", str(ROOT / "fleets" / "week3.yaml")])
    assert checked.exit_code == 0
    assert "fleet week3: 77 agents, 3 of them optional, 5 optimised" in checked.stdout
    site = CliRunner().invoke(app, ["check", str(ROOT / "fleets" / "lab.yaml")])
    assert "site lab: mainpc, pc2 reached, hubs central" in site.stdout
    (tmp_path / "bad.yaml").write_text("fleet: bad\nmachines: {a: {g: {X: {port: 1, health_port: 1}}}}")
    assert isinstance(CliRunner().invoke(app, ["check", str(tmp_path / "bad.yaml")]).exception, InputError)


def test_no_mapping_is_no_fleet() -> None:
    """A file that holds a list is refused, not crashed upon."""
    with pytest.raises(InputError):
        fleet_of(["a"], Path("f.yaml"))
