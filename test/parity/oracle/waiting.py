"""Statements that may wait. interpret.ts is the same for Gyre.

Each coroutine takes the environment, the instance and the statement and returns the value that the trace
shows, or a Returned, which ends the instance.
"""

import asyncio

from environment import PLAIN, SKIP
from trace import AppError, describe


class Returned:
    """The block has executed a return statement."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


async def sleep(env, instance, s):
    await asyncio.sleep(s["ms"])


async def return_value(env, instance, s):
    return Returned(s["value"])


async def call(env, instance, s):
    made = env.instance(s["coro"])
    return SKIP if made is None else await env.start(made)


async def await_slot(env, instance, s):
    target = env.slots.get(s["slot"])
    if target is None or not (env.may_await(target) or env.may_await_itself(target)):
        return SKIP
    if target is asyncio.current_task():
        env.fail_at_once()
    return await target


async def repeat(env, instance, s):
    for _ in range(s["times"]):
        returned = await env.run_block(instance, s["body"])
        if returned is not None:
            return returned


CATCHES = {
    None: (),
    "cancelled": asyncio.CancelledError,
    "app": AppError,
    "exception": Exception,
    # Not BaseException: that would catch the GeneratorExit with which Python closes what is left over.
    "all": (Exception, asyncio.CancelledError),
}


async def try_statement(env, instance, s):
    returned = None
    try:
        returned = await env.run_block(instance, s["body"])
    except CATCHES[s["catches"]] as error:
        env.log(instance, f"= caught {describe(error)}")
        returned = await env.run_block(instance, s["handler"])
        if s["reraise"] and returned is None:
            raise
    finally:
        if s["cleanup"] is not None:
            env.log(instance, "= finally")
            replaced = await env.run_block(instance, s["cleanup"])
            if replaced is not None:
                return replaced
    return returned


class Awaitables:
    """What the items stand for; those that are empty or may not be awaited are left out.

    `members` are pairs of an item's position and its awaitable, `rank` the lowest among them.
    """

    def __init__(self, env, instance, items, guarded=True, as_tasks=False):
        self.members = []
        self.rank = PLAIN
        self.env = env
        self.instance = instance
        made = {}
        for position, item in enumerate(items):
            if "again" in item:
                awaitable = made.get(item["again"])
            elif "slot" in item:
                awaitable = self.find(item["slot"], guarded)
            else:
                start = self.start if "coro" in item else self.nest
                awaitable = start(item, as_tasks)
            if awaitable is not None:
                made[position] = awaitable
                self.members.append((position, awaitable))

    def find(self, slot, guarded):
        future = self.env.slots.get(slot)
        if future is None or (guarded and not self.env.may_await(future)):
            return None
        self.rank = min(self.rank, self.env.rank_of(future))
        return future

    def start(self, item, as_tasks):
        instance = self.env.instance(item["coro"])
        if instance is None:
            return None
        self.rank = min(self.rank, instance.rank)
        started = self.env.start(instance)
        return self.as_task(started, instance.rank, instance.label) if as_tasks else started

    def nest(self, item, as_tasks):
        """An item that is a call itself."""
        if "waitOn" in item:
            started = getattr(self.env.resources[item["waitOn"]], item["call"])(item["value"])
            return self.as_task(started, PLAIN, None) if as_tasks else started
        [kind] = {"gather", "shield", "waitFor"} & item.keys()
        items = Awaitables(self.env, self.instance, item[kind] if kind == "gather" else [item[kind]])
        if kind != "gather" and not items.members:
            return None
        self.rank = min(self.rank, items.rank)
        if kind == "gather":
            return asyncio.gather(*items.list(), return_exceptions=item["returnExceptions"])
        [inner] = items.list()
        if kind == "shield":
            return asyncio.shield(inner)
        if asyncio.isfuture(inner):
            self.env.held_for_later.add(inner)
        started = asyncio.wait_for(self.env.maybe_giving_way(self.instance, inner), item["ms"])
        return self.as_task(started, items.rank, None) if as_tasks else started

    def as_task(self, started, rank, name):
        task = self.env.loop.create_task(started, name=name)
        self.env.keep(task, rank)
        return task

    def list(self):
        return [awaitable for _, awaitable in self.members]


async def gather(env, instance, s):
    items = Awaitables(env, instance, s["items"])
    gathered = asyncio.gather(*items.list(), return_exceptions=s["returnExceptions"])
    if s["slot"] is None:
        return await gathered
    env.store(s["slot"], gathered, items.rank)


async def wait(env, instance, s):
    items = Awaitables(env, instance, s["items"], guarded=False, as_tasks=True)
    await env.pause(instance)
    done, pending = await asyncio.wait(
        items.list(), timeout=s["timeout"], return_when=getattr(asyncio, s["until"])
    )
    return [[position for position, f in items.members if f in part] for part in (done, pending)]


async def as_completed(env, instance, s):
    items = Awaitables(env, instance, s["items"], guarded=False)
    iterator = asyncio.as_completed(items.list(), timeout=s["timeout"])
    for _ in range(s["take"]):
        following = next(iterator, None)
        if following is None:
            return "exhausted"
        try:
            env.log(instance, f"= next {describe(await following)}")
        except Exception as error:
            env.log(instance, f"= next {describe(error)}")


async def wait_for(env, instance, s):
    items = Awaitables(env, instance, [s["item"]])
    if not items.members:
        return SKIP
    # What is awaited is made before an async function gives way.
    await env.pause(instance)
    return await asyncio.wait_for(env.maybe_giving_way(instance, items.list()[0]), s["ms"])


async def shield(env, instance, s):
    items = Awaitables(env, instance, [s["item"]])
    if not items.members:
        return SKIP
    shielded = asyncio.shield(items.list()[0])
    if s["slot"] is None:
        return await shielded
    env.store(s["slot"], shielded, items.rank)


async def timeout(env, instance, s):
    if s["at"] and s["ms"] is not None:
        made = asyncio.timeout_at(env.loop.time() + s["ms"])
    else:
        made = asyncio.timeout(s["ms"])
    async with made:
        env.timeouts[s["timeout"]] = made
        return await env.maybe_giving_way(instance, env.run_block(instance, s["body"]))


async def group(env, instance, s):
    async with asyncio.TaskGroup() as made:
        env.groups[s["group"]] = made
        return await env.maybe_giving_way(instance, env.run_block(instance, s["body"]))


async def with_resource(env, instance, s):
    async with env.resources[s["resource"]].lock:
        return await env.maybe_giving_way(instance, env.run_block(instance, s["body"]))


async def wait_on(env, instance, s):
    resource = env.resources[s["resource"]]
    if s["call"] == "put":
        # An async function has numbered its item before it gives way.
        started = resource.queue.put(resource.item(s["value"]))
    else:
        started = getattr(resource, s["call"])(s["value"])
    await env.pause(instance)
    return await started


WAITING = {
    "sleep": sleep,
    "return": return_value,
    "call": call,
    "await": await_slot,
    "repeat": repeat,
    "try": try_statement,
    "gather": gather,
    "wait": wait,
    "asCompleted": as_completed,
    "waitFor": wait_for,
    "shield": shield,
    "timeout": timeout,
    "group": group,
    "with": with_resource,
    "waitOn": wait_on,
}
