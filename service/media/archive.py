"""Files -> one zip archive, whose bytes depend on nothing but them."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import orjson

MANIFEST = "manifest.json"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The format's first date: an archive says nothing of when it was made."""
UNIX, READABLE = 3, 0o644 << 16
"""Whoever unpacks it finds plain files, whatever system has packed them."""


def encode_zip(files: Sequence[tuple[str, bytes]], manifest: Any) -> bytes:
    """(name, content) pairs in their order, then `manifest.json` -> the archive.

    Nothing is deflated: pictures are compressed already. The names must differ; the manifest is any JSON value.
    """
    file = io.BytesIO()
    listed = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (*files, (MANIFEST, listed)):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = UNIX, READABLE
            archive.writestr(entry, content)
    return file.getvalue()
