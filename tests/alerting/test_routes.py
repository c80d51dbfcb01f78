"""Who is told: contacts are checked before anything is deployed, and Alertmanager's own tool finds nothing wrong with what is rendered."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from lab.binaries import find
from rollout.alerting.routes import alertmanager_config
from rollout.errors import InputError
from rollout.plan import load_plan
from rollout.site_file import load_site_file

ROOT = Path(__file__).parents[2]
PLAN = load_plan(ROOT / "plans" / "week3.yaml")
SITE = ROOT / "fleets" / "lab-six.yaml"


def amtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """`amtool WORDS`."""
    return subprocess.run([find("amtool"), *words], capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """The configuration of the lab of six."""
    site, _ = load_site_file(SITE)
    assert site.alerting is not None
    file = tmp_path / "alertmanager.yaml"
    file.write_text(alertmanager_config(site.alerting, PLAN, SITE), encoding="utf-8")
    return file


def test_alertmanager_takes_it_and_each_tier_reaches_its_role(rendered: Path) -> None:
    """Amtool checks the file and says for each kind of alert who would be told: the operators of levels and agents, each role of its tier."""
    checked = amtool("check-config", rendered)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    told = {
        "operators": "level=RED",
        "automated rollback": "tier=L1",
        "technical lead": "tier=L2",
        "system architect": "tier=L3",
        "executive stakeholders": "tier=L4",
    }
    for role, label in told.items():
        routed = amtool("config", "routes", "test", f"--config.file={rendered}", label)
        assert routed.stdout.strip() == role, routed.stdout + routed.stderr


def test_both_ways_of_a_contact_are_there(rendered: Path) -> None:
    """The technical lead is told by webhook and by e-mail, and of the end too."""
    (lead,) = (each for each in json.loads(rendered.read_text())["receivers"] if each["name"] == "technical lead")
    assert [each["send_resolved"] for each in lead["webhook_configs"] + lead["email_configs"]] == [True, True]
    assert lead["email_configs"][0]["to"] == "lead@lab.test"


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('{webhook: "http://127.0.11.1:9094/operators"}', "{}", "alerting.contacts.operators", "neither webhook nor email"),
        ("lead@lab.test", "nobody", "alerting.contacts.technical lead.email", "pattern"),
        ("http://127.0.11.1:9094/operators", "mailto:x", "alerting.contacts.operators.webhook", "pattern"),
        ("machine: mainpc, config", "machine: attic, config", "alerting.alertmanager.machine", "unknown machine attic"),
        ("    operators:", "    desk:", "alerting.contacts", "says nothing of 'operators'"),
        ("    system architect:", "    architect:", "alerting.contacts", "says nothing of 'system architect', who is told of L3"),
        (
            '  mail: {smarthost: "127.0.11.1:9095", sender: rollout@lab.test, tls: false}',
            "",
            "alerting.contacts.technical lead.email",
            "alerting.mail",
        ),
    ],
)
def test_contacts_that_cannot_be_told_are_refused(tmp_path: Path, old: str, new: str, key: str, reason: str) -> None:
    """File, key and reason, before anything is deployed."""
    (tmp_path / "six.yaml").write_text((ROOT / "fleets" / "six.yaml").read_text())
    text = SITE.read_text()
    assert old in text
    file = tmp_path / "lab-six.yaml"
    file.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=reason) as refused:
        _render(file)
    assert (refused.value.file, refused.value.key) == (str(file), key)


def _render(file: Path) -> str:
    site, _ = load_site_file(file)
    assert site.alerting is not None
    return alertmanager_config(site.alerting, PLAN, file)
