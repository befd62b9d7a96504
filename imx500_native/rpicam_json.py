"""The files in which rpicam-apps describes post-processing, as far as the IMX500 is concerned.

rpicam-apps reads them with Boost's property tree, which keeps every value as text: a number in
quotation marks is as good as one without, here too.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imx500_native.errors import PipelineError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

# Height in pixels of a capital letter of OpenCV's plain font at size 1, rpicam-apps' unit.
_LETTER_PX = 22
_LARGEST_COUNT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RpicamSettings:
    """What a post-processing file says.

    Attributes
    ----------
    task : str
        "object detection" or "pose estimation".
    network_file : str or None
        Path of the network, as it stands there.
    threshold : float
        The least confidence that counts.
    max_detections : int
        How many results to keep.
    parameters : dict
        What else the network's head takes.
    classes : tuple of str or None
        The name of every class; None where there are none.
    temporal_filter : dict or None
        Parameters of a `TemporalFilter`; None where there is no filter.
    input_file : str or None
        Where to save input tensors.
    input_count : int
        How many of them.
    draw : dict
        Options of `annotate`.
    """

    task: str
    network_file: str | None
    threshold: float
    max_detections: int
    parameters: dict[str, Any]
    classes: tuple[str, ...] | None
    temporal_filter: dict[str, Any] | None
    input_file: str | None
    input_count: int
    draw: dict[str, Any]


def read_rpicam_json(path: str | os.PathLike[str]) -> RpicamSettings:
    """Read a post-processing file of rpicam-apps.

    Parameters
    ----------
    path : path-like
        A file like ``imx500_mobilenet_ssd.json`` and ``imx500_posenet.json`` in
        ``/usr/share/rpi-camera-assets``.

    Returns
    -------
    RpicamSettings
        With rpicam-apps' own defaults for what is not said.

    Raises
    ------
    PipelineError
        If it is no such file, has no or more than one IMX500 network, or holds a stage, a setting
        or a value that is not known here; the message names all of the unknown ones.
    OSError
        If the file cannot be read.
    """
    name = Path(path).name
    try:
        stages = json.loads(
            Path(path).read_text(encoding="utf-8"), object_pairs_hook=_without_duplicates
        )
    except PipelineError as error:
        raise PipelineError(f"{name}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{name} is no JSON file: {error}") from None
    if not isinstance(stages, dict):
        raise PipelineError(f"{name}: expected an object of post-processing stages")
    reader = _Reader(name)
    read = {
        stage: reader.section(stage, settings, _STAGES[stage])
        for stage, settings in stages.items()
        if stage in _STAGES
    }
    reader.refuse_unknown([stage for stage in stages if stage not in _STAGES])
    networks = [stage for stage in _TASKS if stage in read]
    if len(networks) != 1:
        raise PipelineError(
            f"{name} must have exactly one of the stages {', '.join(_TASKS)}; "
            f"it has {' and '.join(networks) or 'none'}"
        )
    return _settings(networks[0], read)


def _settings(stage: str, read: dict[str, dict[str, Any]]) -> RpicamSettings:
    network = dict(read[stage])
    saving = network.pop("save_input_tensor", None) or {}
    draw: dict[str, Any] = {}
    for drawing in ("object_detect_draw_cv", "plot_pose_cv"):
        draw |= read.get(drawing, {})
    return RpicamSettings(
        task=_TASKS[stage],
        network_file=network.pop("network_file"),
        threshold=network.pop("threshold"),
        max_detections=network.pop("max_detections"),
        classes=network.pop("classes", None),
        temporal_filter=network.pop("temporal_filter"),
        input_file=saving.get("filename"),
        input_count=saving.get("num_tensors", 0),
        draw=draw,
        parameters=network,
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that comes twice: Python would take the last one, rpicam-apps the first."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise PipelineError(f"{key!r:.40} stands there twice")
        made[key] = value
    return made


_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class _Setting:
    """One setting: how to read it, what it is when it is not there, what it is called here."""

    read: Callable[[Any], Any]
    default: Any = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class _Section:
    """An object of settings within another; `default` where it is not there at all."""

    settings: Mapping[str, _Setting | _Section]
    default: Any = None


@dataclass(slots=True)
class _Reader:
    """Reads sections and collects what it does not know."""

    file: str
    unknown: list[str] = field(default_factory=list)

    def section(
        self, place: str, values: Any, known: Mapping[str, _Setting | _Section]
    ) -> dict[str, Any]:
        """Return what a section says, by the names that it has here, with the defaults."""
        if not isinstance(values, dict):
            raise PipelineError(f"{self.file}: {place} must be an object of settings")
        self.unknown += [f"{place}.{key}" for key in values if key not in known]
        made = {}
        for key, setting in known.items():
            where = f"{place}.{key}"
            if isinstance(setting, _Section):
                made[key] = (
                    self.section(where, values[key], setting.settings)
                    if key in values
                    else setting.default
                )
                continue
            if key in values:
                try:
                    value = setting.read(values[key])
                except ValueError as error:
                    raise PipelineError(
                        f"{self.file}: {where} must be {error}, not {values[key]!r:.40}"
                    ) from None
            elif setting.default is _REQUIRED:
                raise PipelineError(f"{self.file}: {where} is missing")
            else:
                value = setting.default
            if setting.read is not _ignored:
                made[setting.name or key] = value
        return made

    def refuse_unknown(self, stages: list[str]) -> None:
        """Raise if anything was unknown."""
        problems = []
        if stages:
            problems.append(f"the stages {', '.join(stages)} (known: {', '.join(_STAGES)})")
        if self.unknown:
            problems.append(f"the settings {', '.join(self.unknown)}")
        if problems:
            raise PipelineError(
                f"{self.file} has {' and '.join(problems)}, which are not known here; "
                "leave them out of a copy of the file"
            )


def _number(value: Any) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise ValueError("a number")


def _share(value: Any) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError("a number from 0 to 1")
    return number


def _count(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_COUNT:
        raise ValueError("a whole number from 0")
    return value


def _length(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise ValueError("a number from 0")
    return number


def _line_width(value: Any) -> int:
    return max(1, _count(value))


def _font_size(value: Any) -> int:
    return max(1, round(min(_length(value), 1000.0) * _LETTER_PX))


def _keypoint_threshold(value: Any) -> float:
    """From rpicam-apps' default of -1, which draws all."""
    return max(0.0, _number(value))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("text")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("a list of names")
    return tuple(value)


def _ignored(_: Any) -> None:
    """Of the network itself, which knows better; see `Pipeline.from_rpicam_json`."""


_FILTER: dict[str, _Setting | _Section] = {
    "tolerance": _Setting(_length, 0.05),
    "factor": _Setting(_share, 0.2),
    "visible_frames": _Setting(_count, 5),
    "hidden_frames": _Setting(_count, 2),
}
_SAVING: dict[str, _Setting | _Section] = {
    "filename": _Setting(_text, _REQUIRED),
    "num_tensors": _Setting(_count, 1),
    "norm_val": _Setting(_ignored),
    "norm_shift": _Setting(_ignored),
    "div_val": _Setting(_ignored),
    "div_shift": _Setting(_ignored),
}
_COMMON: dict[str, _Setting | _Section] = {
    "network_file": _Setting(_text),
    "threshold": _Setting(_share, 0.5),
    "temporal_filter": _Section(_FILTER),
    "save_input_tensor": _Section(_SAVING),
}
_STAGES: dict[str, dict[str, _Setting | _Section]] = {
    "imx500_object_detection": {
        **_COMMON,
        "max_detections": _Setting(_count, _REQUIRED),
        "classes": _Setting(_names),
    },
    "imx500_posenet": {
        **_COMMON,
        "max_detections": _Setting(_count, 10),
        "offset_refinement_steps": _Setting(_count, 5),
        "nms_radius": _Setting(_length, 10.0),
    },
    "object_detect_draw_cv": {
        "line_thickness": _Setting(_line_width, 1, "line_width"),
        "font_size": _Setting(_font_size, _LETTER_PX, "font_size"),
    },
    "plot_pose_cv": {
        "confidence_threshold": _Setting(_keypoint_threshold, 0.0, "keypoint_threshold"),
    },
}
_TASKS = {
    "imx500_object_detection": "object detection",
    "imx500_posenet": "pose estimation",
}
