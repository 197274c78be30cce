"""Statements that do not wait. statements.ts is the same for Gyre.

Each function takes the environment and the statement and returns the value that the trace shows; what it
raises is what the call of asyncio raised.
"""

import asyncio

from environment import PLAIN, SKIP
from trace import AppError, describe_future


def log(env, s):
    return s["value"]


def raise_error(env, s):
    raise AppError(s["error"])


def interrupt(env, s):
    if env.has_ended:
        # Whether the loop still gets to it depends on how many turns closing takes.
        return SKIP
    raise KeyboardInterrupt


def raise_cancelled(env, s):
    raise asyncio.CancelledError(s["reason"]) if s["reason"] is not None else asyncio.CancelledError()


def future(env, s):
    made = env.loop.create_future()
    env.store(s["slot"], made, PLAIN)


def create(env, s):
    instance = env.instance(s["coro"])
    if instance is None:
        return SKIP
    coro = env.start(instance)
    name = instance.label
    task = env.loop.create_eager_task(coro, name) if s["eager"] else env.loop.create_task(coro, name=name)
    env.store(s["slot"], task, instance.rank)
    return name


def spawn(env, s):
    group = env.groups.get(s["group"])
    instance = env.instance(s["coro"]) if group is not None else None
    if instance is None:
        return SKIP
    task = group.create_task(env.start(instance), name=instance.label)
    env.store(s["slot"], task, instance.rank)
    return instance.label


def cancel(env, s):
    target = env.slots.get(s["slot"])
    if target is None:
        return SKIP
    return target.cancel() if s["reason"] is None else target.cancel(s["reason"])


def cancel_self(env, s):
    task = asyncio.current_task()
    env.cancelled_outside.discard(task)
    return task.cancel() if s["reason"] is None else task.cancel(s["reason"])


def uncancel(env, s):
    return asyncio.current_task().uncancel()


def cancelling(env, s):
    return asyncio.current_task().cancelling()


def whoami(env, s):
    task = asyncio.current_task()
    if task is None:
        return None
    if env.program["eager"]:
        # A task factory gets no name in 3.13: the task is named when its first step is over.
        return "somebody"
    name = task.get_name()
    return "unnamed" if name.startswith("Task-") else name


def set_result(env, s):
    target = env.slots.get(s["slot"])
    if target is None:
        return SKIP
    target.set_result(s["value"])


def set_exception(env, s):
    target = env.slots.get(s["slot"])
    if target is None:
        return SKIP
    target.set_exception(AppError(s["error"]))


def inspect(env, s):
    target = env.slots.get(s["slot"])
    if target is None:
        return SKIP
    if s["what"] == "state":
        return describe_future(target)
    return target.result() if s["what"] == "result" else target.exception()


def call_soon(env, s):
    env.handles[s["handle"]] = env.loop.call_soon(env.run_callback, s["callback"])


def call_later(env, s):
    env.handles[s["handle"]] = env.loop.call_later(s["ms"], env.run_callback, s["callback"])


def call_at(env, s):
    when = env.loop.time() + s["ms"]
    env.handles[s["handle"]] = env.loop.call_at(when, env.run_callback, s["callback"])


def cancel_handle(env, s):
    handle = env.handles.get(s["handle"])
    if handle is None:
        return SKIP
    handle.cancel()
    return handle.cancelled()


def add_callback(env, s):
    target = env.slots.get(s["slot"])
    if target is None:
        return SKIP
    target.add_done_callback(env.done_callback(s["callback"]))


def remove_callback(env, s):
    target = env.slots.get(s["slot"])
    if target is None:
        return SKIP
    return target.remove_done_callback(env.done_callback(s["callback"]))


def reschedule(env, s):
    timeout = env.timeouts.get(s["timeout"])
    if timeout is None:
        return SKIP
    timeout.reschedule(None if s["ms"] is None else env.loop.time() + s["ms"])


def inspect_timeout(env, s):
    timeout = env.timeouts.get(s["timeout"])
    if timeout is None:
        return SKIP
    return [timeout.when(), timeout.expired()]


def use(env, s):
    return getattr(env.resources[s["resource"]], s["call"])(s["value"])


SYNC = {
    "log": log,
    "raise": raise_error,
    "interrupt": interrupt,
    "raiseCancelled": raise_cancelled,
    "future": future,
    "create": create,
    "spawn": spawn,
    "cancel": cancel,
    "cancelSelf": cancel_self,
    "uncancel": uncancel,
    "cancelling": cancelling,
    "whoami": whoami,
    "setResult": set_result,
    "setException": set_exception,
    "inspect": inspect,
    "callSoon": call_soon,
    "callLater": call_later,
    "callAt": call_at,
    "cancelHandle": cancel_handle,
    "addCallback": add_callback,
    "removeCallback": remove_callback,
    "reschedule": reschedule,
    "inspectTimeout": inspect_timeout,
    "use": use,
}
