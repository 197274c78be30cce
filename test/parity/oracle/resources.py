"""Locks and queues under one interface. resources.ts has the calls, locks.ts the same for Gyre.

A call that does not wait is a method that takes the statement's value; one that may wait is a coroutine
method of the same kind. `with` is the object that `async with` takes.
"""

import asyncio


class LockResource:
    def __init__(self, env, lock):
        self.lock = lock

    def release(self, value):
        self.lock.release()

    def state(self, value):
        return self.lock.locked()

    async def acquire(self, value):
        # What it gives (True in asyncio, a guard in Gyre) is no part of the trace.
        await self.lock.acquire()


class EventResource:
    def __init__(self, env, event):
        self.event = event

    def set(self, value):
        self.event.set()

    def clear(self, value):
        self.event.clear()

    def state(self, value):
        return self.event.is_set()

    async def wait(self, value):
        await self.event.wait()


class ConditionResource(LockResource):
    """Each notification counts; waitFor waits for a count."""

    def __init__(self, env, condition):
        super().__init__(env, condition)
        self.count = 0

    def notify(self, value):
        self.count += 1
        self.lock.notify(value)

    def notifyAll(self, value):
        self.count += 1
        self.lock.notify_all()

    async def wait(self, value):
        await self.lock.wait()

    async def waitFor(self, value):
        return await self.lock.wait_for(lambda: self.count >= value and self.count)


class BarrierResource:
    def __init__(self, env, barrier):
        self.barrier = barrier

    def state(self, value):
        return [self.barrier.parties, self.barrier.n_waiting, self.barrier.broken]

    async def wait(self, value):
        return await self.barrier.wait()

    async def reset(self, value):
        await self.barrier.reset()

    async def abort(self, value):
        await self.barrier.abort()


class QueueResource:
    """Items are the value of the statement, made distinct by how many were put before."""

    def __init__(self, env, queue):
        self.queue = queue
        self.put_count = 0

    def item(self, value):
        self.put_count += 1
        return value * 100 + self.put_count

    def putNowait(self, value):
        self.queue.put_nowait(self.item(value))

    def getNowait(self, value):
        return self.queue.get_nowait()

    def taskDone(self, value):
        self.queue.task_done()

    def shutdown(self, value):
        self.queue.shutdown()

    def shutdownNow(self, value):
        self.queue.shutdown(immediate=True)

    def state(self, value):
        return [self.queue.qsize(), self.queue.empty(), self.queue.full()]

    async def put(self, value):
        await self.queue.put(self.item(value))

    async def get(self, value):
        return await self.queue.get()

    async def join(self, value):
        await self.queue.join()


def create_resource(env, resource):
    kind, size = resource["kind"], resource["size"]
    if kind == "lock":
        return LockResource(env, asyncio.Lock())
    if kind == "event":
        return EventResource(env, asyncio.Event())
    if kind == "condition":
        shared = env.resources[size] if size >= 0 else None
        lock = shared.lock if isinstance(shared, LockResource) else None
        return ConditionResource(env, asyncio.Condition(lock if isinstance(lock, asyncio.Lock) else None))
    if kind == "semaphore":
        return LockResource(env, asyncio.Semaphore(size))
    if kind == "boundedSemaphore":
        return LockResource(env, asyncio.BoundedSemaphore(size))
    if kind == "barrier":
        return BarrierResource(env, asyncio.Barrier(size))
    queues = {"queue": asyncio.Queue, "priorityQueue": asyncio.PriorityQueue, "lifoQueue": asyncio.LifoQueue}
    return QueueResource(env, queues[kind](size))
