"""How the service is run: one frozen object, filled from the command line and from LATENTSERVE_* variables."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

import models_store

SHIPPED = Path(models_store.__file__).parent / "weights"
"""Resolved from the package, so that the default works from any working directory."""


class Settings(BaseSettings):
    """Read once by `__main__` or by whoever calls `create_app`; never at import."""

    model_config = SettingsConfigDict(env_prefix="LATENTSERVE_", frozen=True)

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for every interface")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    store: Path = Field(SHIPPED, description="folder of checkpoints to serve")
    device: Literal["auto", "cpu", "cuda"] = Field("cpu", description="where the networks run; auto takes a GPU if any")
    threads: int = Field(1, ge=1, le=256, description="threads of one forward pass on the CPU")
    max_batch: int = Field(64, ge=1, le=1024, description="rows of the largest batch")
    queue_rows: int = Field(16384, ge=8192, description="rows that may wait; beyond them requests get 429")
    deadline_s: float = Field(30.0, gt=0, description="seconds after which a request's work is dropped with 504")
    drain_s: float = Field(2.0, ge=0, description="seconds between SIGTERM, when /readyz says 503, and the last accept")
    grace_s: int = Field(25, ge=1, description="seconds that running requests get to finish when the server stops")
