"""Runs random programs under CPython's asyncio and prints their traces.

    python3.13 oracle.py [--perturb SEED] < programs > traces
    python3.13 oracle.py --guide < requests > answers

All are JSON, one a line. A trace is {"seed", "end", "lines"}. The end is "returned", also where main
raised; or "deadlock", "interrupt" (KeyboardInterrupt) or "hang" (main has returned, but what it left behind
never does), and then the lines are those up to that moment. What is patched in asyncio, and why, stands in
oracle/virtual_loop.py. The programs come from generate.ts; scripts/record-parity.mjs puts both together.

A request is {"program", "outcome", "runs", "seed"}: to search for a perturbed run with that outcome
(oracle/guided_search.py); or {"program", "witness"}: to run what was found once more. guide.ts asks them.
"""

import gc
import json
import os
import sys
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle"))

from draws import Draws  # noqa: E402
from guided_search import search  # noqa: E402
from run import run_program  # noqa: E402
from virtual_loop import put_sets_in_order, use_python_tasks  # noqa: E402


def run(program):
    return run_program(program)


def run_perturbed(program, perturbation):
    return run_program(program, Draws(perturbation * 1_000_003 + program["seed"]))


def run_guided(request):
    if "witness" in request:
        return run_program(request["program"], Draws(**request["witness"]))
    return search(request["program"], request["outcome"], request["runs"], request["seed"])


def answer_with(arguments):
    """What answers a line of the input."""
    if not arguments:
        return run
    use_python_tasks()
    if arguments[0] == "--guide":
        return run_guided
    return lambda program: run_perturbed(program, int(arguments[1]))


def main():
    put_sets_in_order()
    answer = answer_with(sys.argv[1:])
    warnings.simplefilter("ignore")
    # What is left over is closed by the collector, complains, and is not our concern.
    sys.unraisablehook = lambda unraisable: None
    gc.disable()
    for count, line in enumerate(sys.stdin):
        sys.stdout.write(json.dumps(answer(json.loads(line)), separators=(",", ":")) + "\n")
        sys.stdout.flush()
        if count % 200 == 199:
            gc.collect()


if __name__ == "__main__":
    main()
