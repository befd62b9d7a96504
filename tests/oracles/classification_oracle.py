"""Ranked classes, in Python floats."""

from __future__ import annotations

import math


def probabilities(logits):
    """Return the softmax; None for NaN. Infinite logits share all of it."""
    values = [None if math.isnan(value) else float(value) for value in logits]
    top = max((value for value in values if value is not None), default=-math.inf)
    if top == -math.inf:
        return [None] * len(values)
    if top == math.inf:
        powers = [None if value is None else float(value == math.inf) for value in values]
    else:
        powers = [None if value is None else math.exp(value - top) for value in values]
    whole = math.fsum(power for power in powers if power is not None)
    return [None if power is None else power / whole for power in powers]


def ranked(scores, *, softmax, threshold, limit):
    """Return [(class id, confidence)], most confident first, ties by class id."""
    shares = probabilities(scores) if softmax else [s if s < math.inf else None for s in scores]
    rows = [
        (class_id, float(share))
        for class_id, share in enumerate(shares)
        if share is not None and share >= threshold
    ]
    # By the scores, for logits that differ may round to one confidence.
    rows.sort(key=lambda row: (-float(scores[row[0]]), row[0]))
    return rows[:limit]
