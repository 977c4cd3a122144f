"""Calls about a latent space as a whole: its map, its directions, and how a picture comes into being."""

from latentserve.calls.base import Addressed
from latentserve.file import File
from latentserve.messages import Call
from latentserve.seeds import Seeds, quoted, seeds_text


class SpaceCalls(Addressed):
    """Builds them."""

    def manifold(
        self, form: str = "png", *, n: int | None = None, size: int | None = None, gap: int | None = None
    ) -> Call[File]:
        """A grid of `n` by `n` images over the first two dimensions, at the quantiles of the prior."""
        return Call([self._get(f"manifold.{form}", n=n, size=size, gap=gap)], File.of)

    def traverse(
        self,
        seed: int | str,
        form: str = "png",
        *,
        dimensions: int | None = None,
        steps: int | None = None,
        size: int | None = None,
        gap: int | None = None,
    ) -> Call[File]:
        """A row for each of so many dimensions, the seed's point varied from -3 to 3 along it."""
        path = f"traversals/{quoted(str(seed))}.{form}"
        return Call([self._get(path, dimensions=dimensions, steps=steps, size=size, gap=gap)], File.of)

    def tile(
        self,
        zoom: int,
        x: int,
        y: int,
        form: str = "png",
        *,
        temperature: float | None = None,
        label: str | int | None = None,
    ) -> Call[File]:
        """One tile of the endless plane of seeds, as maps ask for them."""
        return Call([self._get(f"tiles/{zoom}/{x}/{y}.{form}", temperature=temperature, label=label)], File.of)

    def stages(
        self,
        seeds: Seeds,
        form: str = "webp",
        *,
        index: int | None = None,
        temperature: float | None = None,
        fps: int | None = None,
        size: int | None = None,
        columns: int | None = None,
        gap: int | None = None,
    ) -> Call[File]:
        """How the images of seeds come into being, as `webp`, `png` or `npy`. Raises CapabilityError."""
        options = {"index": index, "temperature": temperature, "fps": fps}
        path = f"stages/{quoted(seeds_text(seeds))}.{form}"
        return Call([self._get(path, **options, size=size, columns=columns, gap=gap)], File.of)
