"""When to try again: a full queue, a server that starts or drains, a broken connection. No clock, no network."""

from dataclasses import dataclass

from latentserve.errors import ConnectionFailed, LatentserveError

RETRIED = (429, 503)
"""Every request of this API gives the same answer however often it is sent, so that all of them may be repeated."""
FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 30.0


@dataclass(frozen=True)
class Retries:
    """At most `most` repetitions of one request."""

    most: int

    def delay_s(self, error: LatentserveError, attempt: int) -> float | None:
        """Seconds to wait before attempt number `attempt` + 1, counted from 0; None: the error stands."""
        lasting = not isinstance(error, ConnectionFailed) and error.status not in RETRIED
        if lasting or attempt >= self.most:
            return None
        asked = error.retry_after
        return _backoff(attempt) if asked is None else min(asked, LONGEST_DELAY_S)


def _backoff(attempt: int) -> float:
    return float(min(FIRST_DELAY_S * 2**attempt, LONGEST_DELAY_S))
