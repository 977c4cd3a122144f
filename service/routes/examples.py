"""The values in the examples of the API's description: they work as they stand where `fashion-vae` is served."""

from models_store.latents import normals
from service.routes.points import encode_z64

MODEL = "fashion-vae"
PINNED = f"/v1/models/{MODEL}@c60474b9"
DIGEST = "c60474b9ea3605b23af99fa900b0d927ed805bcfc77c1790d15963d74ee61dbc"
_POINT = normals(42, [0], 40)[0]
LATENTS = [float(str(value)) for value in _POINT]
"""Those of seed 42."""
Z64 = encode_z64(_POINT)
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR42mNgYGBgYAAAAAYAAW/q15wAAAAASUVORK5CYII="
"""A picture of 2×2 pixels as base64."""
