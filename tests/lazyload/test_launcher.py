"""The launcher's command line, its switches, and what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.lazyload.interpreters import HERE, run

PLAIN = str(HERE / "corpus" / "plain.py")
# Says which of the foreign modules are loaded before and after they are used.
SHOWS = """
import sys

import heavy
from pack import sub
{more}

def use():
    return heavy.VALUE + sub.VALUE


def loaded():
    return [name for name in ("heavy", "pack.sub", "effect") if name in sys.modules]


print(loaded())
use()
print(loaded())
"""


def shows(folder: Path, more: str = "") -> str:
    """A program that tells what is loaded when."""
    folder.mkdir()
    program = folder / "shows.py"
    program.write_text(SHOWS.format(more=more))
    return str(program)


def test_off_it_only_runs_the_program(tmp_path: Path) -> None:
    """Absent or false, nothing is deferred, and none of the parts that defer is even loaded."""
    program = shows(tmp_path / "p", "print(sorted(name for name in sys.modules if name.startswith('lazyload')))")
    for environment in ({}, {"LAZY_IMPORTS": "false"}):
        told = run(sys.executable, "-m", "lazyload", program, **environment)
        assert told.stdout.splitlines() == ["['lazyload', 'lazyload.program', 'lazyload.settings']", *["['heavy', 'pack.sub']"] * 2]


def test_on_modules_come_with_their_first_use(tmp_path: Path) -> None:
    """Not loaded before the first use, loaded after it."""
    told = run(sys.executable, "-m", "lazyload", shows(tmp_path / "p"), LAZY_IMPORTS="true")
    assert told.stdout.splitlines() == ["[]", "['heavy', 'pack.sub']"]


def test_the_deny_list_keeps_and_the_allow_list_overrules_doubts(tmp_path: Path) -> None:
    """A denied prefix is imported at once; an import that seems to be for its effect waits when it is allowed; who is on both lists is denied."""
    program = shows(tmp_path / "p", "import effect")
    lazy = {"LAZY_IMPORTS": "true"}
    assert run(sys.executable, "-m", "lazyload", program, **lazy, LAZY_IMPORTS_DENY="pack, other").stdout.splitlines()[0] == "['pack.sub', 'effect']"
    assert run(sys.executable, "-m", "lazyload", program, **lazy, LAZY_IMPORTS_ALLOW="effect").stdout.splitlines()[0] == "[]"
    both = run(sys.executable, "-m", "lazyload", program, **lazy, LAZY_IMPORTS_ALLOW="effect", LAZY_IMPORTS_DENY="effect")
    assert both.stdout.splitlines()[0] == "['effect']"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("LAZY_IMPORTS", "yes", "true or false"),
        ("LAZY_IMPORTS_WARM", "1", "true or false"),
        ("LAZY_IMPORTS_WARM_AFTER", "soon", "seconds"),
        ("LAZY_IMPORTS_DENY", "a b", "no module"),
    ],
)
def test_a_variable_that_cannot_be_read_is_refused_by_name(variable: str, value: str, reason: str) -> None:
    """Exit code 2 and a sentence that names the variable."""
    refused = run(sys.executable, "-m", "lazyload", PLAIN, **{variable: value})
    assert refused.returncode == 2
    assert variable in refused.stderr
    assert reason in refused.stderr


@pytest.mark.parametrize("words", [[], ["-m"], ["--what"], ["nothing.py"], ["--explain"]])
def test_without_a_program_there_is_nothing_to_run(words: list[str]) -> None:
    """Exit code 2 and a sentence."""
    refused = run(sys.executable, "-m", "lazyload", *words)
    assert (refused.returncode, bool(refused.stderr)) == (2, True)


def test_a_package_a_module_and_a_missing_one_run_as_by_the_interpreter(tmp_path: Path) -> None:
    """`-m` gives what `python -m` gives: __spec__, argv, the folder first on sys.path; a missing module exits 1 with the same sentence."""
    package = tmp_path / "tool"
    package.mkdir()
    (package / "__init__.py").write_text("")
    told = "import os, sys\nprint(__name__, __spec__.name, __package__, os.path.basename(sys.argv[0]), sys.argv[1:], sys.path[1])\n"
    (package / "__main__.py").write_text(told)
    (package / "part.py").write_text(told)
    for name in ("tool", "tool.part", "tool.absent"):
        plain = run(sys.executable, "-m", name, "a", "-m", PYTHONPATH=f"{tmp_path}:{HERE.parents[1]}")
        for lazy in ("false", "true"):
            ours = run(sys.executable, "-m", "lazyload", "-m", name, "a", "-m", PYTHONPATH=f"{tmp_path}:{HERE.parents[1]}", LAZY_IMPORTS=lazy)
            assert (ours.returncode, ours.stdout, ours.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_explain_says_of_each_import_why(tmp_path: Path) -> None:
    """Deferred imports without a comment, all others with their reason; own modules that are reached are explained too; nothing of them runs."""
    folder = tmp_path / "p"
    program = shows(folder, "import effect\nimport own\nprint('runs')")
    (folder / "own.py").write_text("print('own runs')\nfrom heavy import double, wrap\n\n@wrap\ndef use():\n    return double(1)\n")
    told = run(sys.executable, "-m", "lazyload", "--explain", program, LAZY_IMPORTS="true")
    said = [re.sub(r"\s+", " ", line.strip()) for line in told.stdout.splitlines()]
    assert "runs" not in told.stdout
    for line in (
        "deferred 4 import heavy",
        "deferred 5 from pack import sub",
        "eager 6 import effect # never used here: imported for its effect, perhaps",
        "deferred 2 from heavy import double",
        "eager 2 from heavy import wrap # used while the module is imported, line 4",
    ):
        assert line in said


def test_what_is_missing_in_a_deferred_module_shows_at_first_use_with_its_line(tmp_path: Path) -> None:
    """A name that the module does not have, and a module that fails, raise where they are first needed and tell where the import stands."""
    (tmp_path / "p").mkdir()
    program = tmp_path / "p" / "late.py"
    program.write_text(
        "from heavy import nothing\nimport broken\n\ndef use(): return nothing\ndef also(): return broken\nprint('started')\n{use}()\n"
    )
    text = program.read_text()
    for use, line, sentence in (("use", 1, "cannot import name 'nothing'"), ("also", 2, "broken cannot work here")):
        program.write_text(text.replace("{use}", use))
        late = run(sys.executable, "-m", "lazyload", str(program), LAZY_IMPORTS="true")
        assert (late.returncode, late.stdout) == (1, "started\n")
        assert sentence in late.stderr
        assert f"line {line} of {program} and was deferred by lazyload" in late.stderr


def test_rewritten_code_is_kept_beside_the_bytecode_and_follows_the_source(tmp_path: Path) -> None:
    """The second start parses nothing, and ordinary bytecode is another file; a changed source is read anew; a deny list needs no new file."""
    program = shows(tmp_path / "p", "print('ast' in sys.modules)")
    lazy = {"LAZY_IMPORTS": "true"}
    cache = tmp_path / "cache"
    assert run(sys.executable, "-m", "lazyload", program, cache=cache, **lazy).stdout.splitlines() == ["True", "[]", "['heavy', 'pack.sub']"]
    assert [file.name for file in cache.rglob("shows*")] == [f"shows.cpython-3{sys.version_info[1]}.opt-lazyload.pyc"]
    assert run(sys.executable, "-m", "lazyload", program, cache=cache, **lazy).stdout.splitlines() == ["False", "[]", "['heavy', 'pack.sub']"]
    denied = run(sys.executable, "-m", "lazyload", program, cache=cache, **lazy, LAZY_IMPORTS_DENY="heavy")
    assert denied.stdout.splitlines() == ["False", "['heavy']", "['heavy', 'pack.sub']"]
    Path(program).write_text(Path(program).read_text() + "print('changed')\n")
    assert run(sys.executable, "-m", "lazyload", program, cache=cache, **lazy).stdout.splitlines()[-1] == "changed"


def test_the_warm_up_begins_after_the_program_listens(tmp_path: Path) -> None:
    """Nothing is loaded before the program listens; a while after it, all that waits is loaded though nobody used it."""
    (tmp_path / "p").mkdir()
    program = tmp_path / "p" / "server.py"
    program.write_text("""
import socket
import sys
import time

import heavy
from pack import sub


def use():
    return heavy, sub


def loaded():
    return [name for name in ("heavy", "pack.sub") if name in sys.modules]


time.sleep(0.3)
print(loaded())
with socket.create_server(("127.0.0.1", 0)):
    deadline = time.monotonic() + 30
    while len(loaded()) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
print(loaded())
""")
    warmed = run(sys.executable, "-m", "lazyload", str(program), LAZY_IMPORTS="true", LAZY_IMPORTS_WARM="true", LAZY_IMPORTS_WARM_AFTER="0.1")
    assert warmed.stdout.splitlines() == ["[]", "['heavy', 'pack.sub']"], warmed.stderr
