"""First use from many threads at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lazyload.interpreters import VERSIONS, interpreter, run

THREADS = 24
# Modules that take a while to import and count how often that happens; a partial one lacks its last line.
SLOW = 'import time, ledger\nledger.ENTRIES.append(__name__)\nfor _ in range(5):\n    time.sleep(0.01)\nVALUE = "whole"\n'
PROGRAM = """
import json
import sys
import threading

import slow_one
from slow_two import VALUE
from circle import left, right
import ledger


def use(number):
    seen.append([slow_one.VALUE, VALUE] if number % 2 else [VALUE, slow_one.VALUE])
    both.append(left.both() if number % 3 else right.both())


def work(number):
    barrier.wait()
    try:
        use(number)
    except BaseException as error:
        failed.append(repr(error))


seen, both, failed = [], [], []
barrier = threading.Barrier(int(sys.argv[1]))
waited = [name for name in ("slow_one", "slow_two", "circle.left") if name not in sys.modules]
threads = [threading.Thread(target=work, args=(number,)) for number in range(barrier.parties)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
print(json.dumps([waited, sorted(ledger.ENTRIES), failed, seen, both]))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_all_threads_see_whole_modules_imported_once(version: str, tmp_path: Path) -> None:
    """24 threads start together and each uses four deferred names: every import runs once, nobody sees half of a module, and nobody waits for ever.

    circle.left and circle.right import each other: without one lock for all, two threads that begin at both ends see each other's half.
    """
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} is at hand")
    (tmp_path / "apart").mkdir()
    for name in ("slow_one", "slow_two"):
        (tmp_path / "apart" / f"{name}.py").write_text(SLOW)
    (tmp_path / "program").mkdir()
    program = tmp_path / "program" / "race.py"
    program.write_text(f"import sys\n\nsys.path.append({str(tmp_path / 'apart')!r})\n{PROGRAM}")
    raced = run(python, "-m", "lazyload", str(program), str(THREADS), LAZY_IMPORTS="true")
    assert raced.returncode == 0, raced.stderr
    waited, imported, failed, seen, both = json.loads(raced.stdout)
    assert waited == ["slow_one", "slow_two", "circle.left"]
    assert failed == []
    assert imported == ["slow_one", "slow_two"]
    assert (seen, both) == ([["whole", "whole"]] * THREADS, [["left", "right"]] * THREADS)
