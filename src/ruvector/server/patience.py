"""How long may work wait for its turn? Long in a burst, shortly in a crowd.

A queue that fills now and then evens out a burst, and emptying it is soon done. One that is always
full evens out nothing: more comes than can be done, and all who are taken wait the whole length of
it. So once somebody had to be refused, a queue takes no more than a share of what it took, until
nobody had to be for CALM_SECONDS. The idea is CoDel's, which drops by the time that the queue has
been standing. Here it is found out on arrival, before a request is read.
"""

CROWD_SHARE = 1 / 6  # of the patience; benchmarks/overload.py has what is waited at four times
CALM_SECONDS = 1.0
PROMISED = 0.8  # of what is left: who is taken should not be refused at its turn after all


class Patience:
    """What work of one queue may wait. `seconds`: the most; moments are of one steady clock."""

    __slots__ = ("_crowded", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._crowded = float("-inf")  # when the queue was found full

    def found_full(self, now: float) -> None:
        """Note that somebody has to be refused."""
        self._crowded = now

    def promised(self, now: float) -> float:
        """Return the seconds that work may have to wait which is taken now."""
        is_crowd = now - self._crowded < CALM_SECONDS
        return PROMISED * self.seconds * (CROWD_SHARE if is_crowd else 1.0)
