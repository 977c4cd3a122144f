"""Archives: what goes in comes out, and nothing else does."""

import io
import json
import time
import zipfile

from service.media.archive import encode_zip

FILES = [("0.png", b"first"), ("アリス.png", bytes(range(256)) * 5)]


def test_an_archive_holds_the_files_in_their_order_and_the_manifest_last() -> None:
    """As any unpacker sees it; the checksums hold."""
    with zipfile.ZipFile(io.BytesIO(encode_zip(FILES, {"data": [1, 2]}))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["0.png", "アリス.png", "manifest.json"]
        assert [(name, archive.read(name)) for name, _ in FILES] == FILES
        assert json.loads(archive.read("manifest.json")) == {"data": [1, 2]}


def test_the_same_files_give_the_same_bytes_at_another_time() -> None:
    """A date, a clock or a system inside would break every ETag."""
    first = encode_zip(FILES, {})
    time.sleep(0.01)

    assert encode_zip(FILES, {}) == first
    assert {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(first)).infolist()} == {(1980, 1, 1, 0, 0, 0)}
