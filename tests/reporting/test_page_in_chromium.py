"""The page as a browser shows it, on a wide screen and on a phone, light and dark."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rollout.html import draw_report
from tests.reporting.browser import tab
from tests.reporting.whole_folder import whole_folder

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on PATH: apt-get install --no-install-recommends chromium"),
]

CONTRAST = """
(() => {
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = colour => { const [r, g, b] = colour.match(/[0-9.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const behind = element => { for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor; if (!colour.startsWith('rgba(0, 0, 0, 0')) return colour; } return 'rgb(255, 255, 255)'; };
  const texts = [...document.querySelectorAll('body *')].filter(each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return texts.filter(each => !each.closest('desc, title, style')).map(each => {
    const style = getComputedStyle(each), ink = each.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(ink), light(behind(each))].sort().reverse();
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), each.tagName, each.textContent.slice(0, 40)];
  }).filter(([ratio]) => ratio < 4.5);
})()
"""
"""Texts whose contrast to what is behind them is below 4.5 (WCAG 2.2, 1.4.3)."""
WIDER = "[document.documentElement.scrollWidth, window.innerWidth]"
DRAWN = "[...document.querySelectorAll('svg')].filter(each => each.getBoundingClientRect().width > 0).map(each => each.classList.value)"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the page of a whole folder is."""
    page: Path = draw_report(whole_folder(tmp_path_factory.mktemp("page")))
    return page.as_uri()


@pytest.mark.parametrize(
    ("width", "scheme", "kind"), [(1200, "light", "wide"), (1200, "dark", "wide"), (375, "light", "narrow"), (375, "dark", "narrow")]
)
def test_the_page_is_whole_quiet_and_readable(address: str, width: int, scheme: str, kind: str) -> None:
    """No request but for itself, nothing on the console, no sideways scrolling, the pictures of that width, contrast enough for every word."""
    with tab() as shown:
        shown.show(address, width, scheme)
        page, window = shown.evaluate(WIDER)
        drawn = shown.evaluate(DRAWN)
        faint = shown.evaluate(CONTRAST)
        requests = [event["params"]["request"]["url"] for event in shown.events if event["method"] == "Network.requestWillBeSent"]
        said = [event for event in shown.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")]
    assert [url for url in requests if not url.startswith("data:")] == [address]
    assert not said
    assert page <= window == width
    assert drawn == [kind] * 3
    assert not faint
