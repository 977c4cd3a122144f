"""Interpolations over HTTP: every form shows the same frames, and each frame is the image of its point."""

import base64
import io
import json
import zipfile
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageSequence

from models_store.latents import Floats, normals
from models_store.paths import LatentPath, frame_times
from tests.service.conftest import npy_array, pixels_of

pytestmark = pytest.mark.anyio
MODEL = "/v1/models/plain-vae"
BASE = f"{MODEL}/interpolations"
Levels = np.ndarray[tuple[int, ...], np.dtype[Any]]


def shown_frames(content: bytes, count: int, fps: float) -> list[Levels]:
    """What an animation shows at the middle of each of `count` frames: encoders may hold one that does not change."""
    animation = Image.open(io.BytesIO(content))
    ends, pictures, end = [], [], 0.0
    for frame in ImageSequence.Iterator(animation):
        frame.load()
        end += frame.info.get("duration", 0)
        ends.append(end)
        pictures.append(np.asarray(frame.convert("L")))
    middles = (np.arange(count) + 0.5) * 1000 / fps
    places = np.searchsorted(ends, middles, side="right").clip(max=len(pictures) - 1)
    return [pictures[place] for place in places]


async def decoded(client: httpx.AsyncClient, latents: Floats, model: str = MODEL) -> Levels:
    """The images of points, each decoded in a request of its own, (N, H, W)."""
    headers = {"Accept": "application/x-npy"}
    bodies = [{"latents": [row.tolist()]} for row in latents]
    answers = [await client.post(f"{model}/images", json=body, headers=headers) for body in bodies]
    return np.stack([npy_array(answer.content)[0, :, :, 0] for answer in answers])


async def test_a_path_begins_and_ends_at_its_seeds(client: httpx.AsyncClient) -> None:
    """Its key frames are the samples of the seeds, to the byte."""
    samples = npy_array((await client.get(f"{MODEL}/samples/3,9,5.npy")).content)

    frames = npy_array((await client.get(f"{BASE}/3,9,5.npy?steps=4")).content)
    loop = npy_array((await client.get(f"{BASE}/3,9,5.npy?steps=4&loop=true")).content)

    assert frames.shape == (8, 28, 28, 1)
    np.testing.assert_array_equal(frames[[0, 4, 7]], samples)
    assert loop.shape == (12, 28, 28, 1)
    np.testing.assert_array_equal(loop[[0, 4, 8]], samples)


@pytest.mark.parametrize("case", range(6))
async def test_each_frame_of_every_form_is_the_image_of_its_point(case: int, client: httpx.AsyncClient) -> None:
    """Random paths; strip, sheet, arrays, animations, archive, JSON and single frames, against decodes one by one."""
    draw = np.random.default_rng(case)
    seeds = [int(seed) for seed in draw.integers(0, 2**32, draw.integers(2, 5))]
    method, easing = ("slerp", "lerp")[case % 2], ("linear", "smooth")[case // 2 % 2]
    steps, loop, fps, columns = int(draw.integers(2, 7)), bool(case % 3), int(draw.integers(1, 51)), 3
    address = f"{BASE}/{','.join(map(str, seeds))}"
    how = f"method={method}&easing={easing}&loop={str(loop).lower()}"
    query = f"?steps={steps}&fps={fps}&columns={columns}&{how}"
    points = np.concatenate([normals(seed, [0], 6) for seed in seeds])
    path = LatentPath(points, method, easing, loop)  # type: ignore[arg-type]  # two of the literals
    times = frame_times(path.legs, steps, loop=loop)

    wanted = await decoded(client, path.at(times))
    files = {
        form: (await client.get(f"{address}.{form}{query}")).content
        for form in ("npy", "strip.png", "png", "webp", "apng", "gif", "json", "zip")
    }

    np.testing.assert_array_equal(npy_array(files["npy"])[..., 0], wanted)
    np.testing.assert_array_equal(pixels_of(files["strip.png"]), np.concatenate(list(wanted), axis=1))
    sheet = pixels_of(files["png"])
    for number, frame in enumerate(wanted):
        row, column = divmod(number, columns)
        np.testing.assert_array_equal(sheet[28 * row : 28 * row + 28, 28 * column : 28 * column + 28], frame)
    for form in ("webp", "apng", "gif"):
        np.testing.assert_array_equal(shown_frames(files[form], len(wanted), fps), wanted, err_msg=form)
    entries = json.loads(files["json"])["data"]
    assert [entry["t"] for entry in entries] == times.tolist()
    with zipfile.ZipFile(io.BytesIO(files["zip"])) as archive:
        for number, entry in enumerate(entries):
            single = (await client.get(entry["url"])).content
            np.testing.assert_array_equal(pixels_of(single), wanted[number])
            assert archive.read(f"frame{number:04}.png") == single
        manifest = json.loads(archive.read("manifest.json"))
    assert [{**entry, "file": f"frame{entry['index']:04}.png"} for entry in entries] == manifest["frames"]


async def test_an_animation_of_bits_lasts_as_long_as_its_frames(client: httpx.AsyncClient) -> None:
    """Frames that do not change are held, not left out: at temperature 0 nothing moves at all."""
    still = pixels_of((await client.get(f"{MODEL}/samples/3.png?temperature=0")).content)
    for form in ("webp", "apng", "gif"):
        content = (await client.get(f"{BASE}/3,9.{form}?steps=5&temperature=0")).content
        assert all(np.array_equal(frame, still) for frame in shown_frames(content, 5, 12)), form


async def test_a_loop_of_three_seeds_has_seventy_two_frames(client: httpx.AsyncClient) -> None:
    """As the guide promises; the step from the last frame to the first is a step like any other."""
    animation = (await client.get(f"{BASE}/42,77,1001.webp?steps=24&loop=true")).content
    entries = (await client.get(f"{BASE}/42,77,1001.json?steps=24&loop=true")).json()["data"]

    assert Image.open(io.BytesIO(animation)).n_frames == 72  # type: ignore[attr-defined]  # an animation has it
    assert len(entries) == 72
    assert 1 - entries[-1]["t"] == pytest.approx(entries[1]["t"])


async def test_a_still_frame_is_the_same_as_png_and_webp(client: httpx.AsyncClient) -> None:
    """`at` is a place on the whole path; how many other frames there are does not matter, nor to the ETag."""
    frames = npy_array((await client.get(f"{BASE}/3,9.npy?steps=5")).content)

    png = await client.get(f"{BASE}/3,9.png?at=0.25&size=56")
    webp = await client.get(f"{BASE}/3,9.webp?at=0.25&size=56")
    other = await client.get(f"{BASE}/3,9.png?at=0.25&size=56&steps=7&fps=3")

    np.testing.assert_array_equal(pixels_of(png.content), frames[1, :, :, 0].repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(webp.content)).convert("L")), pixels_of(png.content))
    assert (other.content, other.headers["etag"]) == (png.content, png.headers["etag"])


async def test_points_of_the_caller_are_interpolated_too(client: httpx.AsyncClient) -> None:
    """The path is the same whichever way its key points are named: seeds, latents, npy, a mixture, our own pictures."""
    latents = await client.get(f"{MODEL}/latents/3,9.npy")
    rows = npy_array(latents.content).tolist()
    pictures = [(await client.get(f"{MODEL}/samples/{seed}.png")).content for seed in (3, 9)]
    picture = base64.b64encode(pictures[1]).decode()
    query = "?steps=3&method=lerp"
    wanted = (await client.get(f"{BASE}/3,9.npy{query}")).content
    accept = {"Accept": "application/x-npy"}
    bodies: list[dict[str, Any]] = [
        {"latents": rows},
        {"seeds": [3, 9]},
        {"seeds": "3,9"},
        {"points": [{"latents": rows[0]}, {"seed": 9}]},
        {"points": [{"seed": 3}, {"image": picture}]},
    ]

    answers = [await client.post(BASE, json={**body, "steps": 3, "method": "lerp"}, headers=accept) for body in bodies]
    array = {**accept, "Content-Type": "application/x-npy"}
    answers.append(await client.post(f"{BASE}{query}", content=latents.content, headers=array))
    form = [("image", each) for each in pictures]
    answers.append(await client.post(BASE, files=form, data={"steps": "3", "method": "lerp"}, headers=accept))

    assert [answer.status_code for answer in answers] == [200] * 7
    assert [answer.content for answer in answers] == [wanted] * 7


async def test_a_picture_from_elsewhere_is_encoded(client: httpx.AsyncClient) -> None:
    """A path between two of them begins and ends at their reconstructions; a GAN says that it cannot."""
    levels = np.random.default_rng(1).integers(0, 256, (2, 28, 28), dtype=np.uint8)
    files = []
    for each in levels:
        file = io.BytesIO()
        Image.fromarray(each).save(file, "PNG")
        files.append(("image", file.getvalue()))
    accept = {"Accept": "application/x-npy"}

    remade = npy_array((await client.post(f"{MODEL}/reconstructions", files=files, headers=accept)).content)
    frames = npy_array((await client.post(f"{BASE}?steps=3", files=files, headers=accept)).content)
    refused = await client.post("/v1/models/tiny-dcgan/interpolations", files=files)

    np.testing.assert_array_equal(frames[[0, -1]], remade)
    assert refused.status_code == 422
    assert refused.json()["code"] == "capability_not_supported"


async def test_a_frame_gives_its_own_point_back(client: httpx.AsyncClient) -> None:
    """Its recipe is exact, between seeds and between points of the caller; a strip is of no one image."""
    latents = normals(3, [0, 1], 6)
    posted = {"latents": latents.tolist(), "steps": 3, "images": "base64"}
    frames = (await client.post(BASE, json=posted)).json()["data"]
    seeded = (await client.get(f"{BASE}/3,9.png?at=0.3&easing=smooth&size=56")).content
    strip = (await client.get(f"{BASE}/3,9.strip.png?steps=2")).content

    files = [("image", file) for file in (base64.b64decode(frames[1]["image"]), seeded, strip)]
    found = (await client.post(f"{MODEL}/latents", files=files)).json()["data"]

    assert [entry["exact"] for entry in found] == [True, True, False]
    middle = LatentPath(latents).at(np.array([0.5]))[0]
    np.testing.assert_array_equal(np.float32(found[0]["latents"]), middle)
    ends = np.concatenate([normals(seed, [0], 6) for seed in (3, 9)])
    wanted = LatentPath(ends, easing="smooth").at(np.array([0.3]))[0]
    np.testing.assert_array_equal(np.float32(found[1]["latents"]), wanted)


async def test_the_accept_header_decides_where_no_extension_does(client: httpx.AsyncClient) -> None:
    """With Vary; a browser's picture is the strip, and an ETag that is known gives a 304."""
    strip = await client.get(f"{BASE}/3,9.strip.png?steps=4")
    for accept, form in (
        ("*/*", "strip.png"),
        ("image/gif", "gif"),
        ("application/zip", "zip"),
        ("image/webp", "webp"),
    ):
        named = await client.get(f"{BASE}/3,9.{form}?steps=4")
        answer = await client.get(f"{BASE}/3,9?steps=4", headers={"Accept": accept})
        assert answer.content == named.content
        assert answer.headers["content-type"] == named.headers["content-type"]
        assert answer.headers["vary"] == "Accept"
    again = await client.get(f"{BASE}/3,9?steps=4", headers={"If-None-Match": strip.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get(f"{BASE}/3,9", headers={"Accept": "text/html"})).status_code == 406


@pytest.mark.parametrize("form", ["webp", "apng", "gif", "strip.png", "png", "json", "npy", "zip"])
async def test_every_form_is_a_file_that_may_be_kept(form: str, client: httpx.AsyncClient) -> None:
    """Immutable where pinned, 304 for who has it, HEAD with the same headers, a name to save it under."""
    pinned = (await client.get(MODEL)).json()["pinned"]
    address = f"/v1/models/{pinned}/interpolations/3,9.{form}?steps=2"

    answer = await client.get(address)
    head = await client.head(address)
    again = await client.get(address, headers={"If-None-Match": answer.headers["etag"]})

    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-disposition"] == f'inline; filename="plain-vae-path-seeds3-and-1-more.{form}"'
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers[name] for name in ("etag", "content-type")} == {
        name: answer.headers[name] for name in ("etag", "content-type")
    }
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "3.webp",
        f"{','.join('1' * 17)}.webp",
        "1,2.webp?steps=1",
        "1,2.webp?steps=257",
        "1,2.webp?method=cubic",
        "1,2.webp?easing=bouncy",
        "1,2.png?at=1.5",
        "1,2.png?at=nan",
        "1,2.gif?at=0.5",
        "1,2.webp?fps=0",
        "1,2.webp?label=3",
        "1,2,3.webp?steps=256&size=1024",
        "1,2.gif?steps=256&size=1024",
        "1,2,3,4.gif?steps=256&fps=1",
        "1,2.mp4",
    ],
)
async def test_a_path_that_cannot_be_made_is_refused(client: httpx.AsyncClient, path: str) -> None:
    """Too few or many points, steps out of range, and what is allowed singly but costs too much together."""
    answer = await client.get(f"{BASE}/{path}")

    assert answer.status_code == 422
    assert answer.json()["code"] in ("invalid_parameter", "request_too_costly", "capability_not_supported")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "/body: give just one"),
        ({"seeds": [1, 2], "latents": [[0.0] * 6] * 2}, "/body: give just one"),
        ({"seeds": [1]}, "key points, and this one 1"),
        ({"points": []}, "key points, and this one 0"),
        ({"points": [{"seed": 1}]}, "key points, and this one 1"),
        ({"points": [{"seed": 1}] * 17}, "/body/points"),
        ({"points": [{"seed": 1}, {}]}, "/body/points/1"),
        ({"points": [{"seed": 1}, {"seed": 1, "image": ""}]}, "/body/points/1"),
        ({"points": [{"seed": 1}, {"latents": [1.0]}]}, "/body/points/1/latents"),
        ({"points": [{"seed": 1}, {"latents": [1e30] * 6}]}, "too far out"),
        ({"points": [{"seed": 2**32}, {"seed": 1}]}, "/body/points/0/seed"),
        ({"points": [{"seed": 1}, {"image": "!"}]}, "not base64"),
        ({"points": [{"seed": 1}, {"image": "AAAA"}]}, "does not start like one"),
        ({"points": [{"seed": 1}, {"colour": 1}]}, "unknown parameter"),
    ],
)
async def test_key_points_that_are_none_are_refused_by_their_place(
    client: httpx.AsyncClient, body: dict[str, Any], said: str
) -> None:
    """Never a 5xx; the detail says which point it was."""
    answer = await client.post(BASE, json=body)

    assert 400 <= answer.status_code < 500
    assert said in answer.json()["detail"]
