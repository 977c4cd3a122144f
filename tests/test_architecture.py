"""What the packages promise about themselves: exports, documented names, and what their code never does."""

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import models_store
from models_store.checkpoint import ARCHITECTURES

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "models_store").glob("*.py"))
FORBIDDEN = {
    "exec": "a checkpoint is data",
    "hasattr": "what a model can do is its type",
    "manual_seed": "nothing ever sets a global seed",
    "pickle": "a checkpoint is data",
    "torch.load": "it unpickles",
}


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every name that code gives or uses: variables, attributes, arguments, functions, classes."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def docstrings_in(tree: ast.Module) -> Iterator[str]:
    """All text that stands as an expression of its own, below modules, classes, functions and constants."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def test_models_store_exports_what_it_says_and_nothing_else() -> None:
    """`__all__` is sorted and equals the public names of the package that are no modules."""
    public = {name for name, value in vars(models_store).items() if not name.startswith("_")}
    modules = {name for name in public if isinstance(getattr(models_store, name), ModuleType)}

    assert sorted(models_store.__all__) == sorted(public - modules)
    assert models_store.__all__ == sorted(set(models_store.__all__))


def test_what_models_store_exports_is_documented() -> None:
    """Each exported name opens with a sentence."""
    for name in models_store.__all__:
        assert getattr(models_store, name).__doc__, name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_says_what_it_owns_and_names_what_exists(path: Path) -> None:
    """Each name in backquotes is one of the module's own code, or a path of the repository."""
    tree = ast.parse(path.read_text())
    names = set(names_in(tree))

    assert ast.get_docstring(tree)
    for text in docstrings_in(tree):
        for name in re.findall(r"`([\w./]+)`", text):
            assert name in names or (ROOT / name).exists(), f"{path.name} documents `{name}`"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_of_models_store_keeps_its_promises(path: Path) -> None:
    """No pickle, no global seed, no asking for attributes: the design says so, the code does so."""
    code = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.expr)}
    code |= set(names_in(ast.parse(path.read_text())))

    for name, reason in FORBIDDEN.items():
        assert name not in code, reason


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_architecture_is_a_frozen_config_and_a_network_of_it(architecture: str) -> None:
    """The config has defaults and cannot change; the network takes it alone, keeps it, and is built without memory."""
    config_type, network_type = ARCHITECTURES[architecture]
    config = config_type()

    with torch.device("meta"):
        network = network_type(config)

    assert config_type.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(config))
    assert network.config is config
    assert all(tensor.is_meta for tensor in network.state_dict().values())
