"""Regions of the sensor, for tests that hold for any of them."""

from __future__ import annotations

from hypothesis import strategies as st

from imx500_native.geometry import SENSOR_SIZE


def regions(least=1):
    """(x, y, width, height) on the sensor, of at least `least` pixels in each direction."""

    def spans(length):
        return st.integers(0, length - least).flatmap(
            lambda start: st.tuples(st.just(start), st.integers(least, length - start))
        )

    return st.builds(
        lambda across, down: (across[0], down[0], across[1], down[1]), *map(spans, SENSOR_SIZE)
    )
