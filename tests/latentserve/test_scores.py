"""Scores: the identity of the ELBO, errors, order, tables."""

import re
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


def test_a_summary_says_what_its_numbers_mean(vae: Model, scores: Scores, pictures: list[Path]) -> None:
    """Of several pictures means over them, of one its scores; the share of the test pictures in words."""
    several, one = scores.summary(), vae.score(pictures[0]).summary()

    assert several.startswith("3 pictures, in nats a picture")
    assert "mean over the pictures ± its standard error:" in several
    ends = f"{scores.percentile.min():.0f} % to {scores.percentile.max():.0f} %"
    assert f"more probable than {ends} of the test pictures" in several
    assert one.startswith("1 picture, in nats a picture")
    assert re.search(r"\nmore probable than \d+ % of the test pictures", one)


def test_a_bound_that_hangs_on_one_draw_is_doubtful(vae: Model, pictures: list[Path]) -> None:
    """A picture turned into its negative is far from all that the encoder knows; one draw has no error to doubt."""
    negative = 255 - vae.sample(42).to_numpy()[0]
    scores = vae.score([negative, pictures[1]], k=16)

    assert scores.doubtful.tolist() == [True, False] == (scores.effective_sample_size < 2).tolist()
    assert "1 of 2 importance-weighted bounds cannot be trusted" in scores.summary()
    assert not vae.score(negative, k=1).doubtful.any()


def test_what_was_done_to_a_picture_is_told(vae: Model, pictures: list[Path]) -> None:
    """A dark square on white, of another size, is inverted and resized; a picture of the test set stays."""
    square = np.full((40, 40, 1), 255, dtype=np.uint8)
    square[10:30, 10:30] = 0
    scores = vae.score([square, pictures[0]])

    done, nothing = scores.steps
    assert done[-2:] == ("inverted", "resized 40×40 to 28×28 (contain)")
    assert nothing == ()
    assert [row["steps"] for row in scores.table()] == ["; ".join(done), ""]


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
