"""Searches for a perturbed run of a program that is like a given outcome.

Blind perturbations hit one particular outcome of a long program about never. This search climbs: a run that
departs from its target is abandoned, and a later one does the same up to some draw before that departure
and something else from there on. Of all runs of a climb those that came farthest are gone on with; a climb
that is stuck is left for a new one. What is found is a witness: an order of events within the instants,
legal under CPython, that has this outcome.
"""

import gc
from random import Random

from draws import Draws, changed
from run import run_program
from target import Match, Target

# So many runs of a climb are kept to go on from, and how often the next one goes on from the very best.
KEPT = 12
BEST = 0.5
# How often a run of a climb begins anew.
FRESH = 0.05
# How often the next run goes back by a few draws at most; else it is by any number of them.
NEAR = 0.7
FEW = 60
# What else it does there: one decision otherwise, all of one coroutine from there on, or all of everybody.
KINDS = ("one", "one", "from", "all")
# So many runs without one that comes farther end a climb: one of these, as some need little and some much.
PATIENCE = (200, 200, 400, 1000)


class Run:
    __slots__ = ("seed", "changes", "log", "matched", "departed_with")

    def __init__(self, draws, match):
        self.seed = draws.seed
        self.changes = draws.changes
        self.log = draws.log[: match.departed_at]
        self.matched = match.count
        self.departed_with = match.departed_with

    @property
    def witness(self):
        return {"seed": self.seed, "changes": self.changes}


class Climb:
    def __init__(self, random):
        self.random = random
        self.kept = []
        self.left = random.choice(PATIENCE)
        self.patience = self.left

    def next_draws(self):
        random = self.random
        seed = random.getrandbits(32)
        if not self.kept or random.random() < FRESH:
            return Draws(seed)
        parent = self.kept[0] if random.random() < BEST else random.choice(self.kept)
        log = parent.log
        if not log:
            return Draws(seed)
        back = int(random.random() ** 3 * FEW) if random.random() < NEAR else random.randrange(len(log))
        place = max(0, len(log) - 1 - back)
        return Draws(parent.seed, changed(parent.changes, log, place, seed, random.choice(KINDS)))

    def add(self, run):
        """Keeps the farthest, of equals the latest: standing still is drifting."""
        comes_farther = not self.kept or run.matched > self.kept[0].matched
        self.left = self.patience if comes_farther else self.left - 1
        self.kept.insert(0, run)
        self.kept.sort(key=lambda kept: -kept.matched)
        del self.kept[KEPT:]

    @property
    def is_stuck(self):
        return self.left == 0


def search(program, outcome, runs, seed):
    """A witness, or None; how many runs it took; and how far the best one came."""
    target = Target(outcome)
    random = Random(seed)
    climb = Climb(random)
    best = None
    for done in range(1, runs + 1):
        draws = climb.next_draws()
        match = Match(target, draws)
        answer = run_program(program, draws, match)
        run = Run(draws, match)
        if best is None or run.matched > best.matched:
            best = run
        if match.reached(answer["end"]):
            return {"witness": run.witness, "runs": done, "matched": run.matched, "departed": None}
        climb.add(run)
        if climb.is_stuck:
            climb = Climb(random)
        if done % 500 == 0:
            gc.collect()
    return {"witness": None, "runs": runs, "matched": best.matched, "departed": best.departed_with}
