"""What the statements of one running program share: slots, handles, timeouts, groups, locks, queues.

environment.ts is the same for Gyre. Two rules keep programs comparable, and both sides apply them:

- Rank. Every coroutine instance has a rank, in order of creation; a future has the rank of what it
  stands for, plain ones above all. A task awaits only what has a higher rank than itself (and itself,
  which is an error), so waiting never goes in a circle, in which cancel() would recurse without end.
- The end. After main has ended, lines of callbacks and of instances made since are dropped: how many
  turns a loop makes while it closes is its own affair.
"""

import asyncio

from resources import create_resource
from trace import Trace, describe_error, describe_future

INSTANCES_MAX = 80
PLAIN = 1 << 30
MAIN_SLOT = 5
SKIP = "skip"


class Instance:
    """One coroutine object of a program."""

    __slots__ = ("coro", "label", "rank", "share")

    def __init__(self, coro, label, rank):
        self.coro = coro
        self.label = label
        self.rank = rank
        # Set in perturbed runs: how often it gives way.
        self.share = None


class Environment:
    def __init__(self, program, loop, draws=None):
        self.program = program
        # Set in perturbed runs.
        self.draws = draws
        # In perturbed runs, the tasks that were last cancelled by others, while they gave way.
        self.cancelled_outside = set()
        self.loop = loop
        self.trace = Trace(loop)
        self.slots = {}
        self.handles = {}
        self.timeouts = {}
        self.groups = {}
        self.done_callbacks = {}
        self.resources = []
        for resource in program["resources"]:
            self.resources.append(create_resource(self, resource))
        # How many instances there are, of each coroutine and of all.
        self.counts = {}
        self.rank = 0
        # The highest rank when main ended; None while it runs.
        self.last_rank = None
        # Ranks by future. A dictionary of futures, not of ids, so that none is collected before the end.
        self.ranks = {}
        self.awaited_themselves = set()
        # Those that something which has not begun yet is going to await.
        self.held_for_later = set()

    def instance(self, coro):
        """A new instance of the coroutine, or None when the program has made too many."""
        if self.rank >= INSTANCES_MAX:
            return None
        self.rank += 1
        self.counts[coro] = self.counts.get(coro, 0) + 1
        return Instance(coro, f"c{coro}.{self.counts[coro]}", self.rank)

    def log(self, instance, text):
        if self.last_rank is None or instance.rank <= self.last_rank:
            self.trace.log(instance.label, text)

    def log_callback(self, index, text):
        if self.last_rank is None:
            self.trace.log(f"k{index}", text)

    def keep(self, future, rank):
        # What has a rank keeps it: shield() of a done future gives that very future.
        self.ranks.setdefault(future, rank)

    def store(self, slot, future, rank):
        self.slots[slot] = future
        self.keep(future, rank)

    def rank_of(self, future):
        return self.ranks.get(future, 0)

    def may_await(self, future):
        if future in self.awaited_themselves:
            return False
        return self.rank_of(future) > self.rank_of(asyncio.current_task())

    def may_await_itself(self, future):
        """Whether the future is the current task: awaiting it is an error, to be provoked once.

        In C, the error leaves the task marked as being awaited, and whoever awaits it next gets the
        RuntimeError "await wasn't used with future"; in asyncio's Python code it does not. Gyre has no
        such mark, so programs leave the task alone from here on.
        """
        if future is not asyncio.current_task() or future in self.awaited_themselves:
            return False
        if future in self.held_for_later:
            return False
        self.awaited_themselves.add(future)
        return True

    @property
    def has_ended(self):
        return self.last_rank is not None

    def main_ended(self):
        """Log what has become of everything, and drop what is made from now on."""
        for slot in sorted(self.slots):
            self.trace.log("end", f"slot {slot} {describe_future(self.slots[slot])}")
        self.last_rank = self.rank

    def closed(self):
        """The loop is closed: log how the tasks that main had left behind ended."""
        for slot in sorted(self.slots):
            future = self.slots[slot]
            if isinstance(future, asyncio.Task) and self.rank_of(future) <= self.last_rank:
                self.trace.log("closed", f"slot {slot} {describe_future(future)}")

    def on_exception(self, loop, context):
        message = context["message"]
        error = describe_error(context["exception"]) if "exception" in context else ""
        if message.startswith("Exception in callback"):
            if self.last_rank is None:
                self.trace.log("loop", f"callback {error}")
        elif message.startswith("unhandled exception during"):
            self.trace.log("loop", f"shutdown {error}")
        elif "errored out but its parent" in message:
            self.trace.log("loop", f"orphan {error}")
        elif "never retrieved" not in message and "was destroyed" not in message:
            self.trace.log("loop", f"{message} {error}")
