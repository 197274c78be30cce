"""Runs random programs under CPython's asyncio and prints their traces.

    python3.13 oracle.py [--perturb SEED] < programs > traces

Both are JSON, one a line. A trace is {"seed", "end", "lines"}. The end is "returned", also where main
raised; or "deadlock", "interrupt" (KeyboardInterrupt) or "hang" (main has returned, but what it left behind
never does), and then the lines are those up to that moment. What is patched in asyncio, and why, stands in
oracle/virtual_loop.py. The programs come from generate.ts; scripts/record-parity.mjs puts both together.
"""

import asyncio
import gc
import json
import os
import sys
import warnings
from random import Random

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle"))

from interpreter import Interpreter  # noqa: E402
from trace import describe  # noqa: E402
from environment import MAIN_SLOT  # noqa: E402
from virtual_loop import Deadlock, VirtualLoop, put_sets_in_order, use_python_tasks  # noqa: E402


# What ends a program before main does.
ENDS = {Deadlock: "deadlock", KeyboardInterrupt: "interrupt"}
# What ends it while it is shut down: there asyncio.run() would hang or raise.
SHUTDOWN_ENDS = {Deadlock: "hang", KeyboardInterrupt: "interrupt"}


def run_program(program, perturbation):
    random = None if perturbation is None else Random(perturbation * 1_000_003 + program["seed"])
    loop = VirtualLoop(random)
    interpreter = Interpreter(program, loop, random)
    trace = interpreter.trace
    loop.set_exception_handler(interpreter.on_exception)

    async def main():
        if program["eager"]:
            loop.set_task_factory(asyncio.eager_task_factory)
        instance = interpreter.instance(0)
        interpreter.store(MAIN_SLOT, asyncio.current_task(), instance.rank)
        try:
            return await interpreter.start(instance)
        finally:
            # A deadlock is over before main is: its trace is closed.
            if not trace.closed:
                interpreter.main_ended()

    end = None
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                result = runner.run(main())
            except (Deadlock, KeyboardInterrupt) as error:
                end = ENDS[type(error)]
                trace.closed = True
                raise
            except (Exception, asyncio.CancelledError) as error:
                result = error
        interpreter.closed()
        trace.log("run", describe(result))
    except BaseException as error:
        # Also from the shutdown: of what main left behind, or of what an interrupt left in disorder.
        if end is None:
            end = SHUTDOWN_ENDS[type(error)]
    trace.closed = True
    return {"seed": program["seed"], "end": end or "returned", "lines": trace.lines}


def main():
    put_sets_in_order()
    perturbation = int(sys.argv[2]) if sys.argv[1:2] == ["--perturb"] else None
    if perturbation is not None:
        use_python_tasks()
    warnings.simplefilter("ignore")
    # What is left over is closed by the collector, complains, and is not our concern.
    sys.unraisablehook = lambda unraisable: None
    gc.disable()
    for count, line in enumerate(sys.stdin):
        trace = run_program(json.loads(line), perturbation)
        sys.stdout.write(json.dumps(trace, separators=(",", ":")) + "\n")
        sys.stdout.flush()
        if count % 200 == 199:
            gc.collect()


if __name__ == "__main__":
    main()
