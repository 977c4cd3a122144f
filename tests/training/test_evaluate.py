"""The protocol of the sample metrics, on a generator that knows the answers."""

import pytest
import torch
from torch import Tensor

from models_store.base import LatentModel
from models_store.classifier import Classifier, ClassifierConfig
from training import evaluate
from training.data import ImageSet
from training.judge import Judge


class Copier(LatentModel):
    """Shows given pictures (N, C, H, W), one after the other."""

    latent_dim = 1

    def __init__(self, pictures: Tensor) -> None:
        super().__init__()
        self.pictures = pictures
        self.shown = 0

    def decode(self, latents: Tensor) -> Tensor:
        self.shown += len(latents)
        return self.pictures[self.shown - len(latents) : self.shown]


@pytest.fixture
def judge() -> Judge:
    """A classifier of random weights: an embedding is all that is asked of it."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Classifier(ClassifierConfig(image_size=8, classes=4, widths=(4,), features=6))
    return Judge("tiny", "0" * 64, network.eval())


def test_samples_that_are_the_test_images_get_the_best_figures(
    little_world: ImageSet, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fréchet distance 0, overlap 1, the sharpness of the data; the KID of identical sets is below 0, not 0."""
    monkeypatch.setattr(evaluate, "SAMPLES", len(little_world.test))
    monkeypatch.setattr(evaluate, "BATCH", 16)
    monkeypatch.setattr(evaluate, "SUBSET", 32)

    quality = evaluate.sample_quality(Copier(little_world.test.pixels()), little_world, judge, seed=0)

    assert quality["frechet_distance"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert [quality[name]["value"] for name in ("precision", "recall", "density", "coverage")] == [1.0] * 4
    assert quality["sharpness_ratio"]["value"] == pytest.approx(1.0)
    assert quality["kid"]["value"] < 0
    assert sum(quality["class_shares"]["value"]) == pytest.approx(1.0)


def test_blurred_test_images_are_found_out(
    little_world: ImageSet, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less sharp than the data and further from it than real training images are."""
    monkeypatch.setattr(evaluate, "SAMPLES", len(little_world.test))
    monkeypatch.setattr(evaluate, "SUBSET", 32)
    blurred = torch.nn.functional.avg_pool2d(little_world.test.pixels(), 3, stride=1, padding=1)

    quality = evaluate.sample_quality(Copier(blurred), little_world, judge, seed=0)

    assert quality["sharpness_ratio"]["value"] < 0.5
    assert quality["sharpness_ratio"]["real_against_real"] == pytest.approx(1.0, rel=0.1)
    assert quality["frechet_distance"]["value"] > quality["frechet_distance"]["real_against_real"]
