"""Build the extension modules; everything else about the package stands in pyproject.toml.

``IMX500_SANITIZE=1`` builds them with AddressSanitizer and UndefinedBehaviorSanitizer, which is
how ``scripts/sanitize`` runs the tests.
"""

from __future__ import annotations

import os

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

C_FLAGS = ["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"]
LINK_FLAGS: list[str] = []
if os.environ.get("IMX500_SANITIZE") == "1":
    SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    C_FLAGS += [*SANITIZERS, "-O1", "-g", "-fno-omit-frame-pointer"]
    LINK_FLAGS += SANITIZERS

CORE_SOURCES = {
    "_tensors": ["tensor_info"],
    "_image": ["input_image"],
    "_rpk": ["rpk", "ap_params"],
    "_geometry": ["geometry"],
    "_peer_geometry": ["libcamera_geometry"],
    "_decode": ["on_sensor_detections"],
    "_latency": [],
}


def extension(name: str, core: list[str]) -> Extension:
    return Extension(
        f"imx500_native.{name}",
        [f"imx500_native/{name}.pyx", *(f"src_c/{part}.c" for part in core)],
        include_dirs=["src_c", numpy.get_include()],
        depends=["src_c/status.h", *(f"src_c/{part}.h" for part in core)],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=C_FLAGS,
        extra_link_args=LINK_FLAGS,
    )


setup(
    ext_modules=cythonize(
        [extension(name, core) for name, core in CORE_SOURCES.items()],
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
