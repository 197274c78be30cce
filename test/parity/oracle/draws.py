"""Random decisions that can be made again: a perturbed run is the list of pieces that its draws come from.

A piece is a seed and how many draws are taken from it, e.g. [[7, 37], [8, 12], [9, None]]: 37 draws of a
generator seeded with 7, then 12 of another, then as many of a third as are needed. Two runs whose lists
begin with the same pieces do the same for as long; that is what guided_search.py lives on.
"""

from random import Random


class Draws:
    """The part of random.Random that perturbed runs use; each call takes one draw."""

    def __init__(self, pieces):
        self.count = 0
        self._pieces = iter(pieces)
        self._left = 0
        self._random = None

    def random(self):
        if self._left == 0:
            seed, length = next(self._pieces)
            self._random = Random(seed)
            # The last piece is without end: -1 never becomes 0.
            self._left = -1 if length is None else length
        self._left -= 1
        self.count += 1
        return self._random.random()

    def choice(self, choices):
        return choices[int(self.random() * len(choices))]

    def randint(self, low, high):
        return low + int(self.random() * (high - low + 1))


def first_draws(pieces, count):
    """The pieces of the first `count` draws."""
    kept = []
    for seed, length in pieces:
        if count == 0:
            break
        taken = count if length is None else min(length, count)
        kept.append([seed, taken])
        count -= taken
    return kept
