"""CPython's own event loop on a virtual clock, made deterministic.

The loop is asyncio.BaseEventLoop itself; only its selector and its clock are replaced, and what CPython
leaves to chance is put in order:

1. The clock counts milliseconds from 0 as integral floats. It moves only when nothing is ready, and then
   straight to the next timer. The clock's resolution is negligible, so a timer never fires early.
2. Timers of equal deadline fire in arming order. CPython leaves their order to heapq; Gyre promises it
   (semantics, line 2), so here timer handles carry a sequence number.
3. Sets of tasks and futures are iterated in insertion order: those of TaskGroup, as_completed, wait and
   all_tasks. CPython orders them by address.

Nothing ready and no timer raises Deadlock, where CPython would sleep for ever.
"""

import asyncio
import heapq
from asyncio import base_events, events, futures, taskgroups, tasks


# How much of what is ready a perturbed loop keeps back: one of these, for each program.
HELD = (0, 0.05, 0.15, 0.3, 0.5)


# The clock's resolution.
NEGLIGIBLE = 1e-6


class Deadlock(BaseException):
    """Nothing is ready and no timer is armed: nothing can ever happen again."""


class Abandoned(BaseException):
    """The run has departed from the outcome that it was to reach."""


class OrderedSet(dict):
    """The part of set that asyncio uses, iterated in insertion order."""

    def __init__(self, items=()):
        super().__init__((item, None) for item in items)

    def add(self, item):
        self[item] = None

    def remove(self, item):
        del self[item]

    def discard(self, item):
        self.pop(item, None)


class SequencedTimerHandle(events.TimerHandle):
    """A timer handle that is ordered by deadline, then by arming."""

    __slots__ = ("sequence",)

    def __lt__(self, other):
        if self._when != other._when:
            return self._when < other._when
        return self.sequence < other.sequence


class JumpingSelector:
    """No file descriptors: waiting is moving the clock to the next timer."""

    # Set in guided runs.
    match = None

    def __init__(self, loop):
        self.loop = loop

    def select(self, timeout):
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            then = self.loop._scheduled[0]._when
            if self.match is not None:
                self.match.clock(then)
            self.loop.now = then
        return []


class PerturbingSelector(JumpingSelector):
    """Keeps some of what is ready, and timers, back for a turn: the order within an instant changes.

    A program whose coroutines do the same, each for itself, however they are perturbed, depends on no
    such order: it must do the same in async functions, whose turns are not those of generators.
    """

    def __init__(self, loop, draws, match):
        super().__init__(loop)
        self.draws = draws
        self.match = match
        self.share = draws.of("loop holds").choice(HELD)
        self.held = []

    def select(self, timeout):
        if self.match is not None and self.match.departed_at is not None:
            raise Abandoned
        ready = self.loop._ready
        # With a clock that is behind, timers that are due wait for the next turn.
        own = self.draws.of(f"loop at {self.loop.now}")
        keeps_timers = len(ready) > 0 and own.random() < self.share
        self.loop._clock_resolution = -NEGLIGIBLE if keeps_timers else NEGLIGIBLE
        if self.held:
            ready.extend(self.held)
            self.held = []
        elif not ready:
            return super().select(timeout)
        else:
            handles = list(ready)
            ready.clear()
            for handle in handles:
                (self.held if own.random() < self.share else ready).append(handle)
        return []


class VirtualLoop(base_events.BaseEventLoop):
    def __init__(self, draws=None, match=None):
        """With random decisions, the order within an instant is perturbed; with a match, it is guided."""
        super().__init__()
        self.now = 0.0
        self._clock_resolution = NEGLIGIBLE
        self._selector = (
            JumpingSelector(self) if draws is None else PerturbingSelector(self, draws, match)
        )
        self._timer_sequence = 0
        # Every task ever made here with its place in the order of creation. It also keeps them alive,
        # so that none is reported as "never retrieved" at the garbage collector's whim.
        self.created = []
        self._creation_sequence = 0

    def time(self):
        return self.now

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def call_at(self, when, callback, *args, context=None):
        self._check_closed()
        timer = SequencedTimerHandle(when, callback, args, self, context)
        self._timer_sequence += 1
        timer.sequence = self._timer_sequence
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def create_task(self, coro, *, name=None, context=None):
        return self.register(lambda: super(VirtualLoop, self).create_task(coro, name=name, context=context))

    def create_eager_task(self, coro, name):
        return self.register(lambda: tasks.Task(coro, loop=self, name=name, eager_start=True))

    def register(self, make):
        """Number the task before it is made: an eager one may make others before it is returned."""
        self._creation_sequence += 1
        sequence = self._creation_sequence
        task = make()
        self.created.append((sequence, task))
        return task


def all_tasks_in_order(loop=None):
    loop = loop or events.get_running_loop()
    return [task for _, task in sorted(loop.created, key=lambda entry: entry[0]) if not task.done()]


def as_completed_in_order(self, aws, timeout):
    """_AsCompletedIterator.__init__ of 3.13 with its two set expressions in insertion order."""
    self._done = asyncio.Queue()
    self._timeout_handle = None
    loop = events.get_event_loop()
    todo = OrderedSet(asyncio.ensure_future(aw, loop=loop) for aw in OrderedSet(aws))
    for f in todo:
        f.add_done_callback(self._handle_completion)
    if todo and timeout is not None:
        self._timeout_handle = loop.call_later(timeout, self._handle_timeout)
    self._todo = todo
    self._todo_left = len(todo)


def put_sets_in_order():
    # A module's own `set` hides the builtin one from the code of that module.
    taskgroups.set = OrderedSet
    tasks.set = OrderedSet
    tasks.all_tasks = all_tasks_in_order
    tasks._AsCompletedIterator.__init__ = as_completed_in_order


def use_python_tasks():
    """asyncio's tasks and futures in Python instead of C: the same, with attributes that can be set."""
    tasks.Task = asyncio.Task = tasks._PyTask
    asyncio.eager_task_factory = tasks.create_eager_task_factory(tasks._PyTask)
    futures.Future = asyncio.Future = futures._PyFuture
