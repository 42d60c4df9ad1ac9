"""Try to break it: a seeded campaign of faults and malice, bounded in time.

Each try gives the package something damaged, lying or hostile, in a process of its own
that has a limit of time and of memory and folders of its own. What comes back is one of

- right: what the undamaged thing gives;
- refused: one or two lines that name the thing, and exit code 1 or 2 (in Python: a
  ValueError or an OSError);
- unclear: refused in other words, with a traceback, or by dying;
- hung, or over memory: not within the limits;
- wrong: another answer, and not a word;
- executed: what was hostile ran. Every payload only writes a marker, and a control that
  is trusted must write it, or the try could not fail.

The last five are due to be 0. Every try that isn't right or refused is listed.

    python benchmarks/faults.py
    python benchmarks/faults.py --group audio --seed 3 --keep FOLDER
"""

import argparse
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # forked processes share no threads
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")

from _faults.trying import KINDS, Campaign  # noqa: E402

GROUPS = {  # and the seconds that each may take
    "audio": 105,
    "tables": 55,
    "commands": 125,
    "store": 35,
    "models": 125,
    "fetching": 40,
    "runs": 75,
}
DUE = ("unclear", "hung", "memory", "wrong", "executed")


def main() -> int:
    """Try everything, and say what came of it, a line a group."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--group", action="append", choices=GROUPS, help="only this; repeat for more")
    add("--seed", type=int, default=0, help="of what is drawn (0)")
    add("--only", default="", metavar="TEXT", help="only tries with this in their name")
    add("--list", action="store_true", help="name the tries, and run none")
    add("--keep", metavar="FOLDER", help="keep there what the failed tries were given")
    add("--minutes", type=float, default=10, help="that all groups may take (10)")
    add("--jobs", type=int, default=2, help="tries at once (2)")
    options = parser.parse_args()
    start, failed = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="faults-") as place:
        campaign = Campaign(Path(place), options.keep, options.jobs)
        if not options.list:
            print(row("group", ["tried", *KINDS]), flush=True)
        for group in options.group or GROUPS:
            module = importlib.import_module(f"_faults.{group}")
            tries = [t for t in module.tries(options.seed) if options.only in t.name]
            if options.list:
                print("\n".join(f"{group}: {one.name}" for one in tries))
                continue
            found, untried = campaign.run(
                group, tries, GROUPS[group] * options.minutes / 10
            )
            counts = [sum(v.kind == kind for _, v in found) for kind in KINDS]
            late = f"   {untried} not tried: no time" if untried else ""
            print(row(group, [len(found), *counts]) + late, flush=True)
            bad = [(t, v) for t, v in found if v.kind in DUE]
            for one, verdict in bad:
                print(f"    {verdict.kind}: {one.name}: {verdict.said}", flush=True)
            failed += len(bad)
    if not options.list:
        verdict = "met" if not failed else "MISSED"
        seconds = time.monotonic() - start
        print(f"{failed} faults (due: 0) in {seconds:.0f} s: {verdict}")
    return 1 if failed else 0


def row(name: str, cells: list) -> str:
    """Write a line of the table."""
    return f"{name:<10}" + "".join(f"{cell!s:>10}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
