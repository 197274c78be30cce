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

    def __init__(self, env, items, guarded=True, as_tasks=False):
        self.members = []
        self.rank = PLAIN
        made = {}
        for position, item in enumerate(items):
            if "again" in item:
                awaitable = made.get(item["again"])
            elif "slot" in item:
                awaitable = env.slots.get(item["slot"])
                if awaitable is not None and guarded and not env.may_await(awaitable):
                    awaitable = None
                if awaitable is not None:
                    self.rank = min(self.rank, env.rank_of(awaitable))
            else:
                awaitable = self.start(env, item["coro"], as_tasks)
            if awaitable is not None:
                made[position] = awaitable
                self.members.append((position, awaitable))

    def start(self, env, coro, as_tasks):
        instance = env.instance(coro)
        if instance is None:
            return None
        self.rank = min(self.rank, instance.rank)
        started = env.start(instance)
        if not as_tasks:
            return started
        task = env.loop.create_task(started, name=instance.label)
        env.keep(task, instance.rank)
        return task

    def list(self):
        return [awaitable for _, awaitable in self.members]


async def gather(env, instance, s):
    items = Awaitables(env, s["items"])
    gathered = asyncio.gather(*items.list(), return_exceptions=s["returnExceptions"])
    if s["slot"] is None:
        return await gathered
    env.store(s["slot"], gathered, items.rank)


async def wait(env, instance, s):
    items = Awaitables(env, s["items"], guarded=False, as_tasks=True)
    done, pending = await asyncio.wait(
        items.list(), timeout=s["timeout"], return_when=getattr(asyncio, s["until"])
    )
    return [[position for position, f in items.members if f in part] for part in (done, pending)]


async def as_completed(env, instance, s):
    items = Awaitables(env, s["items"], guarded=False)
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
    items = Awaitables(env, [s["item"]])
    if not items.members:
        return SKIP
    return await asyncio.wait_for(env.maybe_giving_way(instance, items.list()[0]), s["ms"])


async def shield(env, instance, s):
    items = Awaitables(env, [s["item"]])
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
    return await getattr(env.resources[s["resource"]], s["call"])(s["value"])


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
