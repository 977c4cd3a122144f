# %% [markdown]
# # A tour of latentserve
#
# Sample, interpolate, encode, score. Everything runs in this process, without a server; with one, write `Client()` for
# `Client.local(...)`.

# %%
from latentserve import Client

client = Client.local("fashion-vae")
vae = client.model("fashion-vae")
print(vae.latent_dim, "latents;", ", ".join(vae.capabilities))

# %% [markdown]
# ## Sample
#
# One seed, one image: these are the same whenever you run this cell.

# %%
vae.sample("0-15")

# %% [markdown]
# A name is a seed, and `temperature` scales the prior's deviation: 0 is its mean, beyond 1 it becomes daring.

# %%
for temperature in (0, 0.5, 1, 1.5):
    print(temperature, vae.sample("alice", temperature=temperature)[0].to_numpy().mean().round(1))

# %% [markdown]
# ## Interpolate
#
# Latents are arrays: slice them, add them, walk between them.

# %%
z = vae.latents([42, 79])
vae.interpolate(z, steps=10)

# %%
middle = vae.decode((z[0] + z[1]) / 2**0.5)
middle

# %% [markdown]
# ## Encode
#
# A picture of the real world gets the encoder's best point; a file that this model made leads back to its very latents.

# %%
from pathlib import Path

import numpy as np

pictures = sorted(Path("service/page/examples").glob("0[0-7]-*.png"))
encoded = vae.encode(pictures)
back = vae.encode(vae.sample(42)[0].png)
print(encoded.source, encoded.exact, "·", back.source, back.exact)
assert np.array_equal(back.rows, vae.latents(42).rows)

# %%
vae.reconstruct(pictures)

# %% [markdown]
# ## Score
#
# ELBO = reconstruction - KL, in nats, each with the standard error of its draws; the bar is what each part costs. Noise
# is the least likely.

# %%
noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
scores = vae.score([*pictures, noise], k=64, mc=64)
scores.worst_first()

# %%
print(scores.summary())

# %%
client.close()
