"""Reads what `pip-audit --format json` says of the lock. To it what nobody could look up has no known vulnerability; here that is no PASS.

`./test audit` pipes it in: exit code 0 when every package was looked up and none is vulnerable, 1 otherwise.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def sentence(audit: dict[str, Any]) -> tuple[bool, str]:
    """Whether the lock passes, and why. Raises KeyError for what pip-audit did not write."""
    packages = audit["dependencies"]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    bad = [f"{package['name']} {package['version']}: {vuln['id']}" for package in packages for vuln in package.get("vulns", ())]
    if bad:
        return False, f"FAIL: {'; '.join(bad)}"
    if unknown or not packages:
        return False, f"NOT MEASURED: {len(unknown)} of {len(packages)} packages are not in the database, which may not be at hand"
    return True, f"PASS: {len(packages)} packages, none with a known vulnerability"


if __name__ == "__main__":
    passed, said = sentence(json.load(sys.stdin))
    sys.stdout.write(said + "\n")
    sys.exit(not passed)
