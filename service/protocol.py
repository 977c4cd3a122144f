"""The one answer that is given below the framework: to bytes that are no HTTP."""

import secrets

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.errors import MalformedRequest
from service.problems import problem


class Protocol(H11Protocol):
    """uvicorn's own, whose refusal is problem+json like every other."""

    def send_400_response(self, msg: str) -> None:
        """Called once at most, and only while nothing was answered on this connection's current request."""
        refusal = problem(
            MalformedRequest("the bytes that arrived are no HTTP request", parser=msg), secrets.token_hex(8)
        )
        event = h11.Response(
            status_code=400, headers=[*refusal.raw_headers, (b"connection", b"close")], reason=b"Bad Request"
        )
        for part in (event, h11.Data(data=bytes(refusal.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(part) or b"")
        self.transport.close()
