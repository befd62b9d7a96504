"""Build the extension modules; everything else about the package stands in pyproject.toml.

``IMX500_SANITIZE=1`` builds them with AddressSanitizer and UndefinedBehaviorSanitizer, which is
how ``scripts/sanitize`` runs the tests. ``IMX500_WITHOUT_LIBCAMERA=1`` leaves out what links
libcamera, whose ABI changes too often for a wheel that is carried to other machines.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

# A fused multiply-add would give other last bits on the Pi than here.
FLAGS = ["-O3", "-ffp-contract=off", "-fvisibility=hidden", "-Wall", "-Wextra"]
LINK_FLAGS: list[str] = []
if os.environ.get("IMX500_SANITIZE") == "1":
    SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    FLAGS += [*SANITIZERS, "-O1", "-g", "-fno-omit-frame-pointer"]
    LINK_FLAGS += SANITIZERS

HEADERS = sorted(str(header) for header in Path("src_c").glob("*.h"))
CORE_SOURCES = {
    "_tensors": ["tensor_info"],
    "_image": ["input_image"],
    "_rpk": ["rpk", "ap_params"],
    "_geometry": ["geometry"],
    "_peer_geometry": ["libcamera_geometry"],
    "_decode": ["on_sensor_detections", "ranking"],
    "_masks": ["instance_masks"],
    "_yolo": [
        "yolov8",
        "anchor_scan",
        "class_scan",
        "instance_masks",
        "nms",
        "ranking",
        "on_sensor_detections",
    ],
    "_dense": ["class_scan", "efficientdet", "nanodet", "nms", "ranking", "yolov5"],
    "_filter": ["temporal_filter"],
    "_higherhrnet": ["higherhrnet", "assignment", "ranking"],
    "_lazy": [],
    "_latency": [],
    "_maps": ["segmentation", "classification", "ranking"],
    "_posenet": ["posenet", "ranking"],
    "_pictures": ["pixel_formats"],
    "_frame": [],
    "_v4l2": ["v4l2"],
}


def extension(name: str, core: list[str]) -> Extension:
    return Extension(
        f"imx500_native.{name}",
        [f"imx500_native/{name}.pyx", *(f"src_c/{part}.c" for part in core)],
        include_dirs=["src_c", numpy.get_include()],
        depends=HEADERS,
        libraries=["m"],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=["-std=c11", *FLAGS],
        extra_link_args=LINK_FLAGS,
    )


def pkg_config(*arguments: str) -> str | None:
    """Ask pkg-config; None where it, or what it was asked for, is missing."""
    try:
        done = subprocess.run(["pkg-config", *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def libcamera_extension() -> list[Extension]:
    """Describe the one module that links libcamera, where there is a libcamera to link."""
    if pkg_config("--exists", "libcamera >= 0.4") is None:
        version = pkg_config("--modversion", "libcamera")
        reason = f"libcamera {version} is older than 0.4" if version else "pkg-config finds none"
        print(
            f"libcamera: {reason}, so requests will be read through its Python bindings; "
            "for direct access install libcamera-dev and pkg-config and build again"
        )
        return []
    version = pkg_config("--modversion", "libcamera")
    libdir = pkg_config("--variable=libdir", "libcamera") or ""
    print(f"libcamera: building imx500_native._libcamera with libcamera {version} from {libdir}")
    # The loader knows the system's directories; from any other it must be told.
    system = libdir.startswith(("/usr/lib", "/lib"))
    parts = {"_libcamera": ["controls"], "_camera": ["run_loop", "controls"]}
    return [
        Extension(
            f"imx500_native.{name}",
            [f"imx500_native/{name}.pyx", *(f"src_c/libcamera/{part}.cpp" for part in core)],
            # Not src_c itself: its libcamera/ would stand before libcamera's own headers.
            include_dirs=["src_c/libcamera", numpy.get_include()],
            depends=[f"src_c/libcamera/{part}.h" for part in core],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            extra_compile_args=[
                "-std=c++17",
                *FLAGS,
                *shlex.split(pkg_config("--cflags", "libcamera") or ""),
            ],
            extra_link_args=[
                *LINK_FLAGS,
                *shlex.split(pkg_config("--libs", "libcamera") or ""),
                *([] if system else [f"-Wl,-rpath,{libdir}"]),
            ],
            language="c++",
            # A machine with libcamera's headers but no C++ compiler still gets everything else.
            optional=True,
        )
        for name, core in parts.items()
    ]


setup(
    ext_modules=cythonize(
        [extension(name, core) for name, core in CORE_SOURCES.items()] + libcamera_extension(),
        compiler_directives={
            "language_level": 3,
            "auto_pickle": False,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "embedsignature": False,
        },
    )
)
