"""A film as a file: one frame, a sheet, a strip, an animation, arrays, JSON, or an archive of frames."""

from models_store.latents import Floats
from models_store.pixels import Bytes, sheet
from service.media.animation import ENCODERS
from service.media.archive import encode_zip
from service.media.npy import encode_npy
from service.media.png import encode_png
from service.media.tiles import square_columns, tiles
from service.routes.exchange import to_json
from service.routes.films import Film
from service.routes.rendering import as_base64


async def film_file(film: Film, extension: str) -> bytes:
    """The file of a film that `check_film` has let pass."""
    pool, numbers = film.exchange.pool, film.points.shape[1] * len(film.times)
    latents = await pool.run(lambda: film.path.at(film.times), pixels=numbers)
    if extension == "json" and film.parameters.images != "base64":
        entries = range(len(latents))
        return await pool.run(lambda: to_json({"data": film.entries(entries, latents)}), pixels=numbers)
    images = await film.exchange.engine.decode(film.exchange.model, latents)
    height, width, _ = film.shape

    def encode() -> bytes:
        pictures = tiles(images, size=film.parameters.size)
        if extension in ("json", "zip"):
            return _frame_by_frame(film, latents, pictures, extension)
        return _whole(film, pictures, extension)

    return await pool.run(encode, pixels=len(images) * height * width)


def _frame_by_frame(film: Film, latents: Floats, pictures: Bytes, extension: str) -> bytes:
    """Every frame with the PNG that its own address gives, in JSON or in an archive."""
    numbers = range(len(pictures))
    entries, recipes = film.entries(numbers, latents), film.frame_recipes(numbers, latents)
    files = [encode_png(picture, recipe) for picture, recipe in zip(pictures, recipes, strict=True)]
    if extension == "json":
        data = [{**entry, "image": as_base64(file)} for entry, file in zip(entries, files, strict=True)]
        return to_json({"data": data})
    names = [f"frame{number:04}.png" for number in numbers]
    listed = [{"file": name, **entry} for name, entry in zip(names, entries, strict=True)]
    return encode_zip(list(zip(names, files, strict=True)), {"recipe": film.recipe, "frames": listed})


def _whole(film: Film, pictures: Bytes, extension: str) -> bytes:
    """All frames in one: pixels, an animation (a still picture of a single frame), a strip or a sheet."""
    how = film.parameters
    if extension == "npy":
        return encode_npy(pictures)
    if extension in ENCODERS:
        return ENCODERS[extension](list(pictures), film.recipe, fps=how.fps)
    wanted = len(pictures) if extension == "strip.png" else how.columns or square_columns(len(pictures))
    return encode_png(sheet(pictures, columns=min(wanted, len(pictures)), gap=how.gap), film.recipe)
