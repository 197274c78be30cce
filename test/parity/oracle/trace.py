"""The lines of a trace, in the form that trace.ts gives them.

`time who mark op detail`: who is a coroutine's instance (c2.1 is the first instance of coroutine 2), a
callback (k0) or the loop; mark is > before and < after a statement that may wait, = after one that
cannot, x where an error leaves it.
"""

import asyncio

# The classes that Gyre names otherwise: misuse is RuntimeError, ValueError or TypeError in asyncio, and
# an error of Gyre's own with a code of its own there. Which one it is is checked by other tests.
MISUSE = (RuntimeError, ValueError, TypeError)


# Results of results of results: deeper ones are not written out.
DEPTH_MAX = 3


class AppError(Exception):
    """What the programs raise themselves."""


def describe_error(error, depth=0):
    if isinstance(error, AppError):
        return f"AppError({error.args[0]})"
    if isinstance(error, asyncio.CancelledError):
        return f"CancelledError({error.args[0] if error.args and error.args[0] else ''})"
    if isinstance(error, BaseExceptionGroup):
        if depth == DEPTH_MAX:
            return "ExceptionGroup[...]"
        inner = ",".join(describe_error(e, depth + 1) for e in error.exceptions)
        return f"ExceptionGroup[{inner}]"
    if isinstance(error, asyncio.InvalidStateError):
        return "InvalidStateError"
    if isinstance(error, asyncio.BrokenBarrierError):
        return "BrokenBarrierError"
    if isinstance(error, MISUSE):
        return "Misuse"
    return type(error).__name__


def describe(value, depth=0):
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, BaseException):
        return describe_error(value, depth)
    if isinstance(value, (list, tuple)):
        if depth == DEPTH_MAX:
            return "[...]"
        return f"[{','.join(describe(item, depth + 1) for item in value)}]"
    if isinstance(value, float):
        return str(int(value))
    return str(value)


def describe_future(future):
    if not future.done():
        text = "pending"
    elif future.cancelled():
        text = "cancelled"
    elif future.exception() is not None:
        text = f"failed {describe_error(future.exception())}"
    else:
        text = f"finished {describe(future.result())}"
    return f"{text} cancelling {future.cancelling()}" if isinstance(future, asyncio.Task) else text


class Trace:
    def __init__(self, loop):
        self.loop = loop
        self.lines = []
        self.closed = False
        # Set in guided runs (target.py).
        self.match = None

    def close(self):
        """What happens from now on, in a shutdown that asyncio would not survive, is in no trace."""
        if self.closed:
            return
        self.closed = True
        if self.match is not None:
            self.match.close(self.loop.now)

    def log(self, who, text):
        if self.closed:
            return
        time = int(self.loop.now)
        line = f"{time} {who} {text}"
        self.lines.append(line)
        if self.match is not None:
            self.match.line(time, who, line)
