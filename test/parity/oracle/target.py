"""The outcome that a guided run is to reach, and how far it got.

Two outcomes are alike where every coroutine, callback and the loop has the same lines, in any order within
an instant (test/parity/projection.ts). A run departs from its target with the first line that its author
does not have next there, or when the clock passes an instant of which lines are still missing.
"""

from bisect import bisect_left
from collections import Counter

# Whether an end of CPython's run (the key) is one of Gyre's; recording.ts says why.
ENDS_ALIKE = {
    "returned": ("returned",),
    "deadlock": ("deadlock", "interrupt"),
    "interrupt": ("interrupt",),
    "hang": ("returned", "interrupt"),
}


class Target:
    def __init__(self, outcome):
        self.end = outcome["end"]
        self.by_who = {}
        moments = Counter()
        for line in outcome["lines"]:
            time, who, _ = line.split(" ", 2)
            self.by_who.setdefault(who, []).append(line)
            moments[int(time)] += 1
        # The instants in their order, and how many lines there are until the end of each.
        self.times = sorted(moments)
        self.until = []
        total = 0
        for time in self.times:
            total += moments[time]
            self.until.append(total)

    def due_before(self, time):
        """How many lines there are of earlier instants."""
        index = bisect_left(self.times, time)
        return self.until[index - 1] if index > 0 else 0


class Match:
    """What one run has of the target."""

    def __init__(self, target, draws):
        self.target = target
        self.draws = draws
        # How many lines were found in the target, of each author and of all.
        self.of_who = {}
        self.count = 0
        # What the loop reports comes in any order.
        self.reports = Counter(target.by_who.get("loop", ()))
        # How many decisions had been made where the run departed from its target, or None.
        self.departed_at = None
        self.departed_with = None
        # When the trace of the run was closed.
        self.closed_at = None

    def line(self, time, who, line):
        if self.departed_at is not None:
            return
        if self.count < self.target.due_before(time):
            self.depart(f"before {line}")
        elif self.has_next(who, line):
            self.count += 1
        else:
            self.depart(line)

    def has_next(self, who, line):
        if who == "loop":
            self.reports[line] -= 1
            return self.reports[line] >= 0
        lines = self.target.by_who.get(who, ())
        index = self.of_who.get(who, 0)
        self.of_who[who] = index + 1
        return index < len(lines) and lines[index] == line

    def clock(self, time):
        """The clock is about to show this time."""
        is_over = self.closed_at is not None or self.departed_at is not None
        if not is_over and self.count < self.target.due_before(time):
            self.depart(f"the clock at {time}")

    def close(self, time):
        self.closed_at = time

    def depart(self, line):
        self.departed_at = len(self.draws.log)
        self.departed_with = line

    def reached(self, end):
        """Whether the run that has ended is like the target, which may also tell of its shutdown."""
        if self.departed_at is not None:
            return False
        target = self.target
        if target.end not in ENDS_ALIKE[end]:
            return False
        if end == "returned":
            return self.count == target.until[-1]
        return self.count >= target.due_before(self.closed_at)
