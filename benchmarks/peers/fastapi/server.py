"""Plain FastAPI and torch, as most people begin: a function, which FastAPI calls on its threads."""

from fastapi import FastAPI, Response
from pydantic import BaseModel

from benchmarks.peers.generator import load_generator


class Wanted(BaseModel):
    seed: int
    n: int = 1


app = FastAPI()
generate = load_generator()


@app.post("/generate")
def images(wanted: Wanted) -> Response:
    return Response(generate([(wanted.n, wanted.seed)])[0], media_type="image/png")
