"""What this machine has of an AI Camera: sub-devices, firmware, networks, Python modules.

Looks, and changes nothing: no device is opened.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imx500_native.bindings import REBUILD
from imx500_native.network import FILE_SUFFIX, model_directories

if TYPE_CHECKING:
    from collections.abc import Iterable

SYSFS = Path("/sys")
DEV = Path("/dev")
DEBUGFS = Path("/sys/kernel/debug")
FIRMWARE = Path("/lib/firmware")

DRIVER = "imx500"
FIRMWARE_NAMES = ("imx500_loader.fpk", "imx500_firmware.fpk")
DEVICE_TREE = "/firmware/devicetree"
IMPORT_TIMEOUT_S = 30

ProgressState = Literal["readable", "denied", "absent"]
NodeState = Literal["accessible", "denied", "absent"]


@dataclass(frozen=True, slots=True)
class Subdevice:
    """The V4L2 sub-device of one IMX500.

    Attributes
    ----------
    node : pathlib.Path
        The device node.
    node_state : {"accessible", "denied", "absent"}
        Whether this user may read and write it.
    name : str
        What the driver calls it, for example "imx500 10-001a".
    i2c : str
        Its place on the I2C buses, for example "10-001a".
    camera_id : str or None
        libcamera's id of the camera; None where there is no device tree.
    progress : pathlib.Path
        Where debugfs shows how far a firmware upload is.
    progress_state : {"readable", "denied", "absent"}
        Whether this user may read that.
    """

    node: Path
    node_state: NodeState
    name: str
    i2c: str
    camera_id: str | None
    progress: Path
    progress_state: ProgressState


@dataclass(frozen=True, slots=True)
class Module:
    """A Python module that may be there.

    Attributes
    ----------
    name : str
    installed : bool
        Whether Python finds it.
    version : str or None
        None where it does not say.
    problem : str or None
        Why it cannot be imported although it is installed.
    """

    name: str
    installed: bool
    version: str | None = None
    problem: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it can be imported."""
        return self.installed and self.problem is None


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that is missing, and what to do about it."""

    missing: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What `survey` found.

    Attributes
    ----------
    machine : str
        The board's model, or the processor and system.
    raspberry_pi : bool
    subdevices : tuple of Subdevice
    firmware : tuple of pathlib.Path
        Firmware files of the sensor.
    networks : tuple of pathlib.Path
        Network files.
    libcamera, picamera2, extension : Module
        libcamera's Python bindings, picamera2, and this package's own optional extension module.
    direct_problem : str or None
        Why the extension cannot read what these bindings hand out, with what to do; None where it
        can, or where one of the two cannot be imported.
    """

    machine: str
    raspberry_pi: bool
    subdevices: tuple[Subdevice, ...]
    firmware: tuple[Path, ...]
    networks: tuple[Path, ...]
    libcamera: Module
    picamera2: Module
    extension: Module
    direct_problem: str | None

    @property
    def access(self) -> Literal["direct", "metadata", "none"]:
        """How frames reach this package.

        "direct": where libcamera put them. "metadata": as the Python objects of libcamera's
        bindings. "none": there are no bindings that could be imported.
        """
        if not self.libcamera.usable:
            return "none"
        direct = self.extension.usable and self.direct_problem is None
        return "direct" if direct else "metadata"


def _number(path: Path) -> int:
    return int(path.name.removeprefix("v4l-subdev"))


def _is_imx500(device: Path) -> bool:
    # A driver that is built into the kernel has no module.
    links = (device / "driver" / "module", device / "driver")
    return any(link.exists() and link.resolve().name == DRIVER for link in links)


def _camera_id(device: Path) -> str | None:
    node = device / "of_node"
    if not node.exists():
        return None
    return node.resolve().as_posix().partition(DEVICE_TREE)[2] or None


def _node_state(node: Path) -> NodeState:
    if not node.exists():
        return "absent"
    return "accessible" if os.access(node, os.R_OK | os.W_OK) else "denied"


def _progress_state(progress: Path) -> ProgressState:
    try:
        progress.read_bytes()
    except PermissionError:
        return "denied"
    except OSError:
        return "absent"
    return "readable"


def find_subdevices(
    sysfs: str | os.PathLike[str] = SYSFS,
    dev: str | os.PathLike[str] = DEV,
    debugfs: str | os.PathLike[str] = DEBUGFS,
) -> tuple[Subdevice, ...]:
    """Find the sub-devices of every IMX500.

    Parameters
    ----------
    sysfs, dev, debugfs : str or os.PathLike
        Where those file systems are mounted.

    Returns
    -------
    tuple of Subdevice
        In the order of their node's numbers; empty where there is none.
    """
    found = []
    entries = Path(sysfs, "class", "video4linux").glob("v4l-subdev[0-9]*")
    for entry in sorted((e for e in entries if e.name[10:].isdecimal()), key=_number):
        device = entry / "device"
        if not _is_imx500(device):
            continue
        i2c = device.resolve().name
        try:
            name = (entry / "name").read_text(errors="replace").strip()
        except OSError:
            name = f"{DRIVER} {i2c}"
        node = Path(dev, entry.name)
        progress = Path(debugfs, f"imx500-fw:{i2c}", "fw_progress")
        found.append(
            Subdevice(
                node=node,
                node_state=_node_state(node),
                name=name,
                i2c=i2c,
                camera_id=_camera_id(device),
                progress=progress,
                progress_state=_progress_state(progress),
            )
        )
    return tuple(found)


def find_firmware(directory: Path = FIRMWARE) -> tuple[Path, ...]:
    """Find the firmware that the driver loads into the sensor before any network.

    Parameters
    ----------
    directory : pathlib.Path
        Where the kernel looks for firmware.

    Returns
    -------
    tuple of pathlib.Path
        Sorted; complete if it has the names in `FIRMWARE_NAMES`.
    """
    return tuple(sorted(directory.glob("imx500_*.fpk")))


def find_networks(directories: Iterable[Path] | None = None) -> tuple[Path, ...]:
    """Find network files.

    Parameters
    ----------
    directories : iterable of pathlib.Path, optional
        Where to look; by default where `Network.find` looks: ``$IMX500_MODELS`` and
        ``/usr/share/imx500-models``.

    Returns
    -------
    tuple of pathlib.Path
        In the order of the directories, sorted in each.
    """
    places = model_directories() if directories is None else directories
    return tuple(file for place in places for file in sorted(place.glob(f"*{FILE_SUFFIX}")))


def machine_model(sysfs: Path = SYSFS) -> str | None:
    """Read the board's model from the device tree.

    Parameters
    ----------
    sysfs : pathlib.Path
        Where sysfs is mounted.

    Returns
    -------
    str or None
        For example "Raspberry Pi 5 Model B Rev 1.0"; None where there is no device tree.
    """
    try:
        model = (sysfs / "firmware" / "devicetree" / "base" / "model").read_bytes()
    except OSError:
        return None
    return model.rstrip(b"\0\n").decode(errors="replace") or None


_TRY = """
import json, sys
answer = {"problem": None, "maps": ""}
try:
    exec(sys.argv[1])
except BaseException as error:
    answer["problem"] = f"{type(error).__name__}: {error}"
else:
    with open("/proc/self/maps") as maps:
        answer["maps"] = maps.read()
sys.__stdout__.write("\\n" + json.dumps(answer))
"""
_TRY_DIRECT = """
import libcamera
from imx500_native._libcamera import bindings_problem
answer["problem"] = bindings_problem()
"""


def _answer(code: str) -> dict[str, Any]:
    """Run code that imports in another Python; the problem is None where it meets none."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        tried = subprocess.run(
            [sys.executable, "-P", "-c", _TRY, code],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=IMPORT_TIMEOUT_S,
        )
        answer: dict[str, Any] = json.loads(tried.stdout.rpartition(b"\n")[2])
    except subprocess.TimeoutExpired:
        return {"problem": f"its import takes more than {IMPORT_TIMEOUT_S} s"}
    except ValueError:
        return {"problem": f"its import ends Python (exit {tried.returncode})"}
    return answer


def probe_module(name: str) -> Module:
    """Find out whether a module can be imported, without importing it here.

    An import can fail, print, or crash where libcamera was upgraded under it, so that another
    Python tries it.

    Parameters
    ----------
    name : str
        The module's full name.

    Returns
    -------
    Module
        Whose version is the package's, or that of the libcamera library that it loads.
    """
    try:
        if importlib.util.find_spec(name) is None:
            return Module(name, installed=False)
    except (ImportError, ValueError) as error:
        return Module(name, installed=False, problem=str(error))
    answer = _answer(f"import {name}")
    if answer["problem"] is not None:
        return Module(name, installed=True, problem=answer["problem"])
    return Module(name, installed=True, version=_version(name, answer["maps"]))


def probe_direct_access() -> str | None:
    """Find out whether the first request could be read in libcamera's own memory.

    In another Python, as `probe_module` does, and without a camera.

    Returns
    -------
    str or None
        The reason why not, with what to do; what `direct_access_problem` would say of a request.
    """
    problem: str | None = _answer(_TRY_DIRECT)["problem"]
    return problem


def _version(name: str, maps: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
    # Neither Debian's package nor a build from source registers libcamera with Python.
    library = re.search(r"/libcamera\.so\.([0-9.]+)$", maps, re.MULTILINE)
    return library[1] if library else None


def survey(
    sysfs: Path = SYSFS, dev: Path = DEV, debugfs: Path = DEBUGFS, firmware: Path = FIRMWARE
) -> Survey:
    """Find everything that matters for an AI Camera on this machine.

    Parameters
    ----------
    sysfs, dev, debugfs, firmware : pathlib.Path
        Where to look.

    Returns
    -------
    Survey
    """
    model = machine_model(sysfs)
    libcamera = probe_module("libcamera")
    extension = probe_module("imx500_native._libcamera")
    return Survey(
        machine=model or f"{platform.machine()} {platform.system()}",
        raspberry_pi=model is not None and model.startswith("Raspberry Pi"),
        subdevices=find_subdevices(sysfs, dev, debugfs),
        firmware=find_firmware(firmware),
        networks=find_networks(),
        libcamera=libcamera,
        picamera2=probe_module("picamera2"),
        extension=extension,
        direct_problem=probe_direct_access() if libcamera.usable and extension.usable else None,
    )


def _bindings_remedy(package: str) -> str:
    install = f"sudo apt install {package}"
    if sys.prefix == sys.base_prefix:
        return f"{install}, and use the system's python3"
    return f"{install}, and make the environment with: python3 -m venv --system-site-packages"


def remedies(found: Survey) -> tuple[Remedy, ...]:
    """Say what is missing for a live camera, and what to do about each thing.

    Parameters
    ----------
    found : Survey

    Returns
    -------
    tuple of Remedy
        Empty where nothing is missing.
    """
    missing = []
    if not found.subdevices:
        missing.append(
            Remedy(
                "AI Camera",
                "check its cable and camera_auto_detect=1 in /boot/firmware/config.txt; "
                "sudo apt install imx500-all; reboot",
            )
        )
    for subdevice in found.subdevices:
        if subdevice.node_state == "denied":
            missing.append(
                Remedy(
                    f"permission for {subdevice.node}",
                    'sudo usermod -aG video "$USER", then log in again',
                )
            )
        if subdevice.node_state == "absent":
            missing.append(
                Remedy(
                    f"device node {subdevice.node}",
                    "in a container, pass it in: --device (docker, podman)",
                )
            )
        if subdevice.progress_state != "readable":
            missing.append(
                Remedy(
                    f"upload progress of {subdevice.i2c}",
                    "only root can read it: sudo"
                    if subdevice.progress_state == "denied"
                    else "sudo mount -t debugfs none /sys/kernel/debug",
                )
            )
    absent = [name for name in FIRMWARE_NAMES if name not in {f.name for f in found.firmware}]
    if absent:
        missing.append(
            Remedy(f"firmware {' and '.join(absent)}", "sudo apt install imx500-all; reboot")
        )
    if not found.networks:
        missing.append(
            Remedy(
                "network files",
                "sudo apt install imx500-models, or set IMX500_MODELS to a directory of them",
            )
        )
    for module, package in (
        (found.libcamera, "python3-libcamera"),
        (found.picamera2, "python3-picamera2"),
    ):
        if not module.usable:
            missing.append(Remedy(f"Python module {module.name}", _bindings_remedy(package)))
    if not found.extension.usable:
        missing.append(
            Remedy(
                "extension imx500_native._libcamera (optional)",
                f"sudo apt install libcamera-dev pkg-config g++, then {REBUILD}",
            )
        )
    if found.direct_problem is not None:
        missing.append(Remedy("access to libcamera's memory (optional)", found.direct_problem))
    return tuple(missing)
