"""Reads a YAML file of the user's into a frozen, typed value, or says which key is wrong and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rollout.errors import InputError

D = TypeVar("D", bound=BaseModel)


class Document(BaseModel):
    """Base of everything that is loaded from a file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


def read_yaml(file: Path) -> Any:  # noqa: ANN401 (YAML is untyped until a Document validates it)
    """The plain content of a YAML file; duplicate keys, broken syntax and unreadable files raise InputError."""
    try:
        content = _parsed(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(file, "", error.strerror or str(error)) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(file, "", " ".join(str(error).split())) from error
    if content is None:
        raise InputError(file, "", "the file is empty")
    return content


def _parsed(text: str) -> Any:  # noqa: ANN401
    """By the C parser, four times as fast; what it refuses, as a URL without quotes inside braces, is for the other one to read or to explain."""
    try:
        return YAML(typ="safe").load(text)
    except YAMLError:
        return YAML(typ="safe", pure=True).load(text)


def validated(kind: type[D], content: Any, file: Path | str) -> D:  # noqa: ANN401
    """The content as a value of that kind; the first wrong key raises InputError with file, key and reason."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "unknown key"
        raise InputError(file, key, reason) from error
