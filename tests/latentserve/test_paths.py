"""Paths: frames, files and streams agree with each other and with the latents behind them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from latentserve import AsyncModel, Client, ConnectionFailed, Model
from latentserve.png import read_png
from latentserve.stream import Frame

BOOT = Path(__file__).parents[2] / "service/page/examples/00-ankle-boot.png"


def levels(frames: list[Frame]) -> list[bytes]:
    """Of each frame."""
    return [frame.image.to_numpy().tobytes() for frame in frames]


def frames_in(path: Path) -> int:
    """As Pillow counts them."""
    with Pillow.open(path) as file:
        return int(getattr(file, "n_frames", 1))


def test_a_path_through_seeds_is_the_path_through_their_latents(vae: Model) -> None:
    """Two ways to name the key points, one path; its ends are the images of the seeds."""
    by_seeds = vae.interpolate([42, 77], steps=5)
    by_latents = vae.interpolate(vae.latents([42, 77]), steps=5)

    assert len(by_seeds) == 5
    assert np.array_equal(by_seeds.frames.to_numpy(), by_latents.frames.to_numpy())
    assert np.array_equal(by_seeds.frames.to_numpy()[[0, -1]], vae.sample([42, 77]).to_numpy())
    assert by_seeds.times == pytest.approx(np.linspace(0, 1, 5))


def test_slerp_here_is_slerp_there(vae: Model) -> None:
    """The client's own path has the points of the server's."""
    latents = vae.latents([42, 77])
    path = latents[0].slerp(latents[1], 6)

    assert np.array_equal(vae.decode(path).to_numpy(), vae.interpolate([42, 77], steps=6).frames.to_numpy())


def test_key_points_may_be_mixed(vae: Model) -> None:
    """A seed, a point and a picture."""
    found = vae.interpolate([42, vae.latents(77)[0], BOOT], steps=2)
    expected = vae.interpolate(np.stack([*vae.latents([42, 77]).rows, *vae.encode(BOOT).rows]), steps=2)

    assert np.array_equal(found.frames.to_numpy(), expected.frames.to_numpy())
    with pytest.raises(TypeError, match="write seeds as integers"):
        vae.interpolate(["alice", BOOT])


def test_the_file_s_name_decides_its_form(vae: Model, tmp_path: Path) -> None:
    """Strip and animation show the frames; a name without a known end is refused."""
    animation = vae.interpolate("42,77", steps=4, loop=True)
    count = len(animation)

    strip = read_png(animation.save(tmp_path / "path.strip.png").read_bytes())
    assert np.array_equal(strip, animation.strip.to_numpy())
    for form in ("webp", "gif", "apng"):
        assert frames_in(animation.save(tmp_path / f"morph.{form}")) == count == 8
    assert animation.save(tmp_path / "frames.zip").read_bytes().startswith(b"PK")
    assert np.array_equal(animation.file("npy").to_numpy(), animation.frames.to_numpy())
    assert np.array_equal(animation.file("png", at=0.25).to_numpy(), animation.frames[2].to_numpy())
    with pytest.raises(ValueError, match="does not say what to make"):
        animation.save(tmp_path / "morph.mp4")


def test_one_file_needs_no_frames(vae: Model) -> None:
    """`interpolation` is the file of `interpolate`."""
    file = vae.interpolation([1, 2], "npy", steps=3, method="lerp", easing="smooth")

    assert np.array_equal(
        file.to_numpy(), vae.interpolate([1, 2], steps=3, method="lerp", easing="smooth").frames.to_numpy()
    )


def test_a_stream_brings_the_frames_one_by_one(vae: Model) -> None:
    """In order, from seeds and from latents, the same as all at once."""
    streamed = list(vae.stream_interpolation("42,77", steps=10))
    whole = vae.interpolate("42,77", steps=10)

    assert [frame.index for frame in streamed] == list(range(10))
    assert [frame.t for frame in streamed] == pytest.approx(whole.times)
    assert levels(streamed) == [frame.to_numpy().tobytes() for frame in whole.frames]
    assert levels(list(vae.stream_interpolation(vae.latents([42, 77]), steps=10))) == levels(streamed)


def test_a_dropped_stream_goes_on_where_it_was(server: str) -> None:
    """The connection breaks after each third frame; every frame comes once."""
    with Client(server, max_retries=2) as client:
        model = client.model("fashion-vae")
        whole = levels(list(model.stream_interpolation("42,77", steps=9)))
        read = client._frames

        def breaking(stream: object) -> Iterator[Frame]:
            for number, frame in enumerate(read(stream)):  # type: ignore[arg-type]  # as it is given
                yield frame
                if number == 2:
                    return

        client._frames = breaking  # type: ignore[method-assign]  # a connection that drops
        found = list(model.stream_interpolation("42,77", steps=9))

    assert [frame.index for frame in found] == list(range(9))
    assert levels(found) == whole


def test_a_stream_that_never_goes_on_ends_in_an_error(server: str) -> None:
    """As often as `max_retries` says, and no more."""
    with Client(server, max_retries=0) as client:
        client._frames = lambda stream: iter(())  # type: ignore[method-assign]  # a connection that drops
        with pytest.raises(ConnectionFailed, match="ended early"):
            list(client.model("fashion-vae").stream_interpolation("1,2"))


@pytest.mark.anyio
async def test_the_twin_animates_and_streams(async_vae: AsyncModel, tmp_path: Path) -> None:
    """Awaited, with the same frames."""
    animation = await async_vae.interpolate("42,77", steps=4)
    streamed = [frame async for frame in async_vae.stream_interpolation("42,77", steps=4)]
    path = await animation.save(tmp_path / "morph.webp")

    assert frames_in(path) == 4
    assert levels(streamed) == [frame.to_numpy().tobytes() for frame in animation.frames]
