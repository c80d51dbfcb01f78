"""Small programs with awkward imports: under the launcher they do what they do without it, and what waits is what their text declares.

Each file of corpus/ ends with `# waits:` (the names whose imports are deferred), `# prints:` (its output) and, where it is not 0, `# exits:`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lazyload.interpreters import EACH, HERE, interpreter, run

pytestmark = pytest.mark.slow
CASES = sorted((HERE / "corpus").glob("*.py"))
# One process explains them all; a line each: the case, then the names that wait.
EXPLAIN = """
import json, pathlib, sys
from lazyload.explain import explain
from lazyload.program import Program
from lazyload.settings import Settings
for path in sys.argv[1:]:
    lines = list(explain(Program.of_script(path), path, Settings(on=True)))[1:]
    own = lines[: next((i for i, line in enumerate(lines) if not line.startswith(" ")), len(lines))]
    texts = [line.split(None, 2)[2] for line in own if line.startswith("  deferred")]
    foreign = [t for t in texts if any(m in t for m in ("heavy", "pack", "effect", "broken", "absent", "parts"))]
    print(json.dumps([pathlib.Path(path).stem, sorted(t.split()[-1].partition(".")[0] for t in foreign)]))
"""


def declared(path: Path, key: str) -> list[str]:
    """What the file's last lines say."""
    return [line.partition(": ")[2] for line in path.read_text().splitlines() if line.startswith(f"# {key}:")]


@pytest.fixture(params=EACH)
def python(request: pytest.FixtureRequest) -> str:
    """Each interpreter that is at hand."""
    found = interpreter(request.param)
    if found is None:
        pytest.skip(f"no Python {request.param} is at hand")
    return found


def test_there_are_enough_of_them() -> None:
    """Issue 6 asks for at least 30."""
    assert len(CASES) >= 30


def test_what_waits_is_what_the_text_declares(python: str) -> None:
    """--explain names exactly the declared imports of foreign modules as deferred."""
    told = run(python, "-c", EXPLAIN, *map(str, CASES))
    assert told.returncode == 0, told.stderr
    assert dict(map(json.loads, told.stdout.splitlines())) == {case.stem: sorted(declared(case, "waits")[0].split()) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_program_does_what_it_does_without_the_launcher(case: Path, python: str) -> None:
    """Output, exit code and the last line of what went wrong are the same eager and deferred, and as the file says."""
    code = int((declared(case, "exits") or ["0"])[0])
    eager = run(python, str(case))
    assert (eager.returncode, eager.stdout.splitlines()) == (code, declared(case, "prints")), eager.stderr
    deferred = run(python, "-m", "lazyload", str(case), LAZY_IMPORTS="true")
    assert (deferred.returncode, deferred.stdout) == (eager.returncode, eager.stdout), deferred.stderr
    assert deferred.stderr.splitlines()[-1:] == eager.stderr.splitlines()[-1:]
