"""Every number that bounds a request, each with its reason; shown in the model cards."""

from dataclasses import dataclass

from service.errors import RequestTooCostly

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request may ask for. A limit is not a setting: raising one needs the tests that come with it."""

    json_bytes: int = MIB
    """64 latents of 512 numbers are 0.7 MB as text."""
    upload_bytes: int = 16 * MIB
    """A phone's JPEG has 3 to 6 MB; a few of them pass."""
    files: int = 16
    """Pictures in one request: each is decoded on its own."""
    file_bytes: int = 8 * MIB
    """One phone picture with room."""
    json_depth: int = 32
    """Our deepest body has three levels."""
    image_pixels: int = 16_000_000
    """A 12 MP phone picture passes; decoding one takes at most about 200 MiB."""
    request_pixels: int = 32_000_000
    """All the pictures of one request together."""
    image_side: int = 16_384
    """Past this a picture is a strip that no model here can mean."""
    receive_s: float = 60.0
    """16 MiB over a slow phone link still arrive; a drip does not."""
    name_length: int = 256
    """Characters of a name that stands for a seed."""
    json_items: int = 120_000
    """Members of all lists and objects of a body: 1024 latents of 100 numbers, and some."""
    media_pixels: int = 2**28
    """Pixels that may wait for the threads that encode and decode files: a few seconds of work."""
    webp_pixels: int = 2**22
    """Lossless WebP takes ten times as long as PNG: this is about a second."""
    animation_pixels: int = 2**23
    """Of all frames together, as APNG or GIF: one second, or two for noise."""
    animation_s: int = 655
    """GIF has 16 bits for the hundredths of a second that a frame lasts, which one frame does if nothing moves."""
    gap: int = 16
    """White pixels between tiles."""
    frames_per_second: int = 60
    """What screens show."""
    traversal_rows: int = 64
    """Dimensions, and images for each, of a picture of traversals."""
    zoom: int = 6
    """Of the seed plane: neighbouring images are 1/64 of a cell apart there, and hardly differ."""
    plane: int = 2**20
    """Lattice points of the seed plane to each side of its origin: more than anyone will walk."""
    seeds: int = 1024
    """The images of one request whose answer holds arrays or JSON."""
    tiles: int = 64
    """The images of one picture: an 8 by 8 sheet."""
    index: int = 2**32 - 1
    """The generator's counter for the index has 32 bits."""
    tile_size: int = 1024
    """Pixels of a tile's longer side; larger ones are enlargements that any viewer can make."""
    temperature: float = 2.0
    """Beyond twice the prior's deviation the networks draw noise."""
    latent_value: float = 1000.0
    """A standard normal never leaves ±8; float16 in an address ends at 65504."""
    key_points: int = 16
    """Points that an interpolation passes through."""
    steps: int = 256
    """Frames of one leg of an interpolation."""
    grid_side: int = 32
    """Images along a side of the manifold: 1024 in all."""
    score_draws: int = 1000
    """Draws for the parts of the ELBO; its standard error falls with their root."""
    importance_draws: int = 5000
    """The largest K that papers report for the importance-weighted bound."""
    network_rows: int = 8192
    """Rows through the network in one request: a few seconds of one core for the shipped models."""
    output_pixels: int = 2**26
    """64 tiles of 1024 by 1024."""

    def check_webp(self, pixels: int) -> None:
        """Raises RequestTooCostly for a WebP of more pixels than `webp_pixels`."""
        self._check_file("WebP", pixels, self.webp_pixels, "PNG")

    def check_animation(self, form: str, pixels: int) -> None:
        """Raises RequestTooCostly for frames of more pixels together than the form's limit."""
        if form == "webp":
            self.check_webp(pixels)
        else:
            self._check_file(form.upper(), pixels, self.animation_pixels, "strip.png")

    def _check_file(self, form: str, pixels: int, limit: int, other: str) -> None:
        if pixels > limit:
            raise RequestTooCostly(
                f"the {form} would have {pixels} pixels, the limit is {limit}",
                cost=pixels,
                limit=limit,
                hint=f"ask for {other}, or for fewer images, steps, or a smaller size",
            )

    def check_cost(self, *, rows: int, pixels: int = 0) -> None:
        """Each parameter has its range; this bounds their product. Raises RequestTooCostly."""
        for name, cost, limit in (("rows", rows, self.network_rows), ("pixels", pixels, self.output_pixels)):
            if cost > limit:
                raise RequestTooCostly(
                    f"the request asks for {cost} {name}, the limit is {limit}",
                    cost=cost,
                    limit=limit,
                    hint="ask for fewer images, steps or draws, or for a smaller size, and send several requests",
                )


LIMITS = Limits()
"""Those in force; the ranges in the API's description are made from them."""
