"""What is said of samples whose quality is known."""

import pytest
import torch

from models_store.classifier import Classifier, ClassifierConfig
from training.data import ImageSet, Split
from training.efficientnet import EfficientNetLite0
from training.judge import Judge
from training.quality import sample_quality


@pytest.fixture
def judge() -> Judge:
    """A classifier of random weights: an embedding is all that is asked of it."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Classifier(ClassifierConfig(image_size=8, classes=4, widths=(4,), features=6))
    return Judge("tiny", "0" * 64, network.eval())


def test_samples_that_are_the_test_images_get_the_best_figures(little_world: ImageSet, judge: Judge) -> None:
    """Fréchet distance 0, overlap 1, the sharpness of the data, no more copies, KID within its error of 0."""
    quality = sample_quality(little_world.test, little_world, judge, seed=0).metrics

    assert quality["frechet_distance"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert [quality[name]["value"] for name in ("precision", "recall", "density", "coverage")] == [1.0] * 4
    assert quality["sharpness_ratio"]["value"] == pytest.approx(1.0)
    assert abs(quality["kid"]["value"]) < 3 * quality["kid"]["standard_error"]
    assert quality["memorization"]["value"] == 1.0
    assert sum(quality["class_shares"]["value"]) == pytest.approx(1.0)


def test_blurred_test_images_are_found_out(little_world: ImageSet, judge: Judge) -> None:
    """Less sharp than the data and further from it than real training images are."""
    blurred = torch.nn.functional.avg_pool2d(little_world.test.pixels(), 3, stride=1, padding=1)
    made = Split((blurred * 255).round().byte(), None)

    quality = sample_quality(made, little_world, judge, seed=0).metrics

    assert quality["sharpness_ratio"]["value"] < 0.5
    assert quality["sharpness_ratio"]["real_against_real"] == pytest.approx(1.0, rel=0.2)
    assert quality["frechet_distance"]["value"] > quality["frechet_distance"]["real_against_real"]


def test_training_images_shown_again_are_called_copies_and_stand_above_themselves(
    little_world: ImageSet, judge: Judge
) -> None:
    """A memorization of 0, every sample closer than test images come, and equal pairs in the picture."""
    repeated = little_world.train.take(torch.arange(64))

    quality = sample_quality(repeated, little_world, judge, seed=0)

    assert quality.metrics["memorization"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert quality.metrics["memorization"]["closest"] == 1.0
    rows = quality.neighbours.reshape(8, 2, 8, 1, 8, 8)
    assert torch.equal(rows[:, 0], repeated.pixels().reshape(8, 8, 1, 8, 8))
    assert torch.equal(rows[:, 0], rows[:, 1])


def test_every_figure_says_how_it_was_come_by(little_world: ImageSet, judge: Judge) -> None:
    """How many samples, which judge, and which seed."""
    quality = sample_quality(little_world.test, little_world, judge, seed=7).metrics

    for name, figure in quality.items():
        assert "64" in figure["protocol"], name
    assert quality["kid"]["features"] == "6 features of tiny@00000000"
    assert "seed 7, against 64 test images" in quality["kid"]["protocol"]


def test_the_order_of_the_data_changes_nothing(little_world: ImageSet, judge: Judge) -> None:
    """Test images sorted by class give a KID with an error as small as ever: its subsets are of all classes."""
    order = little_world.test.labels.argsort()  # type: ignore[union-attr]  # they have labels
    parts = (little_world.train, little_world.validation, little_world.test.take(order))
    ordered = ImageSet("sorted", "none", "0" * 64, little_world.classes, *parts)

    found, plain = (sample_quality(little_world.train, each, judge, seed=0).metrics for each in (ordered, little_world))

    assert found["kid"]["standard_error"] < 3 * plain["kid"]["standard_error"]
    for name in ("precision", "recall", "density", "coverage"):
        assert found[name]["value"] == plain[name]["value"]


def test_a_judge_is_shown_only_what_it_can_see(little_world: ImageSet, judge: Judge) -> None:
    """Pictures of another shape, or too few test images, are refused in words."""
    large = Split(torch.zeros(30, 1, 28, 28, dtype=torch.uint8), None)
    few = ImageSet("few", "none", "0" * 64, (), *[little_world.test.take(torch.arange(9))] * 3)

    with pytest.raises(
        ValueError, match="tiny judges pictures of 1×8×8, not of 1×28×28; efficientnet-lite0 judges any"
    ):
        sample_quality(large, little_world, judge, seed=0)
    with pytest.raises(ValueError, match="9 test images of few: samples are compared with 20 or more"):
        sample_quality(little_world.test, few, judge, seed=0)


def test_a_network_of_photographs_has_no_classes_of_the_data(little_world: ImageSet) -> None:
    """It gives distances and overlap in 1280 features, and no class shares."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        judge = Judge("efficientnet-lite0", "0" * 64, EfficientNetLite0().eval())
    few = ImageSet("few", "none", "0" * 64, (), *[little_world.test.take(torch.arange(20))] * 3)

    quality = sample_quality(few.test, few, judge, seed=0).metrics

    assert quality["frechet_distance"]["features"] == "1280 features of efficientnet-lite0@00000000"
    assert quality["precision"]["value"] == 1.0
    assert "class_shares" not in quality
