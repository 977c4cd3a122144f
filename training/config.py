"""What a run is asked to do: frozen dataclasses, from which the command line is made and which the run folder keeps."""

import os
from dataclasses import dataclass, field
from typing import Any, Literal

from models_store.classifier import ClassifierConfig
from models_store.conditional_vae import ConditionalVAEConfig
from models_store.dcgan import DCGANConfig
from models_store.discrete_vae import DiscreteVAEConfig
from models_store.draw import DRAWConfig
from models_store.energy_vae import EnergyVAEConfig
from models_store.image_flow import ImageFlowConfig
from models_store.inverted_dcgan import InvertedDCGANConfig
from models_store.vae import VAEConfig
from training.judge import FASHION_JUDGE

FASHION_DCGAN = "fashion-dcgan"
FASHION_VAE = "fashion-vae"


def option(default: Any, text: str) -> Any:
    """A dataclass field with the help text of its flag."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What all kinds of training share."""

    model: Any
    """The network's own config."""
    data: str = option("fashion-mnist", "fashion-mnist, binarized-mnist, emoji64, or a folder of images")
    steps: int = option(12_000, "optimizer steps in all; schedules are laid out over them")
    batch_size: int = option(128, "images a step")
    learning_rate: float = option(1e-3, "peak learning rate")
    seed: int = option(0, "fixes initial weights, order of the data and all noise")
    device: Literal["auto", "cpu", "cuda"] = option("auto", "auto takes a GPU when there is one")
    precision: Literal["fp32", "bf16"] = option("fp32", "bf16 for convolutions; log-probabilities stay fp32")
    threads: int = option(os.cpu_count() or 1, "CPU threads; resume is bit-identical with the same number")
    average: float = option(0.999, "decay of the exponential moving average of the weights that is evaluated")
    validate_every: int = option(1000, "steps between validations, sample grids and snapshots")
    patience: int = option(0, "stop after so many validations without a better score; 0: never")


@dataclass(frozen=True, kw_only=True)
class ELBORun(RunConfig):
    """Maximizes the ELBO by one draw an image."""

    warm_up: int = option(500, "steps over which the learning rate rises")
    kl_warm_up: int = option(1000, "steps over which the weight of the KL rises to 1; validation always uses 1")
    clip: float = option(5.0, "gradient norm above which gradients are scaled down")


@dataclass(frozen=True, kw_only=True)
class VAERun(ELBORun):
    """Of a variational autoencoder."""

    model: VAEConfig = field(default_factory=VAEConfig)
    draws: int = option(5, "K of the importance-weighted bound that is maximized in the last part of the steps")
    importance_part: float = option(0.15, "that part of the steps; 0: the ELBO to the end")

    def __post_init__(self) -> None:
        if self.draws < 1 or not 0.0 <= self.importance_part <= 1.0:
            raise ValueError(
                f"draws {self.draws}, importance_part {self.importance_part}: want one or more, and a part of 0 to 1"
            )


@dataclass(frozen=True, kw_only=True)
class ConditionalVAERun(ELBORun):
    """Of a variational autoencoder that can be asked for a class."""

    model: ConditionalVAEConfig = field(default_factory=ConditionalVAEConfig)


@dataclass(frozen=True, kw_only=True)
class DiscreteVAERun(ELBORun):
    """Of a variational autoencoder of bits."""

    model: DiscreteVAEConfig = field(default_factory=DiscreteVAEConfig)
    learning_rate: float = option(2e-3, "peak learning rate")
    kl_warm_up: int = option(2000, "steps over which the weight of the KL rises to 1; validation always uses 1")
    estimator: Literal[
        "disarm", "leave-one-out", "nvil", "reinforce", "vimco", "straight-through", "gumbel-softmax"
    ] = option("disarm", "of the encoder's gradient; the last two are biased")
    draws: int = option(2, "evaluations of the decoder an image and step, of which the estimator makes the best")

    def __post_init__(self) -> None:
        if self.draws < 1 or (self.estimator in ("leave-one-out", "vimco") and self.draws < 2):
            raise ValueError(f"draws {self.draws}: want one or more, and two or more for leave-one-out and vimco")
        if self.estimator == "disarm" and self.draws % 2:
            raise ValueError(f"draws {self.draws}: disarm takes them in pairs")


@dataclass(frozen=True, kw_only=True)
class EnergyRun(RunConfig):
    """Learns an energy prior for the codes of a finished VAE, whose shape the model must have."""

    model: EnergyVAEConfig = field(default_factory=EnergyVAEConfig)
    base: str = option(FASHION_VAE, "VAE in the store whose codes are learned; it stays as it is")
    steps: int = option(2_000, "optimizer steps in all")
    learning_rate: float = option(5e-4, "at the start; it falls linearly to 0")
    weight_decay: float = option(0.1, "of the tilt, not of the constant")
    noise_ratio: int = option(8, "draws of the prior for each code")
    precision: Literal["fp32"] = option("fp32", "of log-densities")
    validate_every: int = option(200, "steps between validations, sample grids and snapshots")
    average: float = option(0.99, "decay of the exponential moving average of the weights that is evaluated")

    def __post_init__(self) -> None:
        if self.noise_ratio < 1:
            raise ValueError(f"noise_ratio {self.noise_ratio}: want one or more")


@dataclass(frozen=True, kw_only=True)
class DRAWRun(ELBORun):
    """Of DRAW, the recurrent autoencoder with attention."""

    model: DRAWConfig = field(default_factory=DRAWConfig)
    learning_rate: float = option(2e-3, "peak learning rate")


@dataclass(frozen=True, kw_only=True)
class FlowRun(ELBORun):
    """Of a normalizing flow: the bound is the density of a picture at a random place of its bins."""

    model: ImageFlowConfig = field(default_factory=ImageFlowConfig)
    steps: int = option(26_000, "optimizer steps in all; schedules are laid out over them")
    batch_size: int = option(32, "images a step")
    learning_rate: float = option(2e-3, "peak learning rate")
    validate_every: int = option(2000, "steps between validations, sample grids and snapshots")
    precision: Literal["fp32"] = option("fp32", "a bijection in bf16 is none")
    kl_warm_up: int = option(0, "none: the log-density of a flow has no part that could be weighted less")
    clip: float = option(1000.0, "gradient norm above which gradients are scaled down; densities are steep")


@dataclass(frozen=True, kw_only=True)
class DCGANRun(RunConfig):
    """Plays the game of generator and discriminator."""

    model: DCGANConfig = field(default_factory=DCGANConfig)
    steps: int = option(16_000, "optimizer steps in all")
    learning_rate: float = option(2e-4, "of both Adam optimizers, whose first beta is 0.5")
    cost: Literal["non-saturating", "minimax", "maximum-likelihood"] = option(
        "non-saturating", "what the generator minimizes"
    )
    batches: Literal["separate", "mixed"] = option(
        "separate", "real and fake images in batches of their own, or in one: leaks through batch norm, for teaching"
    )
    discriminator: Literal["batch-norm", "spectral-norm"] = option(
        "batch-norm", "the paper's, or one without neighbours"
    )
    penalty: float = option(0.0, "weight of R1, the squared slope of D at real images; wants spectral-norm")
    translation: float = option(0.0, "share of the side by which images are moved at random before D sees them")
    judge: str = option(
        FASHION_JUDGE,
        "in whose features samples are scored: a classifier in the store, or efficientnet-lite0; '' for none",
    )
    on_collapse: Literal["stop", "ignore"] = option(
        "stop", "what to do when the game is lost: samples all alike, classes gone, or a D that is never fooled"
    )
    decay: float = option(0.3, "last part of the steps over which the learning rate falls linearly to 0")

    def __post_init__(self) -> None:
        if self.penalty and self.discriminator == "batch-norm":
            raise ValueError(f"penalty {self.penalty}: batch norm mixes images; take --discriminator spectral-norm")
        if self.batches == "mixed" and self.model.classes > 1:
            raise ValueError("batches mixed: a game of classes judges real and made images apart")


@dataclass(frozen=True, kw_only=True)
class InvertedDCGANRun(ELBORun):
    """Learns an encoder for a finished DCGAN, whose shape the model must have."""

    model: InvertedDCGANConfig = field(default_factory=InvertedDCGANConfig)
    base: str = option(FASHION_DCGAN, "DCGAN in the store that is inverted; it stays as it is")
    steps: int = option(5_000, "optimizer steps in all; schedules are laid out over them")
    batch_size: int = option(32, "images a step, beside as many samples of the base")
    learning_rate: float = option(2e-3, "peak learning rate")
    precision: Literal["fp32"] = option("fp32", "of every network here")


@dataclass(frozen=True, kw_only=True)
class ClassifierRun(RunConfig):
    """Learns the labels; its features are the space of the Fréchet distance."""

    model: ClassifierConfig = field(default_factory=ClassifierConfig)
    precision: Literal["fp32"] = option("fp32", "of a network whose features are to be compared")
    steps: int = option(4_000, "optimizer steps in all")
    validate_every: int = option(400, "steps between validations and snapshots")
    average: float = option(0.99, "decay of the exponential moving average of the weights that is evaluated")
