"""What a client says again with each request: all of its head behind the address.

The heads of a client that keeps its connection differ in the address alone. One that the parser has read need not be
read a second time, which takes a tenth of what a picture costs beside its forward pass.
"""

import re

from service.express.head import Head

METHOD, VERSION, END = b"GET ", b" HTTP/1.1\r\n", b"\r\n\r\n"
ADDRESS = re.compile(rb"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*")
"""That can be told from its head without a parser: path and query of RFC 3986."""


class Refrain:
    """Of one head, and what its headers mean."""

    __slots__ = ("_rest", "_size", "head")

    def __init__(self, rest: bytes, head: Head) -> None:
        self._rest = rest
        self._size = len(rest)
        self.head = head

    @classmethod
    def of(cls, data: bytes, url: bytes, head: Head) -> "Refrain | None":
        """If the data are the head of a GET of that address, and nothing more."""
        rest = data[len(METHOD) + len(url) :]
        if data.startswith(METHOD + url + VERSION) and rest.find(END) == len(rest) - len(END):
            return cls(rest, head)
        return None

    def address_in(self, data: bytes) -> bytes | None:
        """The address in the head of a GET that has the same headers; None if it may be anything else."""
        if not (data.startswith(METHOD) and data.endswith(self._rest)):
            return None
        address = data[len(METHOD) : -self._size]
        return address if ADDRESS.fullmatch(address) else None
