"""Built-in facts about the public networks, for machines that do not have the files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imx500_native import _rpk
from imx500_native.intrinsics import NetworkIntrinsics
from imx500_native.rpk_read import NetworkFacts, build_specs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imx500_native.specs import OutputSpec

FACTS_FILE = Path(__file__).with_name("data") / "zoo.json"


@dataclass(frozen=True, slots=True)
class ZooEntry:
    """What is known about a public network beside its own file."""

    cpio_offset: int
    task: str | None
    labels: tuple[str, ...] | None
    box_order: str | None
    boxes_normalized: bool | None


@cache
def _document() -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(FACTS_FILE.read_bytes())
    return document


def names() -> tuple[str, ...]:
    """Short names of the networks that are known, sorted."""
    return tuple(sorted(_document()["networks"]))


def _tensor(fields: Mapping[str, Any]) -> _rpk.RawTensor:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()
    }
    return _rpk.RawTensor(**values)


def _labels(label_set: str | None) -> list[str] | None:
    return None if label_set is None else list(_document()["label_sets"][label_set])


def _intrinsics(values: dict[str, Any] | None) -> NetworkIntrinsics | None:
    if values is None:
        return None
    classes = values.get("classes", {})
    if "labels" in classes:
        values = values | {"classes": classes | {"labels": _labels(classes["labels"])}}
    return NetworkIntrinsics(values)


def facts(name: str) -> NetworkFacts | None:
    """Facts about a network by its short name; None where it is not known."""
    network = _document()["networks"].get(name)
    if network is None:
        return None
    input_spec, outputs = build_specs(
        [_tensor(t) for t in network["inputs"]],
        [_tensor(t) for t in network["outputs"]],
        network["network_info"],
    )
    return NetworkFacts(
        network_name=network["network_name"],
        input=input_spec,
        outputs=outputs,
        network_info=dict(network["network_info"]),
        intrinsics=_intrinsics(network["intrinsics"]),
        cpio_offset=network["cpio_offset"],
    )


def _matches(network: Mapping[str, Any], outputs: tuple[OutputSpec, ...]) -> bool:
    known = [(tuple(t["shape"]), t["bits"], t["signed"], t["scale"]) for t in network["outputs"]]
    return known == [(s.shape, s.bits, s.dtype.kind == "i", s.scale) for s in outputs]


def entry(network_name: str, outputs: tuple[OutputSpec, ...]) -> ZooEntry | None:
    """Recognise a network by its own name and outputs, whatever its file is called."""
    for network in _document()["networks"].values():
        if network["network_name"] == network_name and _matches(network, outputs):
            labels = _labels(network["labels"])
            units = network["box_units"]
            return ZooEntry(
                cpio_offset=network["cpio_offset"],
                task=network["task"],
                labels=None if labels is None else tuple(labels),
                box_order=network["box_order"],
                boxes_normalized=None if units is None else units == "normalized",
            )
    return None
