"""Locks, queues, tasks and time limits, on asyncio's own loop or on uvloop.

tasks.py <asyncio|uvloop> <work> [argument]: for each count that comes in on a line, does the work that
often and answers with what one cost, as the other arms do.
"""

import asyncio
import json
import resource
import sys
import time

FOREVER_S = 3600
LIMIT_S = 1


async def give(index):
    return index


async def give_way(index):
    await asyncio.sleep(0)
    return index


def check(is_right):
    if not is_right:
        raise AssertionError("a result is wrong")


class Work:
    """What is measured; what it needs is made before, without being measured."""

    def __init__(self, argument):
        self.argument = argument

    async def prepare(self, count):
        pass


class Lock(Work):
    """The lock is free."""

    async def do(self, count):
        lock = asyncio.Lock()
        for _ in range(count):
            await lock.acquire()
            lock.release()


class LockWith(Work):
    async def do(self, count):
        lock = asyncio.Lock()
        for _ in range(count):
            async with lock:
                pass


class LockPass(Work):
    """Two tasks hand a lock to each other."""

    async def do(self, count):
        lock = asyncio.Lock()

        async def user():
            for _ in range(count // 2):
                await lock.acquire()
                await asyncio.sleep(0)
                lock.release()

        await asyncio.gather(user(), user())


class Queue(Work):
    """One task puts and another gets; the argument is the size of the queue."""

    async def do(self, count):
        queue = asyncio.Queue(int(self.argument))

        async def produce():
            for index in range(count):
                await queue.put(index)

        async def consume():
            for index in range(count):
                check(await queue.get() == index)

        await asyncio.gather(produce(), consume())


class Cancel(Work):
    async def prepare(self, count):
        self.tasks = [asyncio.create_task(asyncio.sleep(FOREVER_S)) for _ in range(count)]
        await asyncio.sleep(0)

    async def do(self, count):
        for task in self.tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks = None
        check(len(outcomes) == count and isinstance(outcomes[-1], asyncio.CancelledError))


class SpawnCancel(Cancel):
    async def prepare(self, count):
        pass

    async def do(self, count):
        await Cancel.prepare(self, count)
        await Cancel.do(self, count)


class SpawnOne(Work):
    async def do(self, count):
        for index in range(count):
            check(await asyncio.create_task(give(index)) == index)


class SpawnMany(Work):
    async def do(self, count):
        tasks = [asyncio.create_task(give(index)) for index in range(count)]
        for index, task in enumerate(tasks):
            check(await task == index)


class Timeout(Work):
    """The time limit is kept; the argument says what has it."""

    async def do(self, count):
        work = LIMITED[self.argument]
        for index in range(count):
            async with asyncio.timeout(LIMIT_S):
                result = await work(index)
            check(result == index)


class WaitFor(Work):
    async def do(self, count):
        work = LIMITED[self.argument]
        for index in range(count):
            check(await asyncio.wait_for(work(index), LIMIT_S) == index)


LIMITED = {"at-once": give, "gives-way": give_way}

WORKS = {
    "lock": Lock,
    "lock-with": LockWith,
    "lock-pass": LockPass,
    "queue": Queue,
    "cancel": Cancel,
    "spawn-cancel": SpawnCancel,
    "spawn-one": SpawnOne,
    "spawn-many": SpawnMany,
    "timeout": Timeout,
    "wait-for": WaitFor,
}


async def answer_counts(work):
    while line := sys.stdin.readline():
        count = int(line)
        await work.prepare(count)
        cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
        await work.do(count)
        measurement = {
            "cpuNs": (time.process_time_ns() - cpu_ns) / count,
            "wallNs": (time.perf_counter_ns() - wall_ns) / count,
            "rssPeakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(measurement), flush=True)


def main(which, name, argument=None):
    if which == "uvloop":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(answer_counts(WORKS[name](argument)))


main(*sys.argv[1:])
