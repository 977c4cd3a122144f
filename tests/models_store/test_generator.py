"""The kernels of a DCGAN's generator beside torch, for every set of instructions that this processor has."""

import hashlib
import itertools
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from models_store.compiled import kernels
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.generator import Generator, NoKernels
from models_store.latents import Floats, normals
from models_store.pixels import to_bytes
from tests.conftest import tiny_dcgan, tiny_vae

SETS = kernels.sets() if kernels is not None else []
needs_kernels = pytest.mark.skipif(not SETS, reason="no C compiler here, or a processor without such instructions")

SHAPES = {
    "one doubling": {"image_size": 6},
    "odd start": {"image_size": 28, "width": 20},
    "odd everywhere": {"image_size": 10, "width": 3, "latent_dim": 7},
    "the benchmark's": {"image_size": 32, "width": 64, "latent_dim": 100},
    "colour": {"image_size": 64, "channels": 3, "width": 8},
    "classes": {"image_size": 28, "classes": 10, "width": 33},
    "classes in colour": {"image_size": 32, "classes": 3, "channels": 3, "width": 17},
}


def pixels_of(network: DCGAN, latents: Floats) -> Floats:
    with torch.inference_mode():
        return network.decode(torch.from_numpy(latents)).numpy()


def test_where_there_is_a_compiler_there_are_kernels() -> None:
    """Else every other test here would be skipped, and nobody would know."""
    assert kernels is not None or shutil.which("cc") is None


@needs_kernels
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("instructions", SETS)
def test_pictures_are_torchs_up_to_rounding(shape: dict[str, int], instructions: str) -> None:
    """Sides that are odd, channels that fill no vector, classes, colour; and levels are those of the pixels."""
    network = tiny_dcgan(**shape)
    latents = normals(3, range(9), network.latent_dim)
    made = Generator(network, instructions=instructions)

    pixels = made.run([latents])

    np.testing.assert_allclose(pixels, pixels_of(network, latents), rtol=0, atol=3e-5)
    levels, finite = made.levels([latents])
    assert finite
    np.testing.assert_array_equal(levels, to_bytes(pixels))


@needs_kernels
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_all_instructions_give_the_same_bits(shape: dict[str, int]) -> None:
    """So a picture is the same on every processor that has any of them."""
    network = tiny_dcgan(**shape)
    latents = normals(4, range(50), network.latent_dim)

    first, *others = (Generator(network, instructions=each).run([latents]) for each in SETS)

    assert all(first.tobytes() == other.tobytes() for other in others)


@needs_kernels
@pytest.mark.parametrize("instructions", SETS)
@pytest.mark.parametrize("shape", [SHAPES["odd start"], SHAPES["the benchmark's"]])
def test_a_row_has_the_same_bits_in_every_batch(shape: dict[str, int], instructions: str) -> None:
    """Sizes around every block of the kernels, at every place, and on many threads at one time."""
    network = tiny_dcgan(**shape)
    latents = normals(5, range(130), network.latent_dim)
    made = Generator(network, instructions=instructions)
    whole = made.run([latents])
    spans = [
        (start, start + size) for start, size in itertools.product((0, 3, 17), (1, 2, 3, 5, 11, 12, 13, 47, 49, 97))
    ]

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda span: made.run([latents[span[0] : span[1]]]), spans))

    for (start, stop), part in zip(spans, parts, strict=True):
        assert part.tobytes() == whole[start:stop].tobytes()


@needs_kernels
@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_what_is_not_finite_is_told(bad: float) -> None:
    """Pictures beside it are none the worse."""
    network = tiny_dcgan(image_size=32, channels=3)
    latents = normals(6, range(3), network.latent_dim)
    made = Generator(network)
    right = made.run([latents])
    latents[1] = bad

    assert made.levels([latents])[1] == bool(np.isfinite(made.run([latents])).all())
    assert not np.isnan(bad) or not made.levels([latents])[1]
    np.testing.assert_array_equal(made.run([latents])[[0, 2]], right[[0, 2]])


@needs_kernels
def test_far_from_the_origin_pictures_are_black_and_white() -> None:
    """The exponential is cut where it would overflow."""
    network = tiny_dcgan()
    pixels = Generator(network).run([normals(7, range(4), network.latent_dim) * np.float32(1e6)])

    assert ((pixels < 1e-6) | (pixels > 1 - 1e-6)).mean() > 0.99


def test_networks_and_machines_without_kernels_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its reason."""
    with pytest.raises(NoKernels, match="DCGAN"):
        Generator(tiny_vae())
    if SETS:
        with pytest.raises(NoKernels, match="avx9000"):
            Generator(tiny_dcgan(), instructions="avx9000")
    monkeypatch.setattr("models_store.generator.kernels", None)
    with pytest.raises(NoKernels, match="compiler"):
        Generator(tiny_dcgan())


@needs_kernels
def test_buffers_of_other_sizes_are_refused() -> None:
    """Nothing is read or written beyond an end."""
    assert kernels is not None
    numbers = np.zeros(16 * 4 * 4, dtype=np.float32)
    layers = ((4, 4, numbers[: 4 * 4 * 4 * 4], numbers[:4]), (4, 1, numbers[: 4 * 16], numbers[:1]))
    made = kernels.make(SETS[0], 4, layers)
    latents, pixels = np.zeros((2, 4), dtype=np.float32), np.empty((2, 1, 8, 8), dtype=np.float32)

    assert kernels.run(made, 2, latents, pixels, None)
    for count, given, taken in ((3, latents, pixels), (2, latents[:1], pixels), (2, latents, pixels[:1])):
        with pytest.raises(ValueError, match="a buffer of"):
            kernels.run(made, count, given, taken, None)
    with pytest.raises(ValueError, match="a buffer of"):
        kernels.make(SETS[0], 4, ((4, 4, numbers[:-1], numbers[:4]), layers[1]))
    with pytest.raises(ValueError, match="inputs"):
        kernels.make(SETS[0], 4, (layers[0], (3, 1, numbers[: 3 * 16], numbers[:1])))
    with pytest.raises(ValueError, match="no kernels"):
        kernels.make("none", 4, layers)
    with pytest.raises(ValueError, match="no kernels"):
        kernels.make(SETS[0], 4, layers[:1])
    with pytest.raises(TypeError, match="tuple"):
        kernels.make(SETS[0], 4, (layers[0], list(layers[1])))
    with pytest.raises(ValueError, match="a buffer of"):
        kernels.normals(b"12 bytes here", 0, 1, 4, np.empty(4, dtype=np.float32))


@needs_kernels
def test_sizes_beyond_all_memory_are_refused() -> None:
    """Before their products overflow."""
    assert kernels is not None
    layers = ((4, 4, bytes(4 * 4 * 4 * 4 * 4), bytes(16)), (4, 1, bytes(4 * 16 * 4), bytes(4)))
    made = kernels.make(SETS[0], 4, layers)
    for count in (-1, 1 << 60, -(1 << 60)):
        with pytest.raises(ValueError, match="pictures"):
            kernels.run(made, count, b"", None, None)
    for start in (0, 65, 65536):
        with pytest.raises(ValueError, match="no kernels"):
            kernels.make(SETS[0], start, layers)
    with pytest.raises(ValueError, match="from 1 to"):
        kernels.make(SETS[0], 4, (layers[0], (4, 1 << 30, b"", b"")))
    for count, dim in ((1 << 62, 4), (1, 1 << 62), (-1, 4), (1, 0), (0, -1)):
        with pytest.raises(ValueError, match="rows of"):
            kernels.normals(b"", 0, count, dim, bytearray())


@needs_kernels
@pytest.mark.parametrize("instructions", SETS)
def test_what_one_model_left_behind_is_nothing_to_the_next(instructions: str) -> None:
    """Not even where a picture ends in the middle of a vector, on a thread that has just computed nonsense."""
    small, large = tiny_dcgan(image_size=6), tiny_dcgan(image_size=64, channels=3)
    right, wrong = Generator(small, instructions=instructions), Generator(large, instructions=instructions)
    latents = normals(8, range(3), small.latent_dim)
    pixels = right.run([latents])

    assert not wrong.levels([np.full((60, large.latent_dim), np.nan, dtype=np.float32)])[1]
    assert right.levels([latents])[1]
    np.testing.assert_array_equal(right.run([latents]), pixels)


@needs_kernels
@pytest.mark.parametrize("bits", [0x7FC00000, 0x7FC00001, 0x7FC001FF, 0xFFC12345, 0x7F800001])
def test_no_kind_of_nan_becomes_a_picture(bits: int) -> None:
    """Whatever it carries along."""
    network = tiny_dcgan()
    latents = np.full((1, network.latent_dim), bits, dtype=np.uint32).view(np.float32)

    assert not Generator(network).levels([latents])[1]


PIXELS = "9e6a4ff9d5a66f32d38ac156033d9766c7a8f90a047678a915398ac7bc0ebb83"
"""SHA-256 of sixty pictures of `determined_dcgan`."""


def determined_dcgan() -> DCGAN:
    """Weights that depend on no library: normals of our own recipe, scaled so that layers keep their size."""
    network = DCGAN(DCGANConfig(image_size=28, channels=3, latent_dim=9, width=20, classes=3)).eval()
    with torch.no_grad():
        for number, parameter in enumerate([*network.parameters(), *network.buffers()]):
            if parameter.is_floating_point():
                drawn = torch.from_numpy(normals(number, [0], parameter.numel())[0]).reshape(parameter.shape)
                parameter.copy_(drawn.abs() + 0.5 if parameter.ndim == 1 else drawn * 0.125)
    return network


@needs_kernels
@pytest.mark.parametrize("instructions", SETS)
def test_pixels_are_these_on_every_processor(instructions: str) -> None:
    """Bit for bit, so the sum of a file can be published. 64-bit ARM gave this one under an emulator."""
    network = determined_dcgan()
    pixels = Generator(network, instructions=instructions).run([normals(1, range(60), network.latent_dim)])

    assert 0.2 < pixels.std() < 0.6
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == PIXELS
