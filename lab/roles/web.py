"""httpx and jinja2, by both styles; nothing leaves the process."""

from __future__ import annotations

import httpx
from jinja2 import Environment


def answer(x: int) -> str:
    """A request as it would be sent."""
    path = Environment(autoescape=True).from_string("/agents/{{ x }}").render(x=x)
    return str(httpx.Request("GET", "http://registry.invalid" + path, params={"x": x}).url)
