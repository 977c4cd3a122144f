"""How much waits, in all and for each client."""

from dataclasses import dataclass


@dataclass(slots=True)
class Load:
    """Rows, and the nanoseconds that they are thought to cost."""

    rows: int = 0
    ns: int = 0

    @property
    def seconds(self) -> float:
        return self.ns / 1e9

    def exceeds(self, rows: int, ns: int, bounds: tuple[float, float], share: float = 1.0) -> bool:
        """Whether with so much more it is above a share of the bounds. What finds nothing waiting is never too much."""
        return self.rows > 0 and (self.rows + rows > share * bounds[0] or self.ns + ns > share * bounds[1])


NOTHING = Load()


class Loads:
    """The sum, and its parts by client; clients for whom nothing waits are not kept."""

    def __init__(self) -> None:
        self.all = Load()
        self._clients: dict[str, Load] = {}

    def of(self, client: str) -> Load:
        """What waits for one client."""
        return self._clients.get(client, NOTHING)

    def change(self, client: str, rows: int, ns: int) -> None:
        """So many rows of so much in all came, or left if the numbers are negative."""
        load = self._clients.get(client)
        if load is None:
            load = self._clients[client] = Load()
        for one in (self.all, load):
            one.rows += rows
            one.ns += ns
        if not load.rows:
            del self._clients[client]
