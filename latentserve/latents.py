"""Points of a latent space as arrays that remember where they came from."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]


class Latents(NDArrayOperatorsMixin):
    """float32 (n, latent_dim), or (latent_dim,) for one point; a standard normal is typical.

    Arithmetic and slicing work as on an array: `z[0] + 0.5 * (z[1] - z[0])`. `np.asarray(z)` is the array.
    """

    def __init__(self, values: ArrayLike, origins: Sequence[Mapping[str, Any]] = ()) -> None:
        self._values: Floats = np.asarray(values, dtype=np.float32)
        if self._values.ndim not in (1, 2):
            raise ValueError(f"latents of shape {self._values.shape}; want (n, latent_dim), or (latent_dim,) for one")
        self.origins = tuple(origins)
        """What the server said of each row: `source`, `log_prior`, `seed`, `steps` … Arithmetic leaves none."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, latent_dim) or (latent_dim,)."""
        return self._values.shape

    @property
    def rows(self) -> Floats:
        """(n, latent_dim), also for one point."""
        return np.atleast_2d(self._values)

    @property
    def z64(self) -> tuple[str, ...]:
        """Each row as addresses carry it: base64url of little-endian float16, so rounded to three digits."""
        with np.errstate(over="ignore"):
            halves = self.rows.astype("<f2")
        return tuple(base64.urlsafe_b64encode(row.tobytes()).rstrip(b"=").decode() for row in halves)

    @classmethod
    def from_z64(cls, texts: Sequence[str]) -> "Latents":
        """The points of addresses, (n, latent_dim)."""
        return cls(np.stack([np.frombuffer(_bytes_of(text), dtype="<f2").astype(np.float32) for text in texts]))

    @property
    def sources(self) -> tuple[str, ...]:
        """Where each row came from: `seed`, `posterior`, or `recipe`, the one that a file carries."""
        return tuple(str(origin["source"]) for origin in self.origins)

    @property
    def source(self) -> str | None:
        """The source that all rows share; None where there is none or several."""
        found = set(self.sources)
        return found.pop() if len(found) == 1 else None

    @property
    def exact(self) -> bool:
        """Whether these are the very latents that the pictures were made of, not an encoder's estimate."""
        return bool(self.origins) and all(
            origin.get("exact", origin["source"] == "seed") is True for origin in self.origins
        )

    @property
    def log_prior(self) -> NDArray[np.float64]:
        """Log p(z) of each row in nats, (n,); NaN where the server did not say."""
        return np.array([origin.get("log_prior", np.nan) for origin in self.origins], dtype=np.float64)

    def slerp(self, other: ArrayLike, steps: int) -> "Latents":
        """The great-circle path from this point to another, both ends among its points: (steps, latent_dim).

        The server's path between two points has the same frames.
        """
        start, end = (np.asarray(point, dtype=np.float64).squeeze() for point in (self, other))
        if start.ndim != 1 or start.shape != end.shape:
            raise ValueError(f"slerp goes between two points, not {start.shape} and {end.shape}")
        return Latents(_great_circle(start, end, np.linspace(0, 1, steps)[:, None]))

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator["Latents"]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """A row or some rows are Latents again, a single number is a number."""
        found = self._values[key]
        if not isinstance(found, np.ndarray):
            return found
        if self._values.ndim == 1 or not isinstance(key, int | slice):
            return Latents(found)
        origins = self.origins[key] if isinstance(key, slice) else self.origins[key : key + 1 or None]
        return Latents(found, origins)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._values, dtype=dtype) if copy else np.asarray(self._values, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(each) if isinstance(each, Latents) else each for each in inputs]
        found = getattr(ufunc, method)(*plain, **options)
        wrapped = isinstance(found, np.ndarray) and found.ndim in (1, 2) and found.dtype.kind == "f"
        return Latents(found) if wrapped and method == "__call__" else found

    def __repr__(self) -> str:
        text = np.array2string(self._values, precision=3, threshold=12, edgeitems=3)
        return f"Latents({text}, shape={self.shape}" + (f", source={self.source!r})" if self.origins else ")")


def _bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _great_circle(start: NDArray[np.float64], end: NDArray[np.float64], fractions: NDArray[np.float64]) -> Floats:
    """Shoemake 1985 with the length interpolated, too; the straight line where there is no single great circle."""
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    straight = (1 - fractions) * start + fractions * end
    if min(lengths) < 1e-12:
        return straight.astype(np.float32)
    angle = np.arccos(np.clip(start @ end / (lengths[0] * lengths[1]), -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return straight.astype(np.float32)
    direction = np.sin((1 - fractions) * angle) * start / lengths[0] + np.sin(fractions * angle) * end / lengths[1]
    return (direction / np.sin(angle) * ((1 - fractions) * lengths[0] + fractions * lengths[1])).astype(np.float32)
