"""Every method of the blocking client against a real server; truths rather than snapshots."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from latentserve import CapabilityError, Client, Latents, Model, NotFound, ValidationError
from latentserve.png import Bytes

BOOT = Path(__file__).parents[2] / "service/page/examples/00-ankle-boot.png"


def pixels(content: bytes) -> Bytes:
    """Any picture file -> its levels, (H, W) or (H, W, 3)."""
    return np.asarray(Pillow.open(io.BytesIO(content)))


def test_a_model_is_pinned_and_tells_its_card(client: Client, vae: Model) -> None:
    """What the list says is what the model says, and its requests carry its digest."""
    card = next(card for card in client.models() if card.name == "fashion-vae")

    assert (vae.name, vae.digest, vae.kind, vae.latent_dim) == (card.name, card.digest, "vae", 40)
    assert vae.image_shape == (28, 28, 1)
    assert {"sample", "score"} <= set(vae.capabilities)
    assert vae.labels == ()
    assert vae.metrics["elbo"]["value"] < 0
    assert f"fashion-vae@{vae.digest[:8]}/" in str(vae.sample(1)[0].url)


def test_samples_are_the_pictures_at_their_addresses(client: Client, vae: Model) -> None:
    """Each image's `url` holds the very same bytes; the array holds their levels."""
    images = vae.sample("3,7")

    assert images.seeds == (3, 7)
    assert images.to_numpy().shape == (2, 28, 28, 1)
    for image in images:
        path = str(image.url).removeprefix(client.base_url).rpartition("/")[2].removesuffix(".png")
        assert vae.sheet(path).content == image.png
        assert np.array_equal(image.to_numpy()[..., 0], pixels(image.png))


def test_seeds_may_be_written_in_any_way(vae: Model) -> None:
    """A number, a range as text or as Python's, a list, a name: one seed is one image."""
    ways = [vae.sample(way) for way in ("0-2", range(3), [0, 1, 2], (0, 1, 2))]

    assert all(way.seeds == (0, 1, 2) for way in ways)
    assert len({b"".join(image.png for image in way) for way in ways}) == 1
    assert vae.sample("alice")[0].seed == 735577801
    assert vae.sample(np.int64(2))[0].png == ways[0][2].png
    assert vae.sample("アリス")[0].png == vae.sample(vae.sample("アリス")[0].seed)[0].png
    assert vae.sample("random")[0].seed is not None
    with pytest.raises(ValueError, match="another name"):
        vae.sample("AC/DC")
    with pytest.raises(ValueError, match="no seeds"):
        vae.sample([])


def test_n_images_of_a_seed_have_its_indices(vae: Model) -> None:
    """The third of five is the image that `index` names; without a seed the server draws one and says it."""
    images = vae.sample(n=5, seed=9)

    assert np.array_equal(images.to_numpy()[2], vae.sample(9, index=2).to_numpy()[0])
    assert vae.sample()[0].seed is not None
    with pytest.raises(ValueError, match="either seeds"):
        vae.sample(3, n=2)


def test_images_are_a_sequence_for_every_library(vae: Model, tmp_path: Path) -> None:
    """Slices, Pillow, torch, files: the same levels everywhere."""
    images = vae.sample("0-3", size=56)
    levels = images.to_numpy()

    assert np.array_equal(images[1:3].to_numpy(), levels[1:3])
    assert np.array_equal(np.asarray(images.to_pil()[2]), levels[2, ..., 0])
    assert torch.equal((images.to_torch() * 255).round().to(torch.uint8)[:, 0], torch.from_numpy(levels[..., 0]))
    saved = images.save(tmp_path / "out/{seed}.png")
    assert [path.name for path in saved] == ["0.png", "1.png", "2.png", "3.png"]
    assert np.array_equal(pixels(saved[3].read_bytes()), levels[3, ..., 0])
    with pytest.raises(ValueError, match="one file for 4 images"):
        images.save(tmp_path / "all.png")


def test_images_show_themselves_in_notebooks(vae: Model) -> None:
    """A sheet as PNG whose tiles are the images, and HTML with one <img> each."""
    images = vae.sample("0-3")
    shown = pixels(images._repr_png_())

    assert shown.shape == (58, 58)
    assert np.array_equal(shown[30:, 30:], images.to_numpy()[3, ..., 0])
    assert images._repr_html_().count("<img") == 4


def test_a_sheet_is_one_file_in_the_form_asked_for(vae: Model) -> None:
    """The npy holds the levels of the images; the picture has the columns and the gap."""
    levels = vae.sample("0-5").to_numpy()

    assert np.array_equal(vae.sheet("0-5", "npy").to_numpy(), levels)
    assert vae.sheet("0-5", columns=3, gap=0).to_numpy().shape == (56, 84, 1)
    assert vae.sheet(n=2, seed=1, form="webp").media_type == "image/webp"
    assert vae.sheet("0-1", "zip").media_type == "application/zip"


def test_latents_decode_to_the_images_of_their_seeds(vae: Model) -> None:
    """Exactly; also after a trip through numpy."""
    latents = vae.latents([42, 77])

    assert latents.shape == (2, 40)
    assert latents.exact
    assert latents.source == "seed"
    assert np.isfinite(latents.log_prior).all()
    assert np.array_equal(vae.decode(latents).to_numpy(), vae.sample([42, 77]).to_numpy())
    assert np.array_equal(vae.decode(np.asarray(latents)[1]).to_numpy(), vae.sample(77).to_numpy())
    assert np.array_equal(vae.decode_sheet(latents, "npy").to_numpy(), vae.sample([42, 77]).to_numpy())


def test_z64_names_the_rounded_point(vae: Model) -> None:
    """The image at that address is that of the latents in float16."""
    latents = vae.latents(5)
    rounded = Latents.from_z64(latents.z64)

    assert np.array_equal(vae.image(latents.z64[0]).to_numpy(), vae.decode(rounded).to_numpy()[0])
    assert np.array_equal(np.asarray(vae.sample(5).latents), np.asarray(rounded))


def test_log_prior_is_that_of_the_encoded_point(vae: Model) -> None:
    """Two routes to log p(z)."""
    latents = vae.encode(BOOT)

    assert vae.log_prior(latents) == pytest.approx(latents.log_prior)


def test_a_picture_made_here_gives_its_exact_latents_back(client: Client, vae: Model, tmp_path: Path) -> None:
    """From a file, for a GAN without an encoder, too; a picture of one's own is encoded."""
    path = vae.sample(42)[0].save(tmp_path / "found.png")
    dcgan = client.model("fashion-dcgan")

    found = vae.encode(path)
    assert found.exact
    assert found.source == "recipe"
    assert np.array_equal(np.asarray(found), np.asarray(vae.latents(42)))
    assert np.array_equal(np.asarray(dcgan.encode(dcgan.sample(7)[0])), np.asarray(dcgan.latents(7)))
    assert vae.encode(BOOT).exact is False
    assert vae.encode(path, recipe="ignore").source == "posterior"


def test_pictures_may_be_anything_that_holds_one(vae: Model) -> None:
    """Path, text, bytes, Pillow's image, array, tensor: the same latents."""
    levels = pixels(BOOT.read_bytes())
    ways = [BOOT, str(BOOT), BOOT.read_bytes(), Pillow.open(BOOT), levels, levels[:, :, None], levels[None]]
    ways += [levels / np.float32(255), torch.from_numpy(levels.copy())[None]]
    expected = np.asarray(vae.encode(BOOT))

    for way in ways:
        assert np.array_equal(np.asarray(vae.encode(way)), expected), type(way)
    mixed = np.asarray(vae.encode([BOOT, levels]))
    assert np.array_equal(mixed, np.concatenate([expected, expected]))


def test_what_is_no_picture_is_refused_here(vae: Model, tmp_path: Path) -> None:
    """Before anything is sent, by what it is."""
    with pytest.raises(ValueError, match="no pictures"):
        vae.encode([])
    with pytest.raises(ValueError, match="shape"):
        vae.encode(np.zeros(7))
    with pytest.raises(TypeError, match="is no picture"):
        vae.encode(3.5)
    with pytest.raises(FileNotFoundError):
        vae.encode(tmp_path / "missing.png")


def test_an_error_names_the_picture_that_it_is_about(vae: Model, tmp_path: Path) -> None:
    """Also where it was one of many in its request, and one that breaks off."""
    (tmp_path / "notes.png").write_bytes(b"no picture")
    (tmp_path / "torn.png").write_bytes(BOOT.read_bytes()[:-80])

    for name in ("notes.png", "torn.png"):
        with pytest.raises(ValidationError, match=f"^{name}: the picture") as caught:
            vae.score([BOOT, BOOT, tmp_path / name, BOOT])
        assert caught.value.facts["picture"] == 2


def test_a_label_chooses_the_class(client: Client, vae: Model) -> None:
    """The images of a class are those of the latents of that class; a model without classes refuses."""
    model = client.model("tiny-classes")

    assert model.labels == ("boot", "bag")
    images = model.sample("0-7", label="bag")
    assert np.array_equal(images.to_numpy(), model.decode(model.latents("0-7", label=1)).to_numpy())
    assert not np.array_equal(images.to_numpy(), model.sample("0-7", label="boot").to_numpy())
    with pytest.raises(ValidationError, match="did you mean 'boot'"):
        model.sample(1, label="boat")
    with pytest.raises(CapabilityError):
        vae.sample(1, label="bag")


def test_many_pictures_go_in_as_many_requests_as_they_need(client: Client, vae: Model, server: str) -> None:
    """Twenty files, sixteen a request: the answers are joined in order, and progress is told."""
    images = vae.sample("0-19")
    seen: list[tuple[int, int]] = []

    with Client(server, progress=lambda done, total: seen.append((done, total))) as watched:
        latents = watched.model("fashion-vae").encode(images)

    assert np.array_equal(np.asarray(latents), np.asarray(vae.latents("0-19")))
    assert seen == [(1, 2), (2, 2)]


def test_reconstructions_are_decoded_codes(vae: Model) -> None:
    """Reconstruction is decoding after encoding; the error is against the input; the pair shows both."""
    images = vae.reconstruct(BOOT)
    decoded = vae.decode(vae.encode(BOOT)).to_numpy()

    assert np.array_equal(images.to_numpy(), decoded)
    difference = decoded[0, ..., 0] / 255 - pixels(BOOT.read_bytes()) / 255
    assert images.mean_squared_errors[0] == pytest.approx(np.square(difference).mean(), abs=1e-3)
    pair = vae.reconstruction_pairs(BOOT, gap=0).to_numpy()[..., 0]
    assert np.array_equal(pair, np.hstack([pixels(BOOT.read_bytes()), decoded[0, ..., 0]]))


def test_a_capability_that_is_missing_names_who_has_it(client: Client) -> None:
    """The error carries what a program needs."""
    dcgan = client.model("fashion-dcgan")

    with pytest.raises(CapabilityError) as caught:
        dcgan.score(BOOT)

    assert "fashion-vae" in caught.value.supported_by
    assert caught.value.code == "capability_not_supported"
    assert caught.value.hint
    assert caught.value.request_id


def test_an_unknown_model_and_a_bad_value_are_named(client: Client, vae: Model) -> None:
    """With the remedy, and the pointer to the value."""
    with pytest.raises(NotFound, match="did you mean 'fashion-vae'"):
        client.model("fashion-vea")
    with pytest.raises(ValidationError) as caught:
        vae.sample(3, temperature=7)
    assert caught.value.errors[0]["pointer"].endswith("temperature")
    assert caught.value.status == 422


def test_the_pictures_of_a_latent_space_are_files(client: Client, vae: Model) -> None:
    """Map, directions, tile, stages."""
    draw = client.model("tiny-draw")

    assert vae.manifold(n=3, gap=0).to_numpy().shape == (84, 84, 1)
    assert vae.traverse(42, dimensions=2, steps=3, gap=0).to_numpy().shape == (56, 84, 1)
    assert vae.tile(3, 0, 0).to_numpy().shape[:2] == (256, 256)
    assert draw.stages("0-1", "npy").to_numpy().shape[0] == 2
    assert draw.stages(1).media_type == "image/webp"


def test_the_server_itself_answers_too(client: Client) -> None:
    """Its default model, health, readiness, metrics, what an error means, and its description."""
    assert client.image(42).to_numpy().shape == (28, 28, 1)
    assert client.health() == {"status": "ok"}
    assert "fashion-vae" in client.readiness()["models"]
    assert "latentserve" in client.metrics()
    assert client.problem("capability_not_supported")["status"] == 422
    assert client.card("fashion-vae").name == "fashion-vae"
    assert "fashion-vae" in client.guide()


def test_a_raw_answer_has_headers_and_timing_and_parses(vae: Model, client: Client) -> None:
    """`parse()` gives what the method gives."""
    raw = vae.with_raw_response.sheet(42)

    assert raw.status == 200
    assert raw.headers["model-version"] == vae.digest
    assert {"queue", "model", "encode"} <= set(raw.server_timing)
    assert raw.request_id
    assert raw.parse().content == raw.content == vae.sheet(42).content
    assert client.with_raw_response.models().parse()[0].name
    with pytest.raises(AttributeError, match="no method"):
        vae.with_raw_response.nonsense()
