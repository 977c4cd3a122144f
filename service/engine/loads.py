"""How much waits, in all and for each client."""

from dataclasses import dataclass


@dataclass
class Load:
    """Rows, and the nanoseconds that they are thought to cost."""

    rows: int = 0
    ns: int = 0

    @property
    def seconds(self) -> float:
        return self.ns / 1e9

    def exceeds(self, more: "Load", *, rows: float, ns: float) -> bool:
        """Whether together with more it is above a bound. What finds nothing waiting is never too much."""
        return self.rows > 0 and (self.rows + more.rows > rows or self.ns + more.ns > ns)

    def change(self, rows: int, row_ns: int) -> None:
        self.rows += rows
        self.ns += rows * row_ns


class Loads:
    """The sum, and its parts by client; clients for whom nothing waits are not kept."""

    def __init__(self) -> None:
        self.all = Load()
        self._clients: dict[str, Load] = {}

    def of(self, client: str) -> Load:
        """What waits for one client."""
        return self._clients.get(client, Load())

    def change(self, client: str, rows: int, row_ns: int) -> None:
        """So many rows came, or left if the number is negative."""
        load = self._clients.setdefault(client, Load())
        for one in (self.all, load):
            one.change(rows, row_ns)
        if not load.rows:
            del self._clients[client]
