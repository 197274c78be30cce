"""Searches for a perturbed run of a program that is like a given outcome.

Blind perturbations hit one particular outcome of a long program about never. This search climbs: a run that
departs from its target is abandoned, and a later one does the same up to some draw before that departure
and something else from there on. Of all runs of a climb those that came farthest are gone on with; a climb
that is stuck is left for a new one. What is found is a witness: an order of events within the instants,
legal under CPython, that has this outcome.
"""

import gc
from random import Random

from draws import Draws, split
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
# How often it does only one draw otherwise, and then what the run before did.
ONE = 0.35
# So many runs without one that comes farther end a climb: one of these, as some need little and some much.
PATIENCE = (200, 200, 400, 1000)


class Run:
    __slots__ = ("pieces", "matched", "draws", "departed_with")

    def __init__(self, pieces, match):
        self.pieces = pieces
        self.matched = match.count
        self.draws = match.draws.count if match.departed_at is None else match.departed_at
        self.departed_with = match.departed_with


class Climb:
    def __init__(self, random):
        self.random = random
        self.kept = []
        self.left = random.choice(PATIENCE)
        self.patience = self.left

    def next_pieces(self):
        random = self.random
        piece = [random.getrandbits(32), 0, None]
        if not self.kept or random.random() < FRESH:
            return [piece]
        parent = self.kept[0] if random.random() < BEST else random.choice(self.kept)
        if random.random() < NEAR:
            back = 1 + int(random.random() ** 3 * FEW)
        else:
            back = random.randint(1, 1 + parent.draws)
        first, rest = split(parent.pieces, max(0, parent.draws - back))
        if random.random() < ONE:
            return [*first, [piece[0], 0, 1], *split(rest, 1)[1]]
        return [*first, piece]

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
    """The pieces of a witness, or None; how many runs it took; and how far the best one came."""
    target = Target(outcome)
    random = Random(seed)
    climb = Climb(random)
    best = None
    for done in range(1, runs + 1):
        pieces = climb.next_pieces()
        match = Match(target, Draws(pieces))
        answer = run_program(program, match.draws, match)
        run = Run(pieces, match)
        if best is None or run.matched > best.matched:
            best = run
        if match.reached(answer["end"]):
            return {"pieces": pieces, "runs": done, "matched": run.matched, "departed": None}
        climb.add(run)
        if climb.is_stuck:
            climb = Climb(random)
        if done % 500 == 0:
            gc.collect()
    return {"pieces": None, "runs": runs, "matched": best.matched, "departed": best.departed_with}
