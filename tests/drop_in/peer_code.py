"""picamera2's own code, for tests that run it beside ours."""

from __future__ import annotations

import numpy as np
import peers
import pytest


class _OldNumpy:
    """numpy as it was when ``reshape`` still had the argument ``newshape``."""

    def __getattr__(self, name):
        return getattr(np, name)

    def reshape(self, array, shape=None, newshape=None):
        return np.reshape(array, shape if newshape is None else newshape)


def peer_module(name):
    """Return picamera2's own module of a name, or skip the test."""
    try:
        module = peers.picamera2_module(name)
    except peers.PeerMissingError as error:
        pytest.skip(str(error))
    if name == "postprocess_nanodet":
        module.np = _OldNumpy()
    return module


def peer_with(network, roi):
    """Return picamera2's own IMX500 for a network, with an ROI that was requested."""
    device = peers.picamera2_imx500(network)
    device.config["roi"] = peers.libcamera().Rectangle(*roi)
    return device
