"""What CPython's asyncio makes of the machines of machines.ts: reads them as JSON, and answers with the
lines of each cell, as machine_run.ts writes them. Needs CPython 3.13.
"""

import asyncio
import inspect
import json
import re
import sys


def in_python(name):
    """taskDone as task_done."""
    return re.sub(r"[A-Z]", lambda match: "_" + match.group().lower(), name)


def shown(value):
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)


class Cell:
    def __init__(self, machine):
        kind = getattr(asyncio, machine["kind"])
        self.subject = kind(machine["argument"]) if "argument" in machine else kind()
        self.observed = machine["observed"]
        self.tasks = {}
        self.lines = []

    async def within(self):
        async with self.subject:
            return None

    def begin(self, method, *args):
        """A coroutine, or what the method gives at once."""
        if method == "with":
            return self.within()
        if method == "shutdownNow":
            return self.subject.shutdown(immediate=True)
        if method == "waitFor":
            return self.subject.wait_for(lambda: args[0] == "always")
        member = getattr(self.subject, in_python(method))
        return member(*args) if callable(member) else member

    async def act(self, who, acts):
        for method, *args in acts:
            try:
                result = self.begin(method, *args)
                if inspect.isawaitable(result):
                    result = await result
                self.lines.append(f"{who} {method}: {shown(result)}")
            except BaseException as error:
                self.lines.append(f"{who} {method}: {type(error).__name__}")
                return

    def call(self, method, *args):
        try:
            self.lines.append(f"{method}: {shown(self.begin(method, *args))}")
        except Exception as error:
            self.lines.append(f"{method}: {type(error).__name__}")

    async def run(self, commands):
        for command in commands:
            if "spawn" in command:
                name = command["spawn"]
                self.tasks[name] = asyncio.create_task(self.act(name, command["acts"]))
            elif "call" in command:
                self.call(*command["call"])
            elif "cancel" in command:
                self.tasks[command["cancel"]].cancel()
            else:
                for _ in range(command["turns"]):
                    await asyncio.sleep(0)

    async def end(self):
        for name in self.observed:
            self.call(name)
        lines = [*self.lines, f"waiting: {' '.join(self.waiting())}"]
        while self.waiting():
            await self.let_go()
        return "; ".join(lines)

    def waiting(self):
        return [name for name, task in self.tasks.items() if not task.done()]

    async def let_go(self):
        """Who was cancelled in a condition waits for its lock, which may be held for good."""
        for name in self.waiting():
            self.tasks[name].cancel()
        if isinstance(self.subject, asyncio.Condition) and self.subject.locked():
            self.subject.release()
        await self.run([{"turns": 3}])


async def cell(machine, state, operation, settling_turns):
    subject = Cell(machine)
    await subject.run(state)
    subject.lines.append("--")
    await subject.run(operation)
    await subject.run([{"turns": settling_turns}])
    return await subject.end()


def main():
    given = json.load(sys.stdin)
    record = {
        name: {
            state: {
                operation: asyncio.run(
                    cell(machine, commands, machine["operations"][operation], given["turns"])
                )
                for operation in machine["operations"]
            }
            for state, commands in machine["states"].items()
        }
        for name, machine in given["machines"].items()
    }
    json.dump(record, sys.stdout)


main()
