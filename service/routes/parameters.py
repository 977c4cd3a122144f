"""What requests may say beside their address: one name means the same in a query, a form and a JSON body."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from models_store.latents import LARGEST_SEED
from service.errors import shown, suggestion
from service.limits import LIMITS
from service.media.pictures import Fit, Invert


class Parameters(BaseModel):
    """Values within their ranges; an unknown name is refused, and the nearest known one named."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _know_all_names(cls, values: Any) -> Any:
        for name in values if isinstance(values, Mapping) else ():
            if name not in cls.model_fields:
                raise _unknown(str(name), sorted(cls.model_fields))
        return values

    def updated(self, values: Mapping[str, Any], *, strict: bool) -> Self:
        """With the values of a body: strict for JSON, where "3" is no number, and not for a form, which is all text."""
        return self.merged(type(self).model_validate(dict(values), strict=strict))

    def merged(self, given: "Parameters") -> Self:
        """With those values of the other that were really given and that this kind knows."""
        names = given.model_fields_set & type(self).model_fields.keys()
        return self.model_copy(update={name: getattr(given, name) for name in names})


def _unknown(name: str, known: list[str]) -> PydanticCustomError:
    near = suggestion(name, known)
    hint = f"did you mean '{near}'?" if near else f"known here: {', '.join(known) or 'none'}"
    return PydanticCustomError(
        "unknown_parameter", "unknown parameter '{name}'; {hint}", {"name": shown(name), "hint": hint}
    )


class NoParameters(Parameters):
    """For an address that takes none."""


SeedsPath = Annotated[
    str,
    Path(
        description="`42`, `0-63`, `7,9,100-120`, a name (hashed: the first 4 bytes, big-endian, of the SHA-256 of its "
        "NFC form in UTF-8), or `random` for a redirect to a seed drawn by the server",
        examples=["42"],
    ),
]
KeySeedsPath = Annotated[
    str, Path(description=f"2 to {LIMITS.key_points} seeds, in the words of `samples`", examples=["42,79"])
]
FORM = Path(description="the form of the answer")
NoQuery = Annotated[NoParameters, Query()]

# One wrong member refuses a list: a hundred thousand errors help nobody and take seconds to write.
Integers = Annotated[list[int], Field(fail_fast=True)]
Rows = Annotated[list[Annotated[list[float], Field(fail_fast=True)]], Field(fail_fast=True)]

Index = Annotated[int, Field(ge=0, le=LIMITS.index, description="which image of the seed")]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED, description="seed of the noise")]
Temperature = Annotated[
    float, Field(ge=0, le=LIMITS.temperature, description="scales the prior's standard deviation; 0 is its mean")
]
Label = Annotated[
    Annotated[str, Field(max_length=LIMITS.name_length)] | int | None,
    Field(description="class of the images, by name or number; for models whose card has `labels`"),
]
Size = Annotated[
    int | None,
    Field(
        ge=8,
        le=LIMITS.tile_size,
        description="pixels of an image's longer side; a whole multiple repeats pixels, all else is Lanczos",
        examples=[56],
    ),
]
Columns = Annotated[
    int | None, Field(ge=1, le=LIMITS.tiles, description="columns of a sheet; default ⌈√n⌉", examples=[8])
]
Gap = Annotated[int, Field(ge=0, le=LIMITS.gap, description="white pixels between the tiles of a sheet")]
Base64Images = Annotated[
    Literal["url", "base64"], Field(description="in JSON: the image's address, or also its PNG as base64")
]
Steps = Annotated[int, Field(ge=2, le=LIMITS.steps, description="frames of one leg of the path")]
PathMethod = Annotated[Literal["slerp", "lerp"], Field(description="great circle or straight line")]
PathEasing = Annotated[
    Literal["linear", "smooth"], Field(description="pace on each leg: even, or starting and stopping gently")
]
Loop = Annotated[bool, Field(description="whether the path returns to its first point")]
FramesPerSecond = Annotated[int, Field(ge=1, le=LIMITS.frames_per_second, description="speed of an animation")]
FitImage = Annotated[Fit, Field(description="how a picture of another shape fits: all of it, its middle, or stretched")]
InvertImage = Annotated[
    Invert,
    Field(
        description="for grey models: auto inverts a picture whose border is light where the model's are dark, or the "
        "other way round, unless it has the model's size",
    ),
]


class SheetParameters(Parameters):
    """How images are laid out in one picture."""

    size: Size = None
    columns: Columns = None
    gap: Gap = 2


class PictureParameters(Parameters):
    """How uploaded pictures become model pixels."""

    fit: FitImage = "contain"
    invert: InvertImage = "auto"
