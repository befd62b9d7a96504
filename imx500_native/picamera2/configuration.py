"""What picamera2's ``IMX500.config`` says about a network."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from imx500_native.rpk_read import INFO_MEMBER, read_archive, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imx500_native.network import Network

DEFAULT_NORMALIZATION = {
    "norm_val": [-2048, -2048, -2048],
    "norm_shift": [4, 4, 4],
    "div_val": [1024, 1024, 1024],
    "div_shift": 6,
}


def configuration_of(network_file: str, network: Network | None) -> dict[str, Any]:
    """Return what is known of a network, as picamera2 has it.

    Parameters
    ----------
    network_file : str
        As the program named it.
    network : Network or None
        What is in it.

    Returns
    -------
    dict
        ``network_file`` and ``input_tensor``; of a network that was read from a file also
        ``network_info_raw``, ``network_info``, ``input_tensor_size`` and, where there are any,
        ``intrinsics``.
    """
    configuration: dict[str, Any] = {"network_file": network_file, "input_tensor": {}}
    tensor = configuration["input_tensor"]
    tensor.update(copy.deepcopy(DEFAULT_NORMALIZATION))
    if network is None or network.path is None or network.cpio_offset is None:
        return configuration
    data, _ = read_file(network.path)
    raw = read_archive(data, network.cpio_offset)[INFO_MEMBER]
    configuration["network_info_raw"] = raw
    configuration["network_info"] = network_info(raw)
    if network.intrinsics is not None:
        configuration["intrinsics"] = network.intrinsics
    spec = network.input
    configuration["input_tensor_size"] = (spec.width, spec.height)
    tensor.update(width=spec.width, height=spec.height, input_format=spec.format)
    if spec.format in ("RGB", "BGR"):
        tensor.update(
            norm_val=list(spec.norm_val),
            norm_shift=[spec.norm_shift] * 3,
            div_val=list(spec.div_val),
            div_shift=spec.div_shift,
            dtype="signed" if spec.norm_val[0] < 0 else "unsigned",
        )
    return configuration


def network_info(raw: bytes) -> dict[str, Any]:
    """Read network_info.txt as picamera2 shows it.

    Parameters
    ----------
    raw : bytes
        The file.

    Returns
    -------
    dict
        ``networkID``, ``apParamSize`` and ``networkNum`` as int where they are given, and
        ``network``: for each network's number a dict of its own lines.
    """
    text = raw.decode("ascii")
    parsed: dict[str, Any] = {}
    for key, value in _pairs(text):
        if key == "networkID":
            # Six digits, four bits for each.
            places = range(20, -4, -4)
            parsed[key] = sum(int(digit) << by for digit, by in zip(value, places, strict=False))
        elif key in ("apParamSize", "networkNum"):
            parsed[key] = int(value)
    parts = (part.partition("\n") for part in text.split("networkOrdinal=")[1:])
    parsed["network"] = {int(number): dict(_pairs(lines)) for number, _, lines in parts}
    return parsed


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals:
            yield key, value
