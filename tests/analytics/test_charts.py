"""Charts drawn on the server keep to scale."""

from __future__ import annotations

import pytest

from campaigns.analytics.charts import LEAST, bars, funnel


def test_heights_of_the_funnel_are_to_scale_and_small_steps_stay_visible():
    drawn = funnel([1000, 500, 5, 0], height=100)
    assert [box.height for box in drawn.boxes] == [100, 50, LEAST, 0]
    assert len(drawn.curves) == 3


def test_a_step_nobody_knows_leaves_a_gap():
    drawn = funnel([1000, None, 10], width=300)
    assert [box.x for box in drawn.boxes] == [0, 200]
    assert len(drawn.curves) == 1


@pytest.mark.parametrize("counts", [[0], [], [1, 2, 3], [37, 900, 12], [12_345]])
def test_bars_start_at_zero_and_stay_inside(counts):
    drawn = bars(counts, height=248, top=12)
    assert all(bar.y + bar.height == pytest.approx(248, abs=0.02) and bar.y >= 12 for bar in drawn.bars)
    assert drawn.grid[0].label == "0"
    assert [float(tick.label.replace(",", "")) for tick in drawn.grid][1] * 2 == float(
        drawn.grid[2].label.replace(",", "")
    )


def test_twice_as_many_is_twice_as_high():
    small, large = bars([20, 40]).bars
    assert large.height == pytest.approx(2 * small.height, abs=0.02)


def test_the_running_total_ends_at_its_last_point():
    drawn = bars([1, 1], so_far=[1, 2])
    assert drawn.end is not None
    assert drawn.line.endswith(f"{drawn.end[0]} {drawn.end[1]}")
    assert bars([1, 1], so_far=[0, 0]).line == ""
