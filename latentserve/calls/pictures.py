"""Calls about pictures that are sent: encoding, reconstruction, scores."""

from collections.abc import Sequence
from typing import Any

from latentserve.calls.base import JSON, Addressed
from latentserve.calls.samples import latents_of
from latentserve.file import File
from latentserve.images import Images
from latentserve.latents import Latents
from latentserve.messages import Answer, Call, Request
from latentserve.pictures import Pictures, uploads
from latentserve.scores import Scores

SCORE_DRAWS = 16
"""What the server draws for each picture unless it is told otherwise."""


class PictureCalls(Addressed):
    """Builds them."""

    def encode(
        self,
        pictures: Pictures,
        *,
        encode: str | None = None,
        seed: int | None = None,
        recipe: str | None = None,
        fit: str | None = None,
        invert: str | None = None,
    ) -> Call[Latents]:
        """The latents of pictures; `.exact` where the file's own recipe gave them. Raises CapabilityError.

        `encode` is `mean` or `sample`, a draw of the posterior with `seed`; `recipe` is `auto` or `ignore`; `fit` is
        `contain`, `cover` or `stretch`; `invert` is `auto`, `true` or `false`.
        """
        query = {"encode": encode, "seed": seed, "recipe": recipe, "fit": fit, "invert": invert}
        return Call(self._posts("latents", pictures, query), latents_of)

    def reconstruct(
        self, pictures: Pictures, *, size: int | None = None, fit: str | None = None, invert: str | None = None
    ) -> Call[Images]:
        """What the model makes of pictures, each with its mean squared error. Raises CapabilityError."""
        requests = self._posts("reconstructions", pictures, {"size": size, "fit": fit, "invert": invert})
        return Call(requests, lambda answers: Images([image for each in answers for image in Images.of(each)]))

    def reconstruction_pairs(
        self,
        pictures: Pictures,
        *,
        size: int | None = None,
        gap: int | None = None,
        fit: str | None = None,
        invert: str | None = None,
    ) -> Call[File]:
        """Rows of input and output as one PNG; at most as many pictures as one request takes."""
        query = {"size": size, "gap": gap, "fit": fit, "invert": invert}
        requests = self._posts("reconstructions", pictures, query, accept="image/png")
        if len(requests) > 1:
            raise ValueError(f"too many pictures for one file; give at most {self.card.limits['files']}")
        return Call(requests, File.of)

    def score(
        self,
        pictures: Pictures,
        *,
        k: int | None = None,
        mc: int | None = None,
        seed: int | None = None,
        binarize: str | None = None,
        per_dimension: bool | None = None,
        fit: str | None = None,
        invert: str | None = None,
    ) -> Call[Scores]:
        """The ELBO of pictures in its parts (`mc` draws) and the importance-weighted bound (`k` draws), in nats.

        The same `seed` gives the same scores. `binarize` is `sample` or `threshold`. Raises CapabilityError.
        """
        query = {"k": k, "mc": mc, "seed": seed, "binarize": binarize, "per_dimension": per_dimension}
        draws = max(k or SCORE_DRAWS, mc or SCORE_DRAWS)
        batches = uploads(pictures, self.card, rows_each=2 + draws)
        path = self._path("scores")
        requests = [
            Request("POST", path, {**query, "fit": fit, "invert": invert}, JSON, **batch.message()) for batch in batches
        ]
        names = [name for batch in batches for name in batch.names]
        return Call(requests, lambda answers: _scores(answers, names))

    def _posts(self, resource: str, pictures: Pictures, query: dict[str, Any], accept: str = JSON) -> Sequence[Request]:
        batches = uploads(pictures, self.card)
        return [Request("POST", self._path(resource), query, accept, **batch.message()) for batch in batches]


def _scores(answers: Sequence[Answer], names: Sequence[str]) -> Scores:
    bodies = [answer.json() for answer in answers]
    return Scores([row for body in bodies for row in body["data"]], names, bodies[0])
