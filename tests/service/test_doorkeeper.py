"""Who has been here is known, and strangers seldom are."""

from service.doorkeeper import MARKS, PLACES, Doorkeeper


def test_who_has_been_here_is_known_and_a_stranger_is_not() -> None:
    doorkeeper = Doorkeeper()
    assert not doorkeeper.knows("a")
    assert doorkeeper.knows("a")
    assert not doorkeeper.knows("b")


def test_of_ten_thousand_most_are_known_and_of_as_many_strangers_hardly_any_is() -> None:
    """A table of 65,536 places: one in seven is taken, and one in 255 has the same mark."""
    doorkeeper = Doorkeeper()
    names, strangers = ([f"{kind}{number}" for number in range(10_000)] for kind in "ab")
    for name in names:
        doorkeeper.knows(name)
    # The chance that one takes a place that has a name, and that somebody else takes a name's.
    taken = 10_000 / PLACES
    assert sum(doorkeeper.knows(name) for name in names) > 10_000 * (1 - 2 * taken)
    assert sum(doorkeeper.knows(name) for name in strangers) < 10_000 * 5 * taken / MARKS


def test_who_comes_later_takes_the_place_of_who_came_long_ago() -> None:
    """It never has to be emptied, and never grows."""
    doorkeeper = Doorkeeper()
    first = [f"first{number}" for number in range(1000)]
    for name in (*first, *(f"later{number}" for number in range(10 * PLACES))):
        doorkeeper.knows(name)
    assert sum(doorkeeper.knows(name) for name in first) < 50
