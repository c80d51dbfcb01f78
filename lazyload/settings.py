"""What the environment says. Plain classes and no dataclasses: this runs in every start."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

AFTER = 1.0
"""Seconds between a program's first listening and the warm-up, where LAZY_IMPORTS_WARM_AFTER says nothing."""


class SettingsError(ValueError):
    """A variable that cannot be read: which, and what it may say."""


class Settings:
    """on: whether anything is deferred; allow and deny: modules by name or prefix; warm: seconds after the first listening, or None for never."""

    __slots__ = ("allow", "deny", "on", "warm")

    def __init__(self, *, on: bool, allow: tuple[str, ...] = (), deny: tuple[str, ...] = (), warm: float | None = None) -> None:
        self.on = on
        self.allow = allow
        self.deny = deny
        self.warm = warm


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Reads LAZY_IMPORTS, LAZY_IMPORTS_ALLOW, LAZY_IMPORTS_DENY, LAZY_IMPORTS_WARM and LAZY_IMPORTS_WARM_AFTER; SettingsError names a bad one."""
    after = environment.get("LAZY_IMPORTS_WARM_AFTER", "")
    try:
        seconds = float(after) if after else AFTER
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 86400:
        raise SettingsError(f"LAZY_IMPORTS_WARM_AFTER={after}: seconds are wanted, 0 or more")
    return Settings(
        on=_switch(environment, "LAZY_IMPORTS"),
        allow=_names(environment, "LAZY_IMPORTS_ALLOW"),
        deny=_names(environment, "LAZY_IMPORTS_DENY"),
        warm=seconds if _switch(environment, "LAZY_IMPORTS_WARM") else None,
    )


def matches(module: str, prefixes: tuple[str, ...]) -> bool:
    """Whether the module is one of these or below one of them."""
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


def _switch(environment: Mapping[str, str], key: str) -> bool:
    value = environment.get(key, "")
    if value not in {"", "true", "false"}:
        raise SettingsError(f"{key}={value}: true or false is wanted")
    return value == "true"


def _names(environment: Mapping[str, str], key: str) -> tuple[str, ...]:
    names = tuple(name for name in (part.strip() for part in environment.get(key, "").split(",")) if name)
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise SettingsError(f"{key}: {name!r} is no module")
    return names
