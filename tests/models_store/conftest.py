"""One good checkpoint, to be damaged in every way."""

from pathlib import Path

import pytest

from models_store import Card, write_checkpoint
from tests.conftest import tiny_dcgan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good checkpoint, `model`."""
    write_checkpoint(tmp_path, "model", tiny_dcgan(), Card(summary="a good one"))
    return tmp_path
