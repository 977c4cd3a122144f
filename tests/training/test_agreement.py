"""A conditional model is believed only as far as a classifier agrees."""

import pytest
import torch
from torch import Tensor

from models_store.classifier import Classifier, ClassifierConfig
from models_store.conditional_vae import ConditionalVAE, ConditionalVAEConfig
from models_store.dcgan import DCGAN, DCGANConfig
from tests.conftest import tiny_vae
from training.agreement import agreement, classes_of
from training.judge import Judge

CPU = torch.device("cpu")
SIZE = 8


class Corners(Classifier):
    """Its features are the mean levels of the four quarters of a picture, and the brightest names the class."""

    def __init__(self) -> None:
        super().__init__(ClassifierConfig(image_size=SIZE, classes=4, widths=(4,), features=4))
        self.head.weight.data, self.head.bias.data = torch.eye(4), torch.zeros(4)

    def features(self, images: Tensor) -> Tensor:
        return images.unflatten(3, (2, SIZE // 2)).unflatten(2, (2, SIZE // 2)).mean((1, 3, 5)).flatten(1)


class Painter(DCGAN):
    """Paints the quarter that it is asked for; with `wrong`, that of another class in place of one."""

    def __init__(self, wrong: dict[int, int]) -> None:
        super().__init__(DCGANConfig(image_size=SIZE, latent_dim=3, width=4, classes=4))
        self.wrong = wrong

    def decode(self, latents: Tensor) -> Tensor:
        pictures = torch.zeros(len(latents), 1, 2, 2)
        asked = latents[:, -4:].argmax(1).tolist()
        for picture, label in zip(pictures, asked, strict=True):
            picture.view(-1)[self.wrong.get(label, label)] = 1.0
        return pictures.repeat_interleave(SIZE // 2, 2).repeat_interleave(SIZE // 2, 3)


@pytest.fixture
def judge() -> Judge:
    """Who is never wrong about quarters."""
    return Judge("corners", "0" * 64, Corners().eval())


def test_a_model_that_does_as_it_is_told_agrees_entirely(judge: Judge) -> None:
    """With every class, and says of how many samples."""
    found = agreement(Painter({}), judge, seed=0, device=CPU, count=102)

    assert found["value"] == found["smallest"] == 1.0
    assert found["by_class"] == [1.0] * 4
    assert found["protocol"].startswith("102 decoder means, as many of each class, seed 0;")


def test_a_class_that_is_never_made_is_named(judge: Judge) -> None:
    """Class 1 painted as class 3: a quarter of the samples is wrong, and all of that class."""
    found = agreement(Painter({1: 3}), judge, seed=0, device=CPU, count=100)

    assert found["value"] == 0.75
    assert found["by_class"] == [1.0, 0.0, 1.0, 1.0]
    assert found["smallest"] == 0.0


def test_untrained_models_of_classes_are_measured_like_trained_ones(judge: Judge) -> None:
    """Both kinds; what no class changes is right for one class of four."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        gan = DCGAN(DCGANConfig(image_size=SIZE, latent_dim=3, width=4, classes=4)).eval()
        vae = ConditionalVAE(
            ConditionalVAEConfig(image_size=SIZE, latent_dim=3, widths=(4,), hidden=8, prior="normal", classes=4)
        ).eval()

    for network in (gan, vae):
        found = agreement(network, judge, seed=0, device=CPU, count=400)
        assert sum(found["by_class"]) / 4 == pytest.approx(found["value"])
        assert 0.1 < found["value"] < 0.5


def test_models_that_cannot_be_asked_have_no_classes(judge: Judge) -> None:
    """A plain DCGAN and a VAE; and a judge of other classes is refused."""
    assert classes_of(DCGAN(DCGANConfig(image_size=SIZE))) == 0
    assert classes_of(tiny_vae()) == 0
    asked = DCGAN(DCGANConfig(image_size=SIZE, classes=3))
    with pytest.raises(ValueError, match="corners knows 4 classes, and the model has 3"):
        agreement(asked, judge, seed=0, device=CPU)
