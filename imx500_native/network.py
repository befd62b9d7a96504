"""A neural network for the camera: what it takes, what it answers, what the answers mean."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imx500_native import zoo
from imx500_native.checks import path_text
from imx500_native.errors import (
    IntrinsicsError,
    NetworkFileError,
    NetworkNotFoundError,
    NetworkTypeError,
    TensorInfoError,
)
from imx500_native.intrinsics import NetworkIntrinsics
from imx500_native.rpk_read import NetworkFacts, read_network
from imx500_native.specs import Block, InputSpec, OutputSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Block", "InputSpec", "Network", "OutputSpec"]

FILE_PREFIX = "imx500_network_"
FILE_SUFFIX = ".rpk"
MODELS_VARIABLE = "IMX500_MODELS"
SYSTEM_MODELS = Path("/usr/share/imx500-models")

# A box tensor that reaches further than this cannot hold fractions of the picture only.
NORMALIZED_LIMIT = 16


def _short_name(name: str) -> str:
    return name.removesuffix(FILE_SUFFIX).removeprefix(FILE_PREFIX)


def _file_name(path: str | bytes | os.PathLike[str]) -> str:
    text = path_text(path)
    if text is None:
        raise NetworkFileError(
            f"expected the path of a network file or the name of a network, not {path!r:.80}"
        )
    return text


def as_network(value: Any) -> Network:
    """Check that something is a network, and not its path or its name.

    Parameters
    ----------
    value : Network
        As a caller gave it.

    Returns
    -------
    Network
        The same.

    Raises
    ------
    NetworkTypeError
        If it is anything else.
    """
    if isinstance(value, Network):
        return value
    raise NetworkTypeError(
        f"network must be a Network, not {value!r:.80}; make one with Network(path) or "
        "Network.find(name)"
    )


def _as_labels(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    # A file's name is a sequence of texts too, of its letters; so are the keys of a dict.
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
        labels = tuple(value)
        # readlines() leaves the ends of the lines on, and then no label equals its name.
        if all(isinstance(label, str) and not label.endswith("\n") for label in labels):
            return labels
    raise IntrinsicsError(
        "labels must be one text per class id, such as "
        f"Path('labels.txt').read_text().splitlines(), not {value!r:.80}"
    )


def model_directories() -> tuple[Path, ...]:
    """Return where network files are looked for: $IMX500_MODELS, then the system's."""
    own = os.environ.get(MODELS_VARIABLE)
    return (Path(own), SYSTEM_MODELS) if own else (SYSTEM_MODELS,)


class Network:
    """A network and everything that its file says about it.

    The file is read completely by the constructor and not kept; nothing here needs a camera.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        A network file (``.rpk``).
    labels : sequence of str, optional
        The name of every class that the outputs carry, for a file that does not tell them, or
        instead of those that it tells: the lines of an Ultralytics export's labels.txt, for one.

    Attributes
    ----------
    path : pathlib.Path or None
        The file, which the camera can load. None for built-in facts and `from_specs`.
    name : str
        The file's name without "imx500_network_" and ".rpk".
    network_name : str
        The name inside the file.
    input : InputSpec
    outputs : tuple of OutputSpec
    output_shapes : tuple of tuple of int
        The shape of every output.
    intrinsics : NetworkIntrinsics or None
        None where the file has none. Changing them changes `task` and `labels`.
    network_info : mapping of str to str
        The file's network_info.txt, of its first network.
    regs : tuple of (register, width, value)
        What the driver writes to the sensor; width in bytes. Empty without a file.
    blocks : tuple of Block
        The firmware; empty without a file.
    cpio_offset : int or None
        Where the file's archive starts; of the public file for built-in facts.

    Raises
    ------
    NetworkFileError
        The file is not a complete, consistent network file, or `path` is no path.
    NetworkNotFoundError
        There is no such file.
    IntrinsicsError
        The labels are no texts, or lines with their ends on.
    """

    path: Path | None
    name: str
    network_name: str
    input: InputSpec
    outputs: tuple[OutputSpec, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    intrinsics: NetworkIntrinsics | None
    network_info: Mapping[str, str]
    regs: tuple[tuple[int, int, int], ...]
    blocks: tuple[Block, ...]
    cpio_offset: int | None
    decoders: dict[Any, Any]

    def __init__(
        self,
        path: str | bytes | os.PathLike[str],
        *,
        labels: Sequence[str] | None = None,
    ) -> None:
        file = Path(_file_name(path))
        self._set(
            read_network(file),
            _short_name(file.name),
            path=file,
            labels=_as_labels(labels),
        )

    def _set(
        self,
        facts: NetworkFacts,
        name: str,
        *,
        path: Path | None = None,
        task: str | None = None,
        labels: tuple[str, ...] | None = None,
    ) -> None:
        self.path = path
        self.name = name
        self.network_name = facts.network_name
        self.input = facts.input
        self.outputs = facts.outputs
        self.output_shapes = tuple(spec.shape for spec in facts.outputs)
        self.intrinsics = facts.intrinsics
        self.network_info = facts.network_info
        self.regs = facts.regs
        self.blocks = facts.blocks
        self.cpio_offset = facts.cpio_offset
        # Of decoding.py, here so that they live as long as the network.
        self.decoders = {}
        self._given_task = task
        self._given_labels = labels

    @classmethod
    def find(cls, name: str | bytes | os.PathLike[str]) -> Network:
        """Find a network by path or by name.

        Parameters
        ----------
        name : str, bytes or os.PathLike
            A file, or a name with or without "imx500_network_" and ".rpk".

        Returns
        -------
        Network
            From the file; else from the directory in ``$IMX500_MODELS``; else from
            ``/usr/share/imx500-models``; else the built-in facts, whose `path` is None.

        Raises
        ------
        NetworkNotFoundError
            No network has that name; the message lists close ones.
        NetworkFileError
            The file that was found cannot be read, or `name` is no name.
        """
        text = _file_name(name)
        # os.path.isfile answers False for every name that cannot be a file, Path.is_file may raise.
        if os.sep in text or os.path.isfile(text):  # noqa: PTH113
            return cls(text)
        short = _short_name(text)
        for directory in model_directories():
            for stem in (f"{FILE_PREFIX}{short}", short):
                with contextlib.suppress(NetworkNotFoundError):
                    return cls(directory / f"{stem}{FILE_SUFFIX}")
        facts = zoo.facts(short)
        if facts is None:
            raise NetworkNotFoundError(cls._not_found_message(text, short))
        network = cls.__new__(cls)
        network._set(facts, short)
        return network

    @classmethod
    def _not_found_message(cls, text: str, short: str) -> str:
        import difflib  # only a mistake needs it

        known = zoo.names()
        close = difflib.get_close_matches(short, known, n=3, cutoff=0.4)
        places = ", ".join(str(directory) for directory in model_directories())
        return (
            f"no network file and no built-in network is called {text!r:.80} "
            f"(looked in the current directory, {places}); "
            f"{'close names: ' + ', '.join(close) if close else 'known: ' + ', '.join(known)}"
        )

    @classmethod
    def from_specs(
        cls,
        *,
        input: InputSpec,  # noqa: A002 - the word for it, and keyword-only
        outputs: Iterable[OutputSpec],
        name: str = "custom",
        labels: Sequence[str] | None = None,
        task: str | None = None,
        intrinsics: NetworkIntrinsics | None = None,
    ) -> Network:
        """Describe a network without a file, for simulation and tests.

        Parameters
        ----------
        input : InputSpec
        outputs : iterable of OutputSpec
            At least one.
        name : str
        labels : sequence of str, optional
            One per class id that the outputs carry; goes before those of `intrinsics`.
        task : str, optional
            Goes before that of `intrinsics`.
        intrinsics : NetworkIntrinsics, optional

        Raises
        ------
        TensorInfoError
            There is no output, or a specification is something else.
        IntrinsicsError
            The intrinsics are something else, or the labels no texts.
        """
        if not isinstance(input, InputSpec):
            raise TensorInfoError(
                f"input must be an InputSpec, such as Network.find(name).input, not {input!r:.80}"
            )
        if not isinstance(outputs, Iterable):
            raise TensorInfoError(f"outputs must be a list of OutputSpec, not {outputs!r:.80}")
        specs = tuple(outputs)
        for spec in specs:
            if not isinstance(spec, OutputSpec):
                raise TensorInfoError(f"every output must be an OutputSpec, not {spec!r:.80}")
        if not isinstance(intrinsics, NetworkIntrinsics | None):
            raise IntrinsicsError(
                f"intrinsics must be a NetworkIntrinsics, not {intrinsics!r:.80}; "
                "NetworkIntrinsics(...) makes one of a dict"
            )
        if not specs:
            raise TensorInfoError("expected at least one output tensor, got none")
        network = cls.__new__(cls)
        network._set(
            NetworkFacts(name, input, specs, {}, intrinsics),
            name,
            task=task,
            labels=_as_labels(labels),
        )
        return network

    @classmethod
    def zoo_names(cls) -> tuple[str, ...]:
        """Short names of the networks that `find` knows without a file, sorted."""
        return zoo.names()

    def __getstate__(self) -> dict[str, Any]:
        # Another process, or a copy, makes its own: heads cannot be pickled.
        return vars(self) | {"decoders": {}}

    def __repr__(self) -> str:
        source = "no file" if self.path is None else str(self.path)
        outputs = ", ".join(f"{spec.shape} {spec.dtype}" for spec in self.outputs)
        return (
            f"<Network {self.name}: {self.task or 'unknown task'}, "
            f"{self.input.width}x{self.input.height} {self.input.format} {self.input.dtype} -> "
            f"{outputs}; {source}>"
        )

    @cached_property
    def _zoo_entry(self) -> zoo.ZooEntry | None:
        return zoo.entry(self.network_name, self.outputs)

    @cached_property
    def detects_on_sensor(self) -> bool:
        """Whether the outputs are those of a detector that post-processes on the sensor.

        True for boxes (n, 4), scores (n,), classes (n,) and the number of filled rows (1,).
        """
        shapes = self.output_shapes
        if len(shapes) != 4 or len(shapes[0]) != 2 or shapes[0][1] != 4:
            return False
        rows = shapes[0][:1]
        return shapes[1:] == (rows, rows, (1,))

    @property
    def task(self) -> str | None:
        """What the network does: "object detection", "classification", ...; None if unknown.

        From the intrinsics; else what is known of public networks; else from the outputs: boxes,
        scores, classes and a count are an object detection.
        """
        if self._given_task is not None:
            return self._given_task
        if self.intrinsics is not None and self.intrinsics.task is not None:
            return self.intrinsics.task
        if self._zoo_entry is not None and self._zoo_entry.task is not None:
            return self._zoo_entry.task
        return "object detection" if self.detects_on_sensor else None

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Label of every class id that the outputs carry; None if unknown.

        Of the intrinsics' labels, "-" is left out where they say that it stands for no class, and
        a leading background label where a classifier has one output fewer than labels.
        """
        if self._given_labels is not None:
            return self._given_labels
        own = None if self.intrinsics is None else self.intrinsics.labels
        if own is None or self.intrinsics is None:
            # A network trained again on other classes keeps name and shapes, but not its size.
            entry = self._zoo_entry
            return entry.labels if entry and entry.cpio_offset == self.cpio_offset else None
        if self.intrinsics.ignore_dash_labels:
            return tuple(label for label in own if label != "-")
        if self.task == "classification" and len(own) == self.outputs[0].elements + 1:
            return tuple(own[1:])
        return tuple(own)

    @property
    def box_order(self) -> str | None:
        """Order of a box's coordinates, "yx" or "xy"; None where the outputs are not boxes.

        From the intrinsics; else what is known of public networks; else "xy" for a YOLO and "yx"
        for others.
        """
        if not self.detects_on_sensor:
            return None
        if self.intrinsics is not None and self.intrinsics.bbox_order is not None:
            return self.intrinsics.bbox_order
        if self._zoo_entry is not None and self._zoo_entry.box_order is not None:
            return self._zoo_entry.box_order
        return "xy" if "yolo" in f"{self.network_name} {self.name}".lower() else "yx"

    @property
    def boxes_normalized(self) -> bool | None:
        """Whether boxes are fractions of the input, rather than pixels; None without boxes.

        From the intrinsics; else what is known of public networks; else pixels where the box
        tensor reaches beyond 16.
        """
        if not self.detects_on_sensor:
            return None
        if self.intrinsics is not None and self.intrinsics.bbox_normalization is not None:
            return not self.intrinsics.bbox_normalization
        if self._zoo_entry is not None and self._zoo_entry.boxes_normalized is not None:
            return self._zoo_entry.boxes_normalized
        return self.outputs[0].value_range[1] <= NORMALIZED_LIMIT
