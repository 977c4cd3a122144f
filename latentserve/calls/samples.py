"""Calls about seeds: sampling, and the latents of seeds."""

from collections.abc import Sequence

from latentserve.calls.base import JSON, MEDIA_TYPES, Addressed
from latentserve.file import File
from latentserve.images import Images
from latentserve.latents import Latents
from latentserve.messages import Answer, Call, Request
from latentserve.seeds import Seeds, quoted, seeds_text


class SampleCalls(Addressed):
    """Builds them."""

    def sample(
        self,
        seeds: Seeds | None = None,
        *,
        n: int | None = None,
        seed: int | None = None,
        index: int | None = None,
        temperature: float | None = None,
        size: int | None = None,
        label: str | int | None = None,
    ) -> Call[Images]:
        """Images of seeds (42, "0-15", "alice", [42, 79]), or `n` images of one `seed`, drawn if it is missing.

        `temperature` (0-2) scales the prior's deviation, `size` is the longer side in pixels, `label` a class.
        """
        options = {"temperature": temperature, "size": size, "label": label, "images": "base64"}
        if seeds is None:
            request = Request("POST", self._path("samples"), body={"n": n, "seed": seed, **options}, accept=JSON)
        elif n is not None or seed is not None:
            raise ValueError("give either seeds, or seed and n")
        else:
            path = self._path(f"samples/{quoted(seeds_text(seeds))}.json")
            request = Request("GET", path, {"index": index, **options})
        return Call([request], lambda answers: Images.of(answers[0]))

    def sheet(
        self,
        seeds: Seeds | None = None,
        form: str = "png",
        *,
        n: int | None = None,
        seed: int | None = None,
        index: int | None = None,
        temperature: float | None = None,
        size: int | None = None,
        label: str | int | None = None,
        columns: int | None = None,
        gap: int | None = None,
    ) -> Call[File]:
        """The images of `sample` in one file, a `png`, `webp`, `npy` or `zip`, its recipe inside."""
        options = {"temperature": temperature, "size": size, "label": label, "columns": columns, "gap": gap}
        if seeds is None:
            request = Request(
                "POST", self._path("samples"), body={"n": n, "seed": seed, **options}, accept=MEDIA_TYPES[form]
            )
        else:
            request = self._get(f"samples/{quoted(seeds_text(seeds))}.{form}", index=index, **options)
        return Call([request], File.of)

    def latents(
        self,
        seeds: Seeds,
        *,
        index: int | None = None,
        temperature: float | None = None,
        label: str | int | None = None,
    ) -> Call[Latents]:
        """The latents of seeds, float32 (n, latent_dim), exactly those of their images."""
        path = f"latents/{quoted(seeds_text(seeds))}.json"
        return Call([self._get(path, index=index, temperature=temperature, label=label)], latents_of)


def latents_of(answers: Sequence[Answer]) -> Latents:
    """The rows of one or several answers, in order."""
    entries = [entry for answer in answers for entry in answer.json()["data"]]
    origins = [{name: value for name, value in entry.items() if name != "latents"} for entry in entries]
    return Latents([entry["latents"] for entry in entries], origins)
