"""Random decisions that can be made again, and changed one at a time.

A perturbed run is a seed and a list of changes. Whoever decides has decisions of his own, numbered from 0,
so that one that is changed leaves those of others what they were:

    ["one", who, number, seed]     this decision of his comes of another seed
    ["from", who, number, seed]    so do all of his from this one on
    ["all", {who: number}, seed]   so do all of everybody, but for the first so many of each

The last that fits counts. guided_search.py lives on it.
"""

from hashlib import blake2b


class Draws:
    """The decisions of one run. `log` has who made them, in their order."""

    def __init__(self, seed, changes=()):
        self.seed = seed
        self.changes = changes
        self.log = []
        self._by_who = {}

    def of(self, who):
        own = self._by_who.get(who)
        if own is None:
            own = self._by_who[who] = OwnDraws(self, who)
        return own


class OwnDraws:
    """The part of random.Random that perturbed runs use; each call is one decision."""

    def __init__(self, draws, who):
        self.who = who
        self.log = draws.log
        self.number = 0
        # Spans of decisions and their seeds; the last that fits counts.
        self.spans = [(0, None, draws.seed)]
        for change in draws.changes:
            kind, whose, *rest = change
            if kind == "all":
                self.spans.append((whose.get(who, 0), None, rest[0]))
            elif whose == who:
                number, seed = rest
                self.spans.append((number, number + 1 if kind == "one" else None, seed))

    def random(self):
        number = self.number
        self.number += 1
        self.log.append(self.who)
        for first, end, seed in reversed(self.spans):
            if number >= first and (end is None or number < end):
                break
        digest = blake2b(f"{seed} {number} {self.who}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") / 2**64

    def choice(self, choices):
        return choices[int(self.random() * len(choices))]

    def randint(self, low, high):
        return low + int(self.random() * (high - low + 1))


def changed(changes, log, place, seed, kind):
    """The changes of a run that decides something else at that place of the log of another."""
    who = log[place]
    if kind != "all":
        return [*changes, [kind, who, log[:place].count(who), seed]]
    kept = {}
    for one in log[:place]:
        kept[one] = kept.get(one, 0) + 1
    # What was changed before, beyond that place, does not count any more.
    return [*changes, ["all", kept, seed]]
