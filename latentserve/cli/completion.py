"""The command that completes the others."""

import sys
from typing import Literal

from latentserve.cli.app import app

PLACES = {
    "bash": 'eval "$(latentserve completion bash)"                          # into ~/.bashrc',
    "zsh": 'eval "$(latentserve completion zsh)"                           # into ~/.zshrc, after compinit',
    "fish": "latentserve completion fish > ~/.config/fish/completions/latentserve.fish",
}


def completion(shell: Literal["bash", "zsh", "fish"] = "bash", /) -> None:
    """The script that completes commands and options in bash, zsh or fish.

    Parameters
    ----------
    shell
        whose script
    """
    sys.stdout.write(f"# {PLACES[shell]}\n{app.generate_completion(shell=shell)}\n")
