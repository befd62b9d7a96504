"""Make imx500_native/data/zoo.json from the facts read out of the public network files.

    python scripts/make_zoo_facts.py ../shared/facts/networks.json imx500_native/data/zoo.json

Everything comes from the files, except for what no file says: the labels of the YOLO networks and
of DeepLab, and how the boxes of those without intrinsics are meant.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path
from typing import Any

BOXES = {
    "ssd_mobilenetv2_fpnlite_320x320_pp": ("yx", "normalized"),
    "nanodet_plus_416x416_pp": ("yx", "normalized"),
    "efficientdet_lite0_pp": ("yx", "pixels"),
    "yolov8n_pp": ("xy", "pixels"),
    "yolo11n_pp": ("xy", "pixels"),
}
COCO_80 = "coco_80"
LABEL_SET_NAMES = {90: "coco_90", 1001: "imagenet_1001"}
VOC_21 = "voc_21"
EXTRA_LABELS = {"yolov8n_pp": COCO_80, "yolo11n_pp": COCO_80, "deeplabv3plus": VOC_21}
# The classes of PASCAL VOC in their order, after the background.
VOC_LABELS = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]


def tensor(fields: dict[str, Any]) -> dict[str, Any]:
    dimensions = fields["dims"]
    return {
        "name": fields["name"],
        "shape": [size for _, size, _, _ in dimensions],
        "order": [order for _, _, order, _ in dimensions],
        "padding": [padding for _, _, _, padding in dimensions],
        "bits": fields.get("bits", 8),
        "signed": fields["format"] == 0,
        "scale": fields["scale"],
        "shift": fields["shift"],
    }


def network(name: str, facts: dict[str, Any], label_sets: dict[str, list[str]]) -> dict[str, Any]:
    (params,) = facts["apparams"]
    intrinsics = copy.deepcopy(facts.get("network_intrinsics"))
    classes = (intrinsics or {}).get("classes", {})
    if "labels" in classes:
        labels = classes["labels"]
        classes["labels"] = label_set = LABEL_SET_NAMES[len(labels)]
        if label_sets.setdefault(label_set, labels) != labels:
            raise ValueError(f"{name} has its own version of {label_set}")
    box_order, box_units = BOXES.get(name, (None, None))
    return {
        "network_name": params["name"],
        "cpio_offset": facts["cpio_offset"],
        "inputs": [tensor(t) for t in params["inputs"]],
        "outputs": [tensor(t) for t in params["outputs"]],
        "network_info": facts["network_info"],
        "intrinsics": intrinsics,
        "task": "object detection" if box_order else (intrinsics or {}).get("task"),
        "labels": EXTRA_LABELS.get(name),
        "box_order": box_order,
        "box_units": box_units,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("facts", type=Path, help="networks.json")
    parser.add_argument("destination", type=Path, help="zoo.json")
    arguments = parser.parse_args()

    label_sets: dict[str, list[str]] = {}
    networks = {}
    for file, facts in sorted(json.loads(arguments.facts.read_text("utf-8")).items()):
        name = file.removeprefix("imx500_network_").removesuffix(".rpk")
        networks[name] = network(name, facts, label_sets)
    label_sets[COCO_80] = [label for label in label_sets["coco_90"] if label != "-"]
    label_sets[VOC_21] = VOC_LABELS

    # One line per network keeps the differences between two versions of the file readable.
    def lines(entries: dict[str, Any]) -> str:
        return ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items())

    arguments.destination.write_text(
        f'{{"label_sets": {{\n{lines(label_sets)}\n}}, "networks": {{\n{lines(networks)}\n}}}}\n',
        "utf-8",
    )


if __name__ == "__main__":
    main()
