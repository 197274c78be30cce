"""Runs the blocks of a program: coroutines and callbacks, with a line before and after every statement."""

import asyncio

from environment import Environment
from perturbation import Perturbation
from statements import SYNC
from trace import describe, describe_future
from waiting import WAITING, Returned


class Interpreter(Perturbation, Environment):
    def start(self, instance):
        """The coroutine object of the instance; nothing runs before it is awaited."""
        return self.run_instance(instance)

    async def run_instance(self, instance):
        self.keep(asyncio.current_task(), instance.rank)
        self.log(instance, "start")
        try:
            returned = await self.run_block(instance, self.program["coroutines"][instance.coro])
        except (Exception, asyncio.CancelledError) as error:
            self.log(instance, f"failed {describe(error)}")
            await self.pause(instance)
            raise
        value = instance.label if returned is None else returned.value
        self.log(instance, f"returned {value}")
        await self.pause(instance)
        return value

    async def run_block(self, instance, block):
        try:
            for s in block:
                returned = await self.run_statement(instance, s)
                if returned is not None:
                    return returned
            return None
        finally:
            await self.pause(instance)

    async def run_statement(self, instance, s):
        op = s["op"]
        sync = SYNC.get(op)
        try:
            if sync is not None:
                value = sync(self, s)
                self.log(instance, f"= {op} {describe(value)}")
                return None
            self.log(instance, f"> {op}")
            await self.pause(instance)
            try:
                value = await WAITING[op](self, instance, s)
            finally:
                await self.pause(instance)
        except (Exception, asyncio.CancelledError) as error:
            self.log(instance, f"x {op} {describe(error)}")
            raise
        if isinstance(value, Returned):
            self.log(instance, f"< {op} returns")
            return value
        self.log(instance, f"< {op} {describe(value)}")
        return None

    def run_callback(self, index, future=None):
        """`future` is given where the callback is a done callback."""
        self.log_callback(index, "called" if future is None else f"called {describe_future(future)}")
        for s in self.program["callbacks"][index]:
            op = s["op"]
            try:
                value = SYNC[op](self, s)
            except (Exception, asyncio.CancelledError) as error:
                self.log_callback(index, f"x {op} {describe(error)}")
                raise
            self.log_callback(index, f"= {op} {describe(value)}")

    def done_callback(self, index):
        """One function a callback, so that removing it finds what was added."""
        if index not in self.done_callbacks:
            self.done_callbacks[index] = lambda future: self.run_callback(index, future)
        return self.done_callbacks[index]
