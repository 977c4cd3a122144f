"""The values in the examples of the API's description: they work as they stand where `fashion-vae` is served."""

from models_store.latents import normals
from service.routes.points import encode_z64

MODEL = "fashion-vae"
PINNED = f"/v1/models/{MODEL}@241ce678"
DIGEST = "241ce67838774615a8f06781b643d266fc41fb07388a424cc18c8ae5cc49beba"
_POINT = normals(42, [0], 40)[0]
LATENTS = [float(str(value)) for value in _POINT]
"""Those of seed 42."""
Z64 = encode_z64(_POINT)
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR42mNgYGBgYAAAAAYAAW/q15wAAAAASUVORK5CYII="
"""A picture of 2×2 pixels as base64."""
