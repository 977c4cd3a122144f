"""What a row is thought to cost."""

from service.engine.costs import UNKNOWN_NS, Costs


def costs() -> Costs[str]:
    return Costs(lambda _key, rows: rows, max_rows=64, batch_s=0.05)


def test_a_key_that_has_not_run_costs_a_millisecond_a_row() -> None:
    """Something has to be said before anything was measured."""
    assert costs().row_ns("decode") == UNKNOWN_NS


def test_one_slow_batch_does_not_set_the_price() -> None:
    """A machine that was elsewhere for four seconds would else have everybody refused."""
    known = costs()
    for _ in range(5):
        known.ran("decode", 8, 0.008)

    known.ran("decode", 8, 4.0)

    assert known.row_ns("decode") <= 4_000_000


def test_a_price_that_has_risen_for_good_is_learned_in_a_few_batches() -> None:
    """Ten milliseconds a row where one was known."""
    known = costs()
    known.ran("decode", 8, 0.008)

    for _ in range(15):
        known.ran("decode", 8, 0.08)

    assert 8_000_000 < known.row_ns("decode") <= 10_000_000
