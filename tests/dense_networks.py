"""What the tests of dense detectors share: networks of any shape, comparing, threads, peers."""

from __future__ import annotations

import contextlib
import threading

import numpy as np
import peers
import pytest
from hypothesis import strategies as st

from imx500_native import InputSpec, Network, OutputSpec

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)
# Of the size that quantised tensors have, with ties.
eighths = st.integers(-60, 40).map(lambda step: step / 8)


def network(size, shapes, *, scale=1 / 8, labels=None):
    outputs = [OutputSpec("t", shape, np.dtype("i1"), scale) for shape in shapes]
    return Network.from_specs(input=InputSpec(*size), outputs=outputs, labels=labels)


def same_candidates(found, expected, size, *, tolerance=1e-4):
    """Compare what a head gives without suppression with [(box, score, class)] of an oracle."""
    expected = sorted(expected, key=lambda candidate: -candidate[1])
    xyxy, confidence, class_id = found
    assert class_id.tolist() == [c[2] for c in expected]
    np.testing.assert_array_max_ulp(confidence, np.float32([c[1] for c in expected]), 1)
    boxes = np.array([c[0] for c in expected]).reshape(-1, 4)
    np.testing.assert_allclose(xyxy * (size * 2), boxes, rtol=tolerance, atol=tolerance * max(size))


def one_decoder_per_thread(make, outputs):
    """Check that 8 decoders in 8 threads give what one gives."""
    expected = make()(outputs)
    same = []

    def work():
        decoder = make()
        for _ in range(20):
            found = decoder(outputs)
            same.append(
                np.array_equal(found.xyxy, expected.xyxy)
                and np.array_equal(found.confidence, expected.confidence)
                and np.array_equal(found.class_id, expected.class_id)
            )

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(same) == 160
    assert all(same)


def strided_twice(tensor):
    """Return the tensor in C order and as every second element of a larger one."""
    wide = np.zeros([2 * n for n in tensor.shape], np.float32)
    every = (slice(None, None, 2),) * tensor.ndim
    wide[every] = tensor
    return np.ascontiguousarray(tensor), wide[every]


def picamera2(module):
    """Return a module of picamera2's, or skip."""
    try:
        return peers.picamera2_module(module)
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


@contextlib.contextmanager
def old_reshape():
    """Give numpy back the keyword ``newshape``, gone in 2.4, by which picamera2 calls reshape."""
    reshape = np.reshape

    def accepting(array, shape=None, *, newshape=None, **options):
        return reshape(array, newshape if shape is None else shape, **options)

    np.reshape = accepting
    try:
        yield
    finally:
        np.reshape = reshape
