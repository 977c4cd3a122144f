"""The recipe inside a file, written and read, and the mark that says the picture was made by a trained model.

PNG holds the recipe as JSON in an iTXt chunk of its own, and the mark as XMP; WebP, which has no text chunks, holds
both as XMP. The mark is IPTC's `trainedAlgorithmicMedia`, which readers of metadata know. What a recipe from outside
says is a claim: `service/routes/recipes.py` holds it against the pixels.
"""

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr, unescape

import orjson
from PIL import Image
from PIL.PngImagePlugin import PngInfo

RECIPE_KEY = "latentserve"
"""The keyword of the iTXt chunk that holds the recipe as JSON."""
XMP_KEY = "XML:com.adobe.xmp"
"""The keyword under which readers look for XMP in a PNG (XMP specification, part 3)."""
NAMESPACE = "urn:latentserve:recipe"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MARK = f'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" e:DigitalSourceType="{TRAINED}"'
LONGEST_RECIPE = 2**16
"""Characters that are looked at; the recipe of a sheet of 64 points of 100 numbers has 35,000."""
WRITTEN = re.compile(r'l:recipe="([^"]*)"')
QUOTE = {'"': "&quot;"}


def png_text(recipe: Mapping[str, Any]) -> PngInfo:
    """The text chunks of a PNG that Pillow writes."""
    info = PngInfo()
    info.add_itxt(RECIPE_KEY, recipe_json(recipe).decode())
    info.add_itxt(XMP_KEY, mark())
    return info


def mark() -> str:
    """The mark as an XMP packet."""
    return _packet("")


def xmp(recipe: Mapping[str, Any]) -> bytes:
    """Recipe and mark as an XMP packet, for formats that have nothing else."""
    attribute = quoteattr(recipe_json(recipe).decode(), QUOTE)
    return _packet(f' xmlns:l="{NAMESPACE}" l:recipe={attribute}').encode()


def recipe_text(image: Image.Image) -> str | None:
    """The JSON text of the recipe that an opened file carries, if any; neither parsed nor believed here."""
    text = image.info.get(RECIPE_KEY)
    if not isinstance(text, str):
        packet = image.info.get("xmp")
        text = _from_xmp(packet) if isinstance(packet, bytes) else None
    return text if text is None or len(text) <= LONGEST_RECIPE else None


def recipe_json(recipe: Mapping[str, Any]) -> bytes:
    """The recipe as it is written into files."""
    return orjson.dumps(recipe)


def _packet(more: str) -> str:
    """RDF without the wrapper `x:xmpmeta`, which the specification leaves to the writer: 60 bytes of every picture."""
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    return f'<rdf:RDF {rdf}><rdf:Description rdf:about="" {MARK}{more}/></rdf:RDF>'


def _from_xmp(packet: bytes) -> str | None:
    """Only what is written exactly as above is ours: no XML parser meets a packet from outside."""
    found = WRITTEN.search(packet[: 2 * LONGEST_RECIPE].decode("utf-8", "replace"))
    return unescape(found[1], {entity: mark for mark, entity in QUOTE.items()}) if found else None
