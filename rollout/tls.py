"""Whom HTTP clients of ours trust."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """The certificate authorities that httpx trusts by default, read once: reading the list takes longer than connecting to a whole batch."""
    return httpx.create_ssl_context(trust_env=False)
