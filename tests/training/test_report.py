"""What a run says while it goes on."""

import time
from pathlib import Path

import pytest

from training.report import Report, time_left


def test_nobody_waits_long_for_a_sign_of_life(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten steps after the start, then whenever the silence was long; speed and time left each time."""
    with Report(tmp_path, steps=1000, start=50, batch_size=4) as shown:
        for step in range(51, 70):
            shown.alive(step)
        shown.silence_s = 0.01
        time.sleep(0.02)
        shown.alive(70)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["60/1000", "70/1000"]
    assert all("images/s" in line and line.endswith("left") for line in lines)


def test_the_time_left_is_said_in_its_unit() -> None:
    """Seconds below a minute and a half, minutes below an hour and a half."""
    assert [time_left(seconds) for seconds in (7.4, 89, 90, 5399, 5400)] == [
        "7 s left",
        "89 s left",
        "2 min left",
        "90 min left",
        "1.5 h left",
    ]
