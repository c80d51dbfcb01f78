"""The site file: absolute paths, the fleet that it reaches, and what is refused."""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from rollout.errors import InputError, Refused
from rollout.site_file import load_site_file

ROOT = Path(__file__).parents[2]
FLEET = "fleet: two\nmachines: {a: {g: {X: {port: 1, health_port: 2}}}, b: {g: {X: {port: 1, health_port: 2}}}}\n"
SUPERVISOR = {"url": "unix://../var/a.sock", "username_env": "USER_NAME", "password_env": "PASS_WORD", "programs": "../var/conf.d"}
SITE: dict[str, Any] = {
    "site": "here",
    "fleet": "two.yaml",
    "state": "../var",
    "scrape_interval": 15,
    "machines": {
        "a": {"address": "127.0.0.1", "transport": "local", "supervisor": SUPERVISOR},
        "b": {"address": "host-b", "transport": "local", "supervisor": {"url": "http://127.0.0.2:9011", "programs": "/etc/supervisor/conf.d"}},
    },
    "hubs": [{"name": "central", "machine": "a", "url": "http://127.0.0.1:9000", "targets": "../var/targets"}],
}


def written(folder: Path, site: dict[str, Any]) -> Path:
    """The site file below `folder`/fleets, next to its fleet."""
    (folder / "fleets").mkdir(exist_ok=True)
    (folder / "fleets" / "two.yaml").write_text(FLEET)
    file = folder / "fleets" / "here.yaml"
    with file.open("w", encoding="utf-8") as opened:
        YAML(typ="safe", pure=True).dump(site, opened)
    return file


def test_paths_start_at_the_folder_of_the_site_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths do not depend on where the command runs; absolute ones stay."""
    file = written(tmp_path, SITE)
    monkeypatch.chdir(tmp_path / "fleets")
    site, fleet = load_site_file(Path(file.name))
    assert [agent.id for agent in fleet.agents] == ["a/X", "b/X"]
    assert site.state == tmp_path / "var"
    assert site.fleet == tmp_path / "fleets" / "two.yaml"
    assert site.machines["a"].supervisor.url == f"unix://{tmp_path}/var/a.sock"
    assert site.machines["a"].supervisor.programs == tmp_path / "var" / "conf.d"
    assert site.machines["b"].supervisor.url == "http://127.0.0.2:9011"
    assert site.machines["b"].supervisor.programs == Path("/etc/supervisor/conf.d")
    assert site.hubs[0].targets == tmp_path / "var" / "targets"
    assert site.rehearsal is None


def test_cores_are_those_of_the_file_or_of_this_computer(tmp_path: Path) -> None:
    """A bound that is a share of a machine needs its cores: as written, otherwise counted where the machine is reached locally."""
    site = deepcopy(SITE)
    site["machines"]["a"]["cores"] = 8
    loaded, _ = load_site_file(written(tmp_path, site))
    assert loaded.cores == {"a": 8, "b": os.cpu_count()}


def test_sources_are_the_hubs_unless_the_site_lists_them(tmp_path: Path) -> None:
    """Who is asked for metrics, in order."""
    site, _ = load_site_file(written(tmp_path, SITE))
    assert [(source.name, source.url) for source in site.asked] == [("central", "http://127.0.0.1:9000")]
    listed = {**SITE, "sources": [{"name": "long", "url": "http://127.0.0.9:9090/prefix"}, {"name": "central", "url": "http://127.0.0.1:9000"}]}
    site, _ = load_site_file(written(tmp_path, listed))
    assert [source.name for source in site.asked] == ["long", "central"]


def test_each_source_is_asked_with_its_own_login_or_the_hub_s(tmp_path: Path) -> None:
    """Whose variables are named; one that nobody has is refused by its name, and no other's password is sent instead."""
    sources = [{"name": "long", "url": "http://127.0.0.9:9090", "username_env": "LONG_USER", "password_env": "LONG_PASSWORD"}]
    hub = {**SITE["hubs"][0], "username_env": "HUB_USER", "password_env": "HUB_PASSWORD"}
    site, _ = load_site_file(written(tmp_path, {**SITE, "hubs": [hub], "sources": sources}))
    known = {"HUB_USER": "h", "HUB_PASSWORD": "hh", "LONG_USER": "l", "LONG_PASSWORD": "ll"}
    assert site.hub_login(known) == ("h", "hh")
    assert site.asked[0].login(known, "source long") == ("l", "ll")
    with pytest.raises(Refused, match="source long needs LONG_PASSWORD"):
        site.asked[0].login({name: value for name, value in known.items() if name != "LONG_PASSWORD"}, "source long")
    assert load_site_file(written(tmp_path, SITE))[0].hub_login(known) is None


@pytest.mark.parametrize(("file", "overlay", "count"), [("lab.yaml", "lab", 77), ("lab-six.yaml", "six", 6)])
def test_the_sites_of_this_repository_load(file: str, overlay: str, count: int) -> None:
    """Both labs name an overlay of the plan and reach their whole fleet."""
    site, fleet = load_site_file(ROOT / "fleets" / file)
    assert site.rehearsal == overlay
    assert len(fleet) == count


@pytest.mark.parametrize(
    ("path", "value", "key", "reason"),
    [
        ("machines.c", SITE["machines"]["b"], "machines.c", "unknown machine; fleet two has a, b"),
        ("machines.b", None, "machines.b", "valid dictionary"),
        ("machines", {"a": SITE["machines"]["a"]}, "machines", "says nothing of b"),
        ("hubs.0.machine", "c", "hubs.0.machine", "unknown machine c"),
        ("hubs", [], "hubs", "at least 1 item"),
        ("hubs", [SITE["hubs"][0], SITE["hubs"][0]], "hubs", "central stands here 2 times"),
        ("hubs.0.url", "http://me:secret@127.0.0.1:9000", "hubs.0.url", "match pattern"),
        ("machines.a.transport", "pigeon", "machines.a.transport", "'local'"),
        ("machines.a.address", "a b", "machines.a.address", "match pattern"),
        ("machines.a.supervisor.url", "ftp://x", "machines.a.supervisor.url", "unix://PATH or http://HOST:PORT"),
        ("machines.a.supervisor.url", "http://me:secret@x", "machines.a.supervisor.url", "credentials, which come from the environment"),
        ("machines.a.supervisor.url", "unix:///" + "x" * 107, "machines.a.supervisor.url", "at most 107 bytes"),
        ("machines.a.supervisor.password_env", None, "machines.a.supervisor", "stand together"),
        ("machines.a.supervisor.password_env", "hunter2 ", "machines.a.supervisor.password_env", "match pattern"),
        ("machines.a.supervisor.password", "hunter2", "machines.a.supervisor.password", "unknown key"),
        ("hubs.0.username_env", "HUB_USER", "hubs.0", "stand together"),
        ("sources", [{"name": "long", "url": "http://127.0.0.9:9090", "password_env": "ONE"}], "sources.0", "stand together"),
        ("sources", [{"name": "long", "url": "http://127.0.0.9:9090", "password": "hunter2"}], "sources.0.password", "unknown key"),
        ("scrape_interval", 0, "scrape_interval", "greater than 0"),
        ("lunch", 12, "lunch", "unknown key"),
    ],
)
def test_refused(tmp_path: Path, path: str, value: object, key: str, reason: str) -> None:
    """A site that does not fit its fleet, or that holds a secret, is refused with the key; a secret is not repeated."""
    site = deepcopy(SITE)
    place: Any = site
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    place[last] = value
    with pytest.raises(InputError) as caught:
        load_site_file(written(tmp_path, site))
    assert caught.value.key == key
    assert reason in caught.value.reason
    assert "secret" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_fleet_file_is_named(tmp_path: Path) -> None:
    """The error is about the fleet's file, not the site's."""
    with pytest.raises(InputError, match=r"absent\.yaml: No such file"):
        load_site_file(written(tmp_path, {**SITE, "fleet": "absent.yaml"}))
