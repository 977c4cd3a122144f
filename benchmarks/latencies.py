"""What a reader wants to know of many times."""

from collections.abc import Sequence

import numpy as np


def percentile_ms(times: Sequence[float], percent: float) -> float | None:
    """Times in seconds -> the smallest of them, in milliseconds, that so many percent do not exceed; None of none."""
    if not times:
        return None
    return 1000 * float(np.percentile(np.asarray(times), percent, method="inverted_cdf"))
