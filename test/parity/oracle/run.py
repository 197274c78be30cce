"""Runs one random program under CPython's asyncio and gives its trace."""

import asyncio

from environment import MAIN_SLOT
from interpreter import Interpreter
from trace import describe
from virtual_loop import Abandoned, Deadlock, VirtualLoop

# What ends a program before main does.
ENDS = {Deadlock: "deadlock", KeyboardInterrupt: "interrupt", Abandoned: "abandoned"}
# What ends it while it is shut down: there asyncio.run() would hang or raise.
SHUTDOWN_ENDS = {Deadlock: "hang", KeyboardInterrupt: "interrupt", Abandoned: "abandoned"}


def run_program(program, draws=None, match=None):
    """With random decisions it is perturbed; with a match (target.py) it is abandoned where it departs."""
    loop = VirtualLoop(draws, match)
    interpreter = Interpreter(program, loop, draws)
    trace = interpreter.trace
    trace.match = match
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
            except (Deadlock, KeyboardInterrupt, Abandoned) as error:
                end = ENDS[type(error)]
                trace.close()
                raise
            except (Exception, asyncio.CancelledError) as error:
                result = error
        interpreter.closed()
        trace.log("run", describe(result))
    except BaseException as error:
        # Also from the shutdown: of what main left behind, or of what an interrupt left in disorder.
        if end is None:
            end = SHUTDOWN_ENDS[type(error)]
    trace.close()
    return {"seed": program["seed"], "end": end or "returned", "lines": trace.lines}
