"""Perturbed runs: which programs depend on no order of events within an instant?

A program whose coroutines do the same, each for itself, however they are perturbed, must do the same in
async functions, too. These give way more often than generators do: a JavaScript promise is awaited in
microtasks, in which others run, and what an async function gives is known only then. The selector in
virtual_loop.py changes the order in which ready callbacks run; the methods here give way where async
functions do. Without a perturbation they do nothing.
"""

import asyncio
import contextlib
from asyncio import tasks

# How often a coroutine gives way where it may: one of these, for each instance, so that some are far
# ahead of others.
SHARES = (0, 0, 0.1, 0.3, 0.9)
# For how many turns it does.
PAUSES = (1, 1, 1, 2, 3)


class Perturbation:
    """A part of Interpreter. `draws` is None unless the run is perturbed."""

    def chance(self, instance):
        if self.draws is None:
            return False
        if instance.share is None:
            instance.share = self.draws.of(f"{instance.label} gives way").choice(SHARES)
        return self.draws.of(instance.label).random() < instance.share

    async def pause(self, instance):
        """Lets others run where a promise is awaited, behind the notice of any cancellation.

        It comes at what is awaited next, as if nothing had been awaited here.
        """
        if not self.chance(instance):
            return
        task = asyncio.current_task()
        for _ in range(self.draws.of(instance.label).choice(PAUSES)):
            try:
                await tasks.sleep(0)
            except asyncio.CancelledError as error:
                task._must_cancel = True
                task._cancel_message = error.args[0] if error.args else None
                self.cancelled_outside.add(task)

    def maybe_giving_way(self, instance, awaitable):
        """The awaitable; sometimes one that gives way, and can be cancelled, a while longer at its end.

        Gyre waits for the promise of a body in the task itself, so it notices a cancellation there.
        """
        if not asyncio.iscoroutine(awaitable) or not self.chance(instance):
            return awaitable
        return self.give_way_behind(instance, awaitable)

    async def give_way_behind(self, instance, coro):
        try:
            result = await coro
        except asyncio.CancelledError:
            # A cancellation that comes meanwhile is one with it, as in a task whose future is cancelled.
            with contextlib.suppress(asyncio.CancelledError):
                await self.give_way_at_end(instance)
            raise
        except BaseException:
            await self.give_way_at_end(instance)
            raise
        await self.give_way_at_end(instance)
        return result

    async def give_way_at_end(self, instance):
        # What the body asked of its own task stays for the next wait; what came from outside, while
        # a promise was awaited, may be noticed here.
        task = asyncio.current_task()
        own = self.draws.of(instance.label)
        is_own = task not in self.cancelled_outside or own.random() < 0.5
        kept = task._must_cancel and is_own
        task._must_cancel = task._must_cancel and not kept
        for _ in range(own.randint(1, 4)):
            await tasks.sleep(0)
        task._must_cancel = task._must_cancel or kept

    def fail_at_once(self):
        """A task that awaits itself hears of its error in the next turn; an async function maybe at once."""
        if self.draws is not None and self.draws.of("awaits itself").random() < 0.5:
            raise RuntimeError("Task cannot await on itself")
