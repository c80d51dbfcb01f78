"""`python -m lazyload [--explain] -m MODULE [ARGS...]` or `python -m lazyload [--explain] SCRIPT [ARGS...]`."""

from __future__ import annotations

import os
import sys

from lazyload.program import Program, load_module, load_script, run
from lazyload.settings import SettingsError, read_settings

USAGE = "usage: python -m lazyload [--explain] (-m MODULE | SCRIPT) [ARGS...]\n"


def main(words: list[str]) -> None:
    """Runs or explains the program; SystemExit 2 with a sentence on stderr when there is nothing to run."""
    explained = words[:1] == ["--explain"]
    words = words[explained:]
    as_module = words[:1] == ["-m"]
    target, arguments = words[as_module : as_module + 1], words[as_module + 1 :]
    if not target or target[0].startswith("-"):
        sys.stderr.write(USAGE)
        raise SystemExit(2)
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"lazyload: {error}\n")
        raise SystemExit(2) from None
    program = Program.of_module(target[0]) if as_module else Program.of_script(target[0])
    if explained:
        from lazyload.explain import explain  # noqa: PLC0415 (a start that explains nothing does without)

        sys.stdout.writelines(f"{line}\n" for line in explain(program, target[0], settings))
        return
    if settings.on:
        from lazyload.loader import install  # noqa: PLC0415 (a start that defers nothing does without)

        install(program, settings)
    run(load_module(target[0]) if as_module else load_script(target[0]), arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
