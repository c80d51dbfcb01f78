"""A site with one hub that asks for a login: a real Prometheus with a web configuration, reached through a site file."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.binaries import find
from rollout.clock import SystemClock
from rollout.errors import Refused, SourceFault
from rollout.plan import load_plan
from rollout.quiet import sources_of
from rollout.services.hub_files import web_file
from rollout.site import Site, load_site
from rollout.site_file import load_site_file
from tests.lab.world_of_six import eventually, get
from tests.ports import unused_port

ROOT = Path(__file__).resolve().parents[2]
DEADLINES = load_plan(ROOT / "plans" / "week3.yaml").day(1).deadlines
SITE = """
site: alone
fleet: one.yaml
state: var
scrape_interval: 1
machines:
  a: {{address: 127.0.0.1, transport: local, supervisor: {{url: unix://a.sock, programs: conf.d}}}}
hubs:
  - {{name: hub, machine: a, url: "http://127.0.0.1:{port}", targets: targets, username_env: ALONE_USER, password_env: ALONE_PASSWORD}}
"""

pytestmark = [pytest.mark.lab, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]  # a site's connections end with its process


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """The site file of a protected hub that is up and scrapes itself."""
    port = unused_port()
    (tmp_path / "one.yaml").write_text("fleet: one\nmachines: {a: {g: {X: {port: 1, health_port: 2}}}}\n")
    (tmp_path / "web.yaml").write_text(web_file("reader", "canary-77", None))
    (tmp_path / "hub.yaml").write_text(
        f"global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: process\n  basic_auth: {{username: reader, password: canary-77}}\n"
        f"  static_configs: [{{targets: ['127.0.0.1:{port}'], labels: {{machine: a}}}}]\n"
    )
    (tmp_path / "site.yaml").write_text(SITE.format(port=port))
    options = {"config.file": "hub.yaml", "web.config.file": "web.yaml", "storage.tsdb.path": "data", "web.listen-address": f"127.0.0.1:{port}"}
    words = [f"--{name}={value}" for name, value in options.items()]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen([find("prometheus"), *words], cwd=tmp_path, stdout=log, stderr=log) as hub:
        eventually(lambda: _answers(port))
        yield tmp_path / "site.yaml"
        hub.terminate()
    gc.collect()  # while that warning is ignored


def _answers(port: int) -> bool:
    try:
        return get("127.0.0.1", port, "/-/ready")[0] == 401
    except OSError:
        return False


def _site(file: Path) -> Site:
    return load_site(file, DEADLINES)


def test_a_protected_hub_is_asked_with_its_login(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples and targets are read from it by a site, and by the commands that only read, with the login of two variables."""
    monkeypatch.setenv("ALONE_USER", "reader")
    monkeypatch.setenv("ALONE_PASSWORD", "canary-77")
    site = _site(file)
    eventually(lambda: _sum_of_up(site) == [1.0])
    assert site.targets.active() == {}
    document, _ = load_site_file(file)
    assert list(sources_of(document, SystemClock(), 5.0).now("sum(up)")["value"]) == [1.0]


def test_a_source_has_a_login_of_its_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that is no hub is asked with its own variables, and nobody else is told them."""
    monkeypatch.setenv("ALONE_USER", "reader")
    monkeypatch.setenv("ALONE_PASSWORD", "canary-77")
    login = ", username_env: ALONE_USER, password_env: ALONE_PASSWORD"
    text = file.read_text()
    url = text[text.index('url: "http://') :].partition(",")[0]
    file.write_text(f"{text.replace(login, '')}sources:\n  - {{name: long, {url}{login}}}\n")
    site = _site(file)
    eventually(lambda: _sum_of_up(site) == [1.0])
    with pytest.raises(SourceFault, match="401"):
        site.targets.active()


def test_a_wrong_or_missing_login_is_no_data(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that turns us away is a source that does not answer, and a variable that nobody has is named before anything is asked."""
    monkeypatch.setenv("ALONE_USER", "reader")
    with pytest.raises(Refused, match="hub hub needs ALONE_PASSWORD"):
        _site(file)
    monkeypatch.setenv("ALONE_PASSWORD", "guess")
    site = _site(file)
    with pytest.raises(SourceFault, match="401"):
        site.sources.now("sum(up)")
    with pytest.raises(SourceFault, match="401") as refused:
        site.targets.active()
    assert "guess" not in str(refused.value)


def _sum_of_up(site: Site) -> list[float]:
    try:
        return list(site.sources.now("sum(up)")["value"])
    except SourceFault:
        return []
