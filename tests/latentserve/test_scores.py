"""Scores: the identity of the ELBO, errors, order, tables."""

from pathlib import Path

import numpy as np
import pytest

from latentserve import Model, Scores

EXAMPLES = Path(__file__).parents[2] / "service/page/examples"


@pytest.fixture(scope="module")
def pictures() -> list[Path]:
    """Three of the test set."""
    return sorted(EXAMPLES.glob("*.png"))[:3]


@pytest.fixture(scope="module")
def scores(vae: Model, pictures: list[Path]) -> Scores:
    """Theirs."""
    return vae.score(pictures, k=20, mc=8, seed=3)


def test_the_elbo_is_reconstruction_minus_kl(scores: Scores) -> None:
    """In each row, and the tighter bound lies above within its error."""
    assert scores.elbo == pytest.approx(scores.reconstruction - scores.kl, abs=1e-3)
    assert (scores.importance_weighted > scores.elbo - 3 * scores.standard_errors["elbo"]).all()
    assert scores.bits_per_dim == pytest.approx(-scores.elbo / np.log(2) / 784)
    assert ((scores.percentile >= 0) & (scores.percentile <= 100)).all()
    assert scores.domain == "binarized"


def test_the_same_seed_gives_the_same_scores_in_any_batch(vae: Model, pictures: list[Path], scores: Scores) -> None:
    """One by one, and split into several requests by the cost of many draws."""
    alone = vae.score(pictures[1], k=20, mc=8, seed=3)
    several = vae.calls.score(pictures, k=4000)

    assert alone.elbo[0] == scores.elbo[1]
    assert len(several.requests) == 2


def test_the_least_likely_comes_first(scores: Scores) -> None:
    """Names move with their numbers."""
    ordered = scores.worst_first()

    assert list(ordered.elbo) == sorted(scores.elbo)
    assert dict(zip(ordered.names, ordered.kl, strict=True)) == dict(zip(scores.names, scores.kl, strict=True))


def test_tables_summaries_and_notebooks_have_the_same_numbers(scores: Scores, pictures: list[Path]) -> None:
    """Every picture by its name."""
    table = scores.table()

    assert [row["name"] for row in table] == [picture.name for picture in pictures]
    assert table[0]["elbo_se"] == scores.standard_errors["elbo"][0]
    assert f"{scores.elbo.mean():.2f}" in scores.summary()
    html = scores._repr_html_()
    assert all(f"{value:.1f}" in html for value in scores.elbo)
    assert html.count("<tr>") == 4


def test_kl_per_dimension_sums_to_the_closed_form(vae: Model, pictures: list[Path]) -> None:
    """(n, latent_dim) if it was asked for, else nothing; against a normal prior it is positive."""
    found = vae.score(pictures, per_dimension=True).kl_per_dim

    assert vae.score(pictures[0]).kl_per_dim is None
    assert found is None or found.shape == (3, vae.latent_dim)


def test_a_single_draw_has_no_error(vae: Model, pictures: list[Path]) -> None:
    """NaN, and a dash in the table."""
    one = vae.score(pictures[0], k=1, mc=1)

    assert np.isnan(one.standard_errors["elbo"]).all()
    assert one.table()[0]["elbo_se"] is None


def test_pandas_gets_a_frame_indexed_by_name(scores: Scores) -> None:
    """As wide as the table."""
    assert list(scores.to_pandas().index) == list(scores.names)
