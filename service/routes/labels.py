"""Labels: the class of image that a conditional model is asked for."""

from collections.abc import Sequence

from models_store.latents import Floats, with_label
from service.engine.rows import Draw
from service.errors import CapabilityNotSupported, InvalidParameter, shown, suggestion
from service.routes.exchange import Exchange


def find_label(exchange: Exchange, label: str | int | None) -> str | None:
    """The class's name as the model's card spells it; None if none is asked for.

    Raises CapabilityNotSupported for a model without classes, and InvalidParameter for a class that it does not know.
    """
    if label is None:
        return None
    known = exchange.model.card.labels
    if not known:
        raise _unconditional(exchange)
    text = str(label)
    named = {name.casefold(): name for name in known} | {str(number): name for number, name in enumerate(known)}
    # An exact name comes first: the classes of digits are called by numbers.
    found = text if text in known else named.get(text.casefold())
    if found is None:
        near = suggestion(text, known)
        hint = f"did you mean {near!r}?" if near else f"give a name, or a number from 0 to {len(known) - 1}"
        raise InvalidParameter(f"{exchange.model.name!r} knows no label {shown(text)!r}", allowed=known, hint=hint)
    return found


async def latents_of(
    exchange: Exchange, draws: Sequence[Draw], *, temperature: float = 1.0, label: str | int | None = None
) -> Floats:
    """The latents of (seed, index) pairs, of one class if a label is given, (N, D). Raises as `find_label` does."""
    name = find_label(exchange, label)
    latents = await exchange.engine.latents(exchange.model, draws, temperature=temperature)
    if name is None:
        return latents
    labels = exchange.model.card.labels
    number = labels.index(name)
    labelled = with_label(latents, number, len(labels))
    if not (labelled[:, -len(labels) :].argmax(axis=1) == number).all():
        detail = f"label {shown(name)!r}: at temperature {temperature:g} no coordinate is the largest"
        raise InvalidParameter(detail, hint="the largest latent chooses the class; ask for a temperature above 0")
    return labelled


def _unconditional(exchange: Exchange) -> CapabilityNotSupported:
    able = exchange.engine.catalog.able(lambda model: bool(model.card.labels))
    hint = (
        f"ask {able[0]}, or leave the label out" if able else "leave the label out: no model of this store has labels"
    )
    detail = f"{exchange.model.name!r} was trained without labels and cannot be asked for one"
    return CapabilityNotSupported(detail, supported_by=able, hint=hint)
