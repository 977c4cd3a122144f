# Compiled from `writer/`; absent where there was no C compiler.

from typing import Any

# Levels (H, W, C), contiguous, as a file with an iTXt chunk of that content and with chunks that are whole. Raises
# ValueError for a picture without pixels or with other than one or three channels, and MemoryError.
def png(levels: Any, height: int, width: int, channels: int, text: bytes, chunks: bytes) -> bytes: ...
