"""The environment of one supervised program, edited in place: every other character of its file stays."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from configparser import Error, RawConfigParser

from supervisor.datatypes import dict_of_key_value_pairs

from rollout.services.port import Program

ENVIRONMENT = "environment"
OPTION = re.compile(r"^environment[ \t]*[=:](?P<value>[^\n]*(?:\n[ \t]+[^\s;#][^\n]*)*)", re.MULTILINE | re.IGNORECASE)
"""The option with its continuation lines, which are indented."""
HEADER = re.compile(r"^\[", re.MULTILINE)
TAIL = re.compile(r",?(?:[ \t]+[;#][^\n]*)?\s*\Z")
"""What may follow the last pair: a comma, a comment, blanks."""
VALUE = r"""(?:"[^"]*"|'[^']*'|[^,\s]*)"""


class UnsafeEdit(Exception):  # noqa: N818 (an answer, not a fault of ours)
    """This program cannot be edited without risk to its other settings; says why."""


class ProgramFile:
    """One supervisord configuration file, holding one program or many. Raises UnsafeEdit for a text that supervisord could not read either."""

    def __init__(self, text: str) -> None:
        self._text = text
        # As supervisord's own parser is set up (supervisor.options.UnhosedConfigParser).
        self._parser = RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
        try:
            self._parser.read_string(text)
        except Error as error:
            raise UnsafeEdit(f"not a configuration file: {error}") from error

    def programs(self) -> tuple[str, ...]:
        """The names of its [program:...] sections."""
        return tuple(name.removeprefix("program:") for name in self._parser.sections() if name.startswith("program:"))

    def fingerprint(self, program: str) -> str:
        """SHA-256 of all that the section says, whatever its spacing and comments."""
        said = dict(self._parser.items(f"program:{program}")) | {ENVIRONMENT: self.environment(program)}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def environment(self, program: str) -> dict[str, str]:
        """What the program's environment line says; %(...)s that supervisord fills in stay as they are. Raises UnsafeEdit if it cannot be read."""
        return {key: value.replace("%%", "%") for key, value in self._pairs(program).items()}

    def set_environment(self, program: str, settings: Mapping[str, str | None]) -> str:
        """The file's text with these keys set (None: removed) in that program. Raises UnsafeEdit if anything else would change."""
        escaped = {key: None if value is None else value.replace("%", "%%") for key, value in settings.items()}
        start, end = self._span(program)
        raw = before = self._text[start:end]
        for key, value in escaped.items():
            raw = _edited(raw, key, value)
        if raw == before:
            return self._text
        edited = ProgramFile(self._replaced(program, raw))
        wanted = {key: value for key, value in (self._pairs(program) | escaped).items() if value is not None}
        if edited._pairs(program) != wanted or edited._others(program) != self._others(program):
            raise UnsafeEdit(f"the environment line of {program} cannot be edited without changing its other settings")
        return edited._text

    def _replaced(self, program: str, raw: str) -> str:
        """The text with another environment value; its line comes and goes with its only pair."""
        start, end = self._span(program)
        if start == end and not self._parser.has_option(f"program:{program}", ENVIRONMENT):
            return f"{self._text[:start]}{ENVIRONMENT}={raw}\n{self._text[start:]}"
        if raw.strip():
            return self._text[:start] + raw + self._text[end:]
        line = self._text.rfind("\n", 0, start) + 1
        return self._text[:line] + self._text[end + 1 :]

    def _span(self, program: str) -> tuple[int, int]:
        """Where the value of its environment stands in the text; an empty span below the section's header if there is none."""
        header = re.search(rf"^\[program:{re.escape(program)}\][^\n]*\n?", self._text, re.MULTILINE)
        if header is None:
            raise UnsafeEdit(f"the section of {program} cannot be found in its file")
        following = HEADER.search(self._text, header.end())
        option = OPTION.search(self._text, header.end(), following.start() if following else len(self._text))
        return option.span("value") if option else (header.end(), header.end())

    def _pairs(self, program: str) -> dict[str, str]:
        """The environment's pairs as they are written, per cent signs doubled."""
        try:
            return dict(dict_of_key_value_pairs(self._parser.get(f"program:{program}", ENVIRONMENT, fallback="")))
        except ValueError as error:
            raise UnsafeEdit(f"the environment of {program} is not a list of pairs") from error

    def _others(self, program: str) -> dict[str, dict[str, str]]:
        """All that the file says besides that environment."""
        said = {name: dict(self._parser.items(name)) for name in self._parser.sections()}
        said[f"program:{program}"].pop(ENVIRONMENT, None)
        return said


def written_program(program: Program) -> str:
    """A file that holds this program alone. Raises UnsafeEdit for a value that cannot stand in one."""
    if unsafe := [key for key, value in program.environment.items() if '"' in value or "\n" in value]:
        raise UnsafeEdit(f"{', '.join(unsafe)}: a value with a quotation mark or a line break cannot be written to supervisord's configuration")
    pairs = ",".join(f'{key}="{value}"' for key, value in program.environment.items())
    options = {
        "command": shlex.join(program.command),
        "directory": str(program.directory),
        ENVIRONMENT: pairs,
        "autorestart": "true",
        "startsecs": "1",
        "stopwaitsecs": str(program.patience),
        "redirect_stderr": "true",
        "stdout_logfile": str(program.log),
        "stdout_logfile_maxbytes": "5MB",
        "stdout_logfile_backups": "1",
    }
    lines = [f"{key}={value.replace('%', '%%')}" for key, value in options.items() if value]
    return "\n".join([f"[program:{program.name}]", *lines]) + "\n"


def _edited(raw: str, key: str, value: str | None) -> str:
    """A raw environment value with one key set or removed; what is appended and removed again leaves it as it was."""
    present = re.compile(rf"(?P<lead>(?:^|,)\s*){re.escape(key)}\s*=\s*{VALUE}")
    if value is None:
        return present.sub("", raw, count=1).lstrip(",") if present.search(raw) else raw
    if '"' in value or "\n" in value:
        raise UnsafeEdit(f"{key}: a value with a quotation mark or a line break cannot be written to supervisord's configuration")
    pair = f'{key}="{value}"'
    if present.search(raw):
        return present.sub(lambda match: match["lead"] + pair, raw, count=1)
    tail = TAIL.search(raw)
    last = tail.start() if tail else len(raw)
    return f"{raw[:last]},{pair}{raw[last:]}" if raw[:last].strip() else f"{raw[:last]}{pair}{raw[last:]}"
