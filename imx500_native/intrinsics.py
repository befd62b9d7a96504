"""What a network's author says about it: task, labels, and how to read its outputs."""

from __future__ import annotations

import copy
import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from imx500_native.errors import IntrinsicsError

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = ("classification", "object detection", "pose estimation", "segmentation")
BOX_ORDERS = ("xy", "yx")
DEFAULTS = {"inference_rate": 30.0}


def _refuse(field: str, expected: str, value: object) -> NoReturn:
    raise IntrinsicsError(f"intrinsics field {field}: expected {expected}, got {value!r:.100}")


def _check_object(field: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(field, "an object (dict)", value)
    return value


def _check_choice(field: str, value: object, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        _refuse(field, "one of " + ", ".join(map(repr, choices)), value)


def _check_bool(field: str, value: object) -> None:
    if not isinstance(value, bool):
        _refuse(field, "true or false", value)


def _check_rate(value: object) -> None:
    expected = "a finite number of at least 0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse("inference_rate", expected, value)
    # The upper bound also keeps out whole numbers that no float can hold.
    if not 0 <= value <= sys.float_info.max:
        _refuse("inference_rate", expected, value)


def _check_cpu(value: object) -> None:
    cpu = _check_object("cpu", value)
    for key in ("bbox_normalization", "softmax"):
        if key in cpu:
            _check_bool(f"cpu.{key}", cpu[key])
    if "bbox_order" in cpu:
        _check_choice("cpu.bbox_order", cpu["bbox_order"], BOX_ORDERS)
    if "post_processing" in cpu and not isinstance(cpu["post_processing"], str):
        _refuse("cpu.post_processing", "a text", cpu["post_processing"])


def _check_aspect_ratio(value: object) -> None:
    ratio = _check_object("input_aspect_ratio", value)
    for key in ("width", "height"):
        field = f"input_aspect_ratio.{key}"
        if key not in ratio:
            raise IntrinsicsError(f"intrinsics field {field}: expected a value, it is missing")
        side = ratio[key]
        # JSON has one kind of number: 1.0 is as whole as 1.
        whole = isinstance(side, int) or (isinstance(side, float) and side.is_integer())
        if isinstance(side, bool) or not whole or side <= 0:
            _refuse(field, "a whole number above 0", side)


def _check_classes(value: object) -> None:
    classes = _check_object("classes", value)
    if "labels" in classes:
        labels = classes["labels"]
        if not isinstance(labels, list):
            _refuse("classes.labels", "a list of texts", labels)
        for index, label in enumerate(labels):
            if not isinstance(label, str):
                _refuse(f"classes.labels[{index}]", "a text", label)
    if "ignore_undefined" in classes:
        _check_bool("classes.ignore_undefined", classes["ignore_undefined"])


_CHECKS: dict[str, Callable[[object], None]] = {
    "task": lambda value: _check_choice("task", value, TASKS),
    "inference_rate": _check_rate,
    "cpu": _check_cpu,
    "input_aspect_ratio": _check_aspect_ratio,
    "classes": _check_classes,
}


def _checked_copy(values: object) -> dict[str, Any]:
    try:
        checked = _check_object("(all)", values)
        for key, check in _CHECKS.items():
            if key in checked:
                check(checked[key])
        return copy.deepcopy(checked)
    except RecursionError:
        raise IntrinsicsError(
            "intrinsics: expected a few levels of nesting, got too many"
        ) from None


class NetworkIntrinsics:
    """The intrinsics of a network: everything about it that its tensors do not say.

    The attributes, their defaults and what setting them does are those of picamera2's class of the
    same name, with two differences: what is handed in is copied, where picamera2 goes on using it;
    and whatever is refused raises IntrinsicsError. Every attribute reads as None when the
    intrinsics do not say. Setting a flag to None changes nothing; setting it to False removes it.

    Parameters
    ----------
    val : dict, optional
        As in a network file's ``network_intrinsics``. Unknown keys are kept.

    Raises
    ------
    IntrinsicsError
        A field holds what its format does not allow; from the setters too.
    """

    def __init__(self, val: dict[str, Any] | None = None) -> None:
        self._values: dict[str, Any] | None = None if val is None else _checked_copy(val)

    def __repr__(self) -> str:
        return json.dumps(self._values) if self._values else ""

    @property
    def intrinsics(self) -> dict[str, Any] | None:
        """The dict itself, or None if there never was one. Setting it copies and checks."""
        return self._values

    @intrinsics.setter
    def intrinsics(self, values: dict[str, Any]) -> None:
        self._values = _checked_copy(values)

    def update_with_defaults(self) -> None:
        """Fill in an inference rate of 30 per second where none is given."""
        self._values = DEFAULTS | (self._values or {})

    def _get(self, group: str, key: str) -> Any:
        return (self._values or {}).get(group, {}).get(key)

    def _set(self, group: str, key: str, value: object) -> None:
        _CHECKS[group]({key: value})
        values = self._values or {}
        self._values = values | {group: values.get(group, {}) | {key: copy.deepcopy(value)}}

    def _remove(self, group: str, key: str) -> None:
        values = self._values
        if values and group in values:
            values[group].pop(key, None)
            if not values[group]:
                del values[group]

    def _set_flag(self, group: str, key: str, value: bool | None) -> None:
        if value:
            self._set(group, key, value)
        elif value is not None:
            self._remove(group, key)

    def _set_top(self, key: str, value: object) -> None:
        _CHECKS[key](value)
        self._values = (self._values or {}) | {key: value}

    @property
    def task(self) -> str | None:
        """One of `TASKS`."""
        return (self._values or {}).get("task")

    @task.setter
    def task(self, value: str) -> None:
        self._set_top("task", value)

    @property
    def inference_rate(self) -> float | None:
        """Inferences per second that the network can reach; setting a negative one removes it."""
        return (self._values or {}).get("inference_rate")

    @inference_rate.setter
    def inference_rate(self, value: float) -> None:
        if isinstance(value, int | float) and value < 0:
            if self._values:
                self._values.pop("inference_rate", None)
        else:
            self._set_top("inference_rate", value)

    @property
    def fps(self) -> float | None:
        """The old name of `inference_rate`, which picamera2's programs look for."""
        return self.inference_rate

    @fps.setter
    def fps(self, value: float) -> None:
        self.inference_rate = value

    @property
    def bbox_normalization(self) -> bool | None:
        """Whether boxes come in pixels of the input tensor, and need to be divided by its size."""
        value: bool | None = self._get("cpu", "bbox_normalization")
        return value

    @bbox_normalization.setter
    def bbox_normalization(self, value: bool | None) -> None:
        self._set_flag("cpu", "bbox_normalization", value)

    @property
    def bbox_order(self) -> str | None:
        """Order of a box's coordinates: "xy" or "yx". It cannot be removed."""
        value: str | None = self._get("cpu", "bbox_order")
        return value

    @bbox_order.setter
    def bbox_order(self, value: str) -> None:
        self._set("cpu", "bbox_order", value)

    @property
    def softmax(self) -> bool | None:
        """Whether scores come as logits and need a softmax."""
        value: bool | None = self._get("cpu", "softmax")
        return value

    @softmax.setter
    def softmax(self, value: bool | None) -> None:
        self._set_flag("cpu", "softmax", value)

    @property
    def postprocess(self) -> str | None:
        """Name of the post-processing that the outputs need; setting "" removes it."""
        value: str | None = self._get("cpu", "post_processing")
        return value

    @postprocess.setter
    def postprocess(self, value: str) -> None:
        if isinstance(value, str) and value == "":
            self._remove("cpu", "post_processing")
        else:
            self._set("cpu", "post_processing", value)

    @property
    def preserve_aspect_ratio(self) -> bool | None:
        """Whether the network wants a square cut of the picture; True stores a ratio of 1:1."""
        ratio = (self._values or {}).get("input_aspect_ratio")
        return None if ratio is None else ratio["width"] == ratio["height"]

    @preserve_aspect_ratio.setter
    def preserve_aspect_ratio(self, value: bool | None) -> None:
        if value:
            self._set_top("input_aspect_ratio", {"width": 1, "height": 1})
        elif value is not None and self._values:
            self._values.pop("input_aspect_ratio", None)

    @property
    def labels(self) -> list[str] | None:
        """One label per class; setting an empty list removes them."""
        value: list[str] | None = self._get("classes", "labels")
        return value

    @labels.setter
    def labels(self, value: list[str]) -> None:
        if hasattr(value, "__len__") and len(value) == 0:
            self._remove("classes", "labels")
        else:
            self._set("classes", "labels", value)

    @property
    def ignore_dash_labels(self) -> bool | None:
        """Whether labels of "-" stand for no class, and are to be left out before counting."""
        value: bool | None = self._get("classes", "ignore_undefined")
        return value

    @ignore_dash_labels.setter
    def ignore_dash_labels(self, value: bool | None) -> None:
        self._set_flag("classes", "ignore_undefined", value)
