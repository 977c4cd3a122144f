"""How the service is run: one frozen object, filled from the command line and from LATENTSERVE_* variables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from models_store.store import SHIPPED


class Settings(BaseSettings):
    """Read once by `__main__` or by whoever calls `create_app`; never at import."""

    model_config = SettingsConfigDict(env_prefix="LATENTSERVE_", frozen=True)

    host: Annotated[str, Field(min_length=1, description="address to listen on; 0.0.0.0: all interfaces")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="port to listen on; 0 takes a free one")] = 8000
    store: Annotated[Path, Field(description="folder of checkpoints to serve")] = SHIPPED
    default_model: Annotated[
        str | None,
        Field(description="model of addresses as short as /42.png; else fashion-vae, or the store's first VAE"),
    ] = None
    device: Annotated[
        Literal["auto", "cpu", "cuda"], Field(description="where the networks run; auto takes a GPU if any")
    ] = "cpu"
    threads: Annotated[int, Field(ge=1, le=256, description="threads of one forward pass on the CPU")] = 1
    workers: Annotated[
        int,
        Field(
            ge=0, le=256, description="CPU threads that share large requests, and crowds of small ones; 0: one a core"
        ),
    ] = 0
    graphs: Annotated[
        bool,
        Field(description="on a CPU, run what can be by kernels of our own, or by the graphs beside the checkpoint"),
    ] = True
    max_batch: Annotated[int, Field(ge=8, le=1024, description="rows of the largest batch")] = 64
    queue_rows: Annotated[
        int, Field(ge=8192, description="rows that may wait, half of them one client's; beyond that 429")
    ] = 16384
    deadline_s: Annotated[
        float,
        Field(gt=0, le=3600, allow_inf_nan=False, description="seconds after which a request's work is dropped: 504"),
    ] = 30.0
    cache_mb: Annotated[
        int, Field(ge=0, le=65536, description="MB of files that are kept to be given again; 0: none")
    ] = 64
    drain_s: Annotated[
        float,
        Field(
            ge=0,
            le=600,
            allow_inf_nan=False,
            description="seconds between SIGTERM, when /readyz says 503, and the last accept",
        ),
    ] = 2.0
    grace_s: Annotated[int, Field(ge=1, le=600, description="seconds for running requests to finish at the end")] = 25
