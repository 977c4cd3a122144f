# Compiled from `kernels/`; absent where there was no C compiler.

from typing import Any, TypeAlias

# Inputs, outputs, weight (in, out, height, width) and bias (out,), float32 and contiguous, batch norm folded in.
Layer: TypeAlias = tuple[int, int, Any, Any]

# The sets of instructions that there are kernels for and that this processor has, the fastest first.
def sets() -> list[str]: ...

# A generator for that set. The first layer makes pictures of side `start`, each of the others doubles them. Raises
# ValueError for layers that do not fit, and MemoryError.
def make(name: str, start: int, layers: tuple[Layer, ...]) -> object: ...

# Latents (count, D) -> pixels (count, C, H, W) and levels (count, H, W, C), into arrays of which each may be None;
# whether all pixels are finite. Lets go of the interpreter. Raises ValueError for buffers of other sizes, and
# MemoryError.
def run(generator: object, count: int, latents: Any, pixels: Any, levels: Any) -> bool: ...

# Writes (count, dim) float32 for as many packed draws. Raises ValueError for buffers of other sizes.
def normals(draws: Any, stream: int, count: int, dim: int, made: Any) -> None: ...
