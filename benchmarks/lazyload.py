"""What deferring imports does to a program's start, its first request and its memory.

python benchmarks/lazyload.py [--rounds 5]   (needs no lab; medians)

A program that imports the heavy modules of a mix, does no work, tells how old its process is, then answers one request that needs them all, and
a second one. Sides, in turns: eager (the plain interpreter); eager under the launcher with the switch off; importlib.util.LazyLoader for every module
of the mix; ours (`python -m lazyload`, switch on, rewritten code cached); each with `import x` and with `from x import y`.
Start: from the kernel's start of the process to ready, in steps of 10 ms, and CPU seconds to ready, which other work on the machine disturbs less.
First: the first request. MiB: resident at ready, and after both requests.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
MIXES = {"pandas, numpy, httpx": ("pandas.DataFrame", "numpy.arange", "httpx.URL"), "json, calendar (light)": ("json.dumps", "calendar.isleap")}
LAZY_LOADER = """
import importlib.util
import sys
from importlib.machinery import PathFinder


class Lazily:
    def find_spec(self, name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target) if name in {modules!r} else None
        if spec is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


sys.meta_path.insert(0, Lazily())
"""
PROGRAM = """
{imports}
import json
import os
import time
from pathlib import Path


def seen():
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks, time.process_time(), resident


def request():
    began = time.perf_counter(), time.process_time()
    {uses}
    return time.perf_counter() - began[0], time.process_time() - began[1]


def main():
    start, cpu, ready = seen()
    first, first_cpu = request()
    second, _ = request()
    told = dict(start=start, cpu=cpu, first=first, first_cpu=first_cpu, second=second, ready=ready, after=seen()[2])
    print(json.dumps(told))


main()
"""
SIDES = ("eager", "launcher off", "LazyLoader", "ours")


def program(style: str, names: tuple[str, ...]) -> str:
    """The program in one import style."""
    modules = [name.rpartition(".")[0] for name in names]
    if style == "import x":
        return PROGRAM.format(imports="\n".join(f"import {module}" for module in modules), uses="; ".join(names))
    attributes = [name.rpartition(".")[2] for name in names]
    return PROGRAM.format(
        imports="\n".join(f"from {module} import {attribute}" for module, attribute in zip(modules, attributes, strict=True)),
        uses="; ".join(attributes),
    )


def measure(side: str, folder: Path, text: str, modules: list[str]) -> dict[str, float]:
    """One start and two requests."""
    folder.mkdir(exist_ok=True)
    file = folder / "program.py"
    wanted = LAZY_LOADER.format(modules=modules) + text if side == "LazyLoader" else text
    if not file.exists() or file.read_text() != wanted:
        file.write_text(wanted)
    launcher = [] if side in {"eager", "LazyLoader"} else ["-m", "lazyload"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LAZY_", "PYTHON"))}
    environment |= {"PYTHONPATH": str(ROOT), "LAZY_IMPORTS": "true" if side == "ours" else "false"}
    done = subprocess.run([sys.executable, *launcher, str(file)], env=environment, capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory(prefix="bench-") as base:
        for mix, names in MIXES.items():
            modules = [name.rpartition(".")[0] for name in names]
            for style in ("import x", "from x import y"):
                told: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
                for number in range(rounds + 1):
                    for side in SIDES:
                        seen = measure(side, Path(base) / f"{side}-{style}-{mix}".replace(" ", "_"), program(style, names), modules)
                        told[side] += [seen] * bool(number)  # the first round fills caches
                print(f"\n{mix}; {style}; medians of {rounds}; load {os.getloadavg()[0]:.1f}")
                print(f"{'':14}{'start s':>9}{'CPU s':>8}{'CPU saved':>11}{'first ms':>10}{'its CPU':>9}{'second ms':>11}{'MiB':>7}{'after':>7}")
                middle = {side: {key: median(each[key] for each in rows) for key in rows[0]} for side, rows in told.items()}
                for side, at in middle.items():
                    saved = 1 - at["cpu"] / middle["eager"]["cpu"]
                    figures = f"{at['start']:9.2f}{at['cpu']:8.3f}{saved:11.0%}{at['first'] * 1e3:10.1f}{at['first_cpu'] * 1e3:9.1f}"
                    print(f"{side:14}{figures}{at['second'] * 1e3:11.2f}{at['ready']:7.1f}{at['after']:7.1f}", flush=True)


if __name__ == "__main__":
    main()
