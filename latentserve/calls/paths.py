"""Calls about paths: interpolation as frames, as files, as a stream."""

from collections.abc import Sequence
from typing import Any

from latentserve.animation import Frames
from latentserve.calls.base import MEDIA_TYPES, Addressed
from latentserve.file import File
from latentserve.images import Images
from latentserve.key_points import KeyPoints, address_or_body
from latentserve.messages import Answer, Call, Request
from latentserve.seeds import quoted

EVENTS = "text/event-stream"


class PathCalls(Addressed):
    """Builds them."""

    def interpolate(
        self,
        points: KeyPoints,
        *,
        steps: int | None = None,
        method: str | None = None,
        easing: str | None = None,
        loop: bool | None = None,
        temperature: float | None = None,
        label: str | int | None = None,
        fps: int | None = None,
        size: int | None = None,
        columns: int | None = None,
        gap: int | None = None,
    ) -> Call[Frames]:
        """The path through 2 to 16 key points: seeds, latents, pictures or a mixture, with `steps` frames a leg.

        `method` is `slerp` or `lerp`, `easing` `linear` or `smooth`, `loop` returns to the first point; `fps`, `size`,
        `columns` and `gap` are for files of it.
        """
        how = {"steps": steps, "method": method, "easing": easing, "loop": loop, "temperature": temperature}
        shown = {"label": label, "fps": fps, "size": size, "columns": columns, "gap": gap}

        def make(form: str, at: float | None) -> Call[File]:
            return Call([self._along(points, form, {**how, **shown, "at": at})], File.of)

        def read(answers: Sequence[Answer]) -> Frames:
            return Frames(Images.of(answers[0]), make)

        return Call([self._along(points, "json", {**how, **shown, "images": "base64"})], read)

    def interpolation(
        self,
        points: KeyPoints,
        form: str = "webp",
        *,
        at: float | None = None,
        steps: int | None = None,
        method: str | None = None,
        easing: str | None = None,
        loop: bool | None = None,
        temperature: float | None = None,
        label: str | int | None = None,
        fps: int | None = None,
        size: int | None = None,
        columns: int | None = None,
        gap: int | None = None,
    ) -> Call[File]:
        """The path of `interpolate` as one file: `webp`, `gif`, `apng`, `strip.png`, `png`, `zip` or `npy`.

        A PNG is a sheet, or the one frame `at` (0-1).
        """
        how = {"steps": steps, "method": method, "easing": easing, "loop": loop, "temperature": temperature}
        shown = {"label": label, "fps": fps, "size": size, "columns": columns, "gap": gap, "at": at}
        return Call([self._along(points, form, {**how, **shown})], File.of)

    def stream_interpolation(
        self,
        points: KeyPoints,
        *,
        steps: int | None = None,
        method: str | None = None,
        easing: str | None = None,
        loop: bool | None = None,
        temperature: float | None = None,
        label: str | int | None = None,
        size: int | None = None,
    ) -> Request:
        """The frames of `interpolate` one by one as they are made; after a drop the stream resumes where it was."""
        how = {"steps": steps, "method": method, "easing": easing, "loop": loop, "temperature": temperature}
        options = {**how, "label": label, "size": size, "images": "base64"}
        along = address_or_body(points)
        if isinstance(along, str):
            return Request("GET", self._path(f"interpolations/{quoted(along)}"), options, EVENTS)
        return self._through(along, EVENTS, options)

    def _along(self, points: KeyPoints, form: str, options: dict[str, Any]) -> Request:
        along = address_or_body(points)
        if isinstance(along, str):
            return self._get(f"interpolations/{quoted(along)}.{form}", **options)
        return self._through(along, MEDIA_TYPES[form], options)

    def _through(self, points: dict[str, Any], accept: str, options: dict[str, Any]) -> Request:
        return Request("POST", self._path("interpolations"), accept=accept, body={**points, **options})
