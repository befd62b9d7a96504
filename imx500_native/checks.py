"""What counts as a number or a path where a caller gives one; who asks says what is wrong."""

from __future__ import annotations

import math
import operator
import os
from numbers import Real

import numpy as np


def real_number(value: object) -> float:
    """Read a number.

    Parameters
    ----------
    value : object
        As a caller gave it.

    Returns
    -------
    float
        NaN for what is no number or too large for one. True and False are slips here, and text is
        not read; numpy's numbers are taken.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def whole_number(value: object) -> int | None:
    """Read a count or an index.

    Parameters
    ----------
    value : object
        As a caller gave it.

    Returns
    -------
    int or None
        None for what is no integer. True and False are slips here; numpy's integers are taken.
    """
    # numpy's own would be read with a warning.
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def path_text(value: object) -> str | None:
    """Read a path or a name.

    Parameters
    ----------
    value : object
        As a caller gave it.

    Returns
    -------
    str or None
        None for what is neither str, bytes nor os.PathLike.
    """
    try:
        return os.fsdecode(value)  # type: ignore[arg-type]
    except TypeError:
        return None
