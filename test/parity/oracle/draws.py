"""Random decisions that can be made again: a perturbed run is the list of pieces that its draws come from.

A piece is a seed, how many draws of its generator are left out, and how many are taken, e.g.
[[7, 0, 37], [8, 0, 1], [7, 38, None]]: 37 draws of a generator seeded with 7, then one of another, then the
first one's from its 39th on, as many as are needed. Two runs whose lists begin with the same pieces do the
same for as long; that is what guided_search.py lives on.
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
            seed, skipped, length = next(self._pieces)
            self._random = Random(seed)
            for _ in range(skipped):
                self._random.random()
            # The last piece is without end: -1 never becomes 0.
            self._left = -1 if length is None else length
        self._left -= 1
        self.count += 1
        return self._random.random()

    def choice(self, choices):
        return choices[int(self.random() * len(choices))]

    def randint(self, low, high):
        return low + int(self.random() * (high - low + 1))


def split(pieces, count):
    """The pieces of the first `count` draws, and those of all others."""
    first = []
    for index, (seed, skipped, length) in enumerate(pieces):
        if length is None or length > count:
            rest = [seed, skipped + count, None if length is None else length - count]
            if count > 0:
                first.append([seed, skipped, count])
            return first, [rest, *pieces[index + 1 :]]
        first.append([seed, skipped, length])
        count -= length
    return first, []
