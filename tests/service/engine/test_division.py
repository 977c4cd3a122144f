"""Work in parts: each part is done once, whoever takes it, and the end comes once."""

import threading
from concurrent.futures import ThreadPoolExecutor

from service.engine.division import Division

ENOUGH_S = 10.0


class End:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.outcomes: list[list[int] | Exception] = []

    def __call__(self, outcome: list[int] | Exception) -> None:
        self.outcomes.append(outcome)


def test_every_part_is_done_once_and_results_come_in_the_order_of_the_parts() -> None:
    """By one thread or by many, two hundred times."""
    with ThreadPoolExecutor(4) as pool:
        for count in range(1, 201):
            end = End()
            done: list[int] = []

            def run(part: int, done: list[int] = done) -> int:
                done.append(part)
                return 2 * part

            division = Division(range(count % 17 + 1), run, end)
            for helper in [pool.submit(division.work) for _ in range(count % 4 + 1)]:
                helper.result()

            assert sorted(done) == list(range(count % 17 + 1))
            assert end.outcomes == [[2 * part for part in range(count % 17 + 1)]]


def test_the_first_error_is_the_outcome_and_parts_that_wait_are_not_run() -> None:
    """What is the use of the rest?"""
    end, done = End(), []

    def run(part: int) -> int:
        done.append(part)
        raise ValueError(part)

    Division(range(5), run, end).work()

    (outcome,) = end.outcomes
    assert isinstance(outcome, ValueError)
    assert (outcome.args, done) == ((0,), [0])


def test_who_has_done_its_parts_is_free_while_another_is_at_its_own() -> None:
    """And can wait for the end, which comes with the last part."""
    end, hold, begun = End(), threading.Event(), threading.Event()

    def run(part: int) -> int:
        if part == 0:
            begun.set()
            assert hold.wait(ENOUGH_S)
        return part

    division = Division(range(4), run, end)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(division.work)
        assert begun.wait(ENOUGH_S)
        division.work()
        assert end.outcomes == []
        hold.set()
        division.wait()
    assert end.outcomes == [[0, 1, 2, 3]]


def test_who_comes_when_all_parts_are_taken_has_nothing_to_do() -> None:
    """Nothing is done twice, and it does not end again."""
    end = End()
    division = Division(range(2), lambda part: part, end)
    division.work()
    division.work()
    assert end.outcomes == [[0, 1]]
