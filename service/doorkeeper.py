"""Who has been here before, in little memory: most who come once never come again, and need not be made room for.

The doorkeeper of TinyLFU (Einziger, Friedman and Manes 2017), with a table of marks in the place of a Bloom filter: who
comes later takes the place of who came long ago, so it never has to be emptied.
"""

PLACES = 1 << 16
MARKS = 255
"""So many strangers to one who is taken for somebody else, of those that find their place taken."""


class Doorkeeper:
    """Remembers some ten thousand names."""

    def __init__(self) -> None:
        self._marks = bytearray(PLACES)

    def knows(self, name: str) -> bool:
        """Whether the name has been here lately, as far as one remembers; from now on it has."""
        rest, place = divmod(hash(name), PLACES)
        mark = 1 + rest % MARKS
        known = self._marks[place] == mark
        self._marks[place] = mark
        return known
