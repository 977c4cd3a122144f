"""A server whose every answer the test decides."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

Answer = Callable[[int], bytes]
"""The number of a request, from 0 -> the bytes that answer it; none hang up."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def answering(answer: Answer) -> Iterator[int]:
    """The port of a server that answers like that, a thread a connection."""
    numbers = count()

    class Handler(StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            while self._read_request() and (content := answer(next(numbers))):
                self.wfile.write(content)

        def _read_request(self) -> bool:
            lines = iter(self.rfile.readline, b"")
            return any(line == b"\r\n" for line in lines)

    class Server(ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
