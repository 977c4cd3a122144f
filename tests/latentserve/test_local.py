"""The same calls in this process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latentserve import CapabilityError, Client, NotFound


def test_a_whole_store_answers_like_a_server(local: Client) -> None:
    """Cards, samples, round trips, errors."""
    assert {card.name for card in local.models()} == {"tiny-vae", "plain-vae", "tiny-dcgan"}
    model = local.model("tiny-vae")
    assert np.array_equal(model.decode(model.latents("0-2")).to_numpy(), model.sample("0-2").to_numpy())
    assert model.score(model.sample("0-1")).elbo.shape == (2,)
    assert len(list(model.stream_interpolation("1,2", steps=4))) == 4
    with pytest.raises(CapabilityError) as caught:
        local.model("tiny-dcgan").score(model.sample(1))
    assert set(caught.value.supported_by) == {"tiny-vae", "plain-vae"}


def test_one_model_alone_is_the_same_model(local: Client, tiny_store: Path) -> None:
    """Same digest, same bytes; the others are not loaded."""
    with Client.local("tiny-dcgan", store=tiny_store) as client:
        assert [card.name for card in client.models()] == ["tiny-dcgan"]
        alone = client.model("tiny-dcgan")
        assert alone.digest == local.model("tiny-dcgan").digest
        assert alone.sheet("0-3").content == local.model("tiny-dcgan").sheet("0-3").content


def test_a_shipped_model_alone_brings_its_graphs_along(caplog: pytest.LogCaptureFixture) -> None:
    """One picture is several times cheaper with them, and nobody is warned that they are missing."""
    with Client.local("fashion-vae-2d") as client:
        assert len(client.model("fashion-vae-2d").sample(1)) == 1
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_name_that_the_store_lacks_is_refused_at_once(tiny_store: Path) -> None:
    """With the nearest one."""
    with pytest.raises(NotFound, match="did you mean 'tiny-vae'"):
        Client.local("tiny-vea", store=tiny_store)


def test_the_client_imports_neither_torch_nor_the_service() -> None:
    """Nor do the commands that need none: whoever has a server's address installs nothing heavy."""
    code = (
        "import sys, latentserve.client, latentserve.async_client, latentserve.cli;"
        "heavy = {'torch', 'service', 'models_store', 'training', 'fastapi', 'pydantic', 'PIL', 'pandas'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert found.returncode == 0, found.stderr
