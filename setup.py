"""Build the extension modules; everything else about the package stands in pyproject.toml.

``IMX500_SANITIZE=1`` builds them with AddressSanitizer and UndefinedBehaviorSanitizer, which is
how ``scripts/sanitize`` runs the tests. ``IMX500_WITHOUT_LIBCAMERA=1`` leaves out what links
libcamera, whose ABI changes too often for a wheel that is carried to other machines.

A build directory, which pip leaves in the sources, is used again only for what would be built the
same way: see `BuildExt`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

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
    "_taking": [],
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


def libcamera_extensions() -> list[Extension]:
    """Describe the modules that link libcamera, where there is a libcamera to link."""
    if os.environ.get("IMX500_WITHOUT_LIBCAMERA") == "1":
        print("libcamera: left out, as IMX500_WITHOUT_LIBCAMERA=1 says")
        return []
    version = pkg_config("--modversion", "libcamera")
    compiler = os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++"
    reason = None
    if pkg_config("--exists", "libcamera >= 0.4") is None:
        reason = f"libcamera {version} is older than 0.4" if version else "pkg-config finds none"
    elif shutil.which(shlex.split(compiler)[0]) is None:
        reason = f"there is no C++ compiler {compiler}"
    if reason is not None:
        print(
            f"libcamera: {reason}, so requests will be read through its Python bindings; "
            "for direct access install libcamera-dev, pkg-config and g++ and build again"
        )
        return []
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
        )
        for name, core in parts.items()
    ]


def built_with(extension: Extension) -> str:
    """Name all that makes one build of an extension module differ from another, but its sources."""
    # Not the directory of numpy's headers: pip makes another one for each build.
    said = [
        extension.define_macros,
        extension.extra_compile_args,
        extension.extra_link_args,
        numpy.__version__,
    ]
    if extension.language == "c++":
        said.append(pkg_config("--modversion", "libcamera"))
        # Distributions build the same version again, with patches to its headers.
        library = Path(pkg_config("--variable=libdir", "libcamera") or "", "libcamera.so").resolve()
        if library.exists():
            said += [library.name, library.stat().st_size, library.stat().st_mtime_ns]
    return repr(said)


class BuildExt(build_ext):
    """Build again what another libcamera, numpy or set of flags made, and drop what nothing makes.

    setuptools compares nothing but dates, and only those of the sources. libcamera's headers could
    not be named beside them: an upgrade gives them the date at which they were packed, which may
    be before the last build. (Where pip installs a Cython for each build, the dates of that one's
    own files happen to have everything built again; not so without build isolation.) And all that
    is in the build directory is packed, whoever left it there.
    """

    def run(self) -> None:
        """Build in the build directory, and copy from there for ``--inplace``."""
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        package = Path(self.build_lib, "imx500_native")
        made = {Path(self.get_ext_filename(extension.name)).name for extension in self.extensions}
        for module in package.glob(f"*{suffix}"):
            if module.name not in made:
                module.unlink()
        super().run()
        if self.inplace:
            for module in Path("imx500_native").glob(f"*{suffix}"):
                if not (package / module.name).exists():
                    module.unlink()

    def build_extension(self, ext: Extension) -> None:
        """Build one module, unless it is there and no older than what it is built from."""
        module = Path(self.get_ext_fullpath(ext.name))
        record = Path(self.build_temp, f"{ext.name}.built_with")
        now = built_with(ext)
        if not record.exists() or record.read_text() != now:
            module.unlink(missing_ok=True)
        super().build_extension(ext)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(now)


setup(
    cmdclass={"build_ext": BuildExt},
    ext_modules=cythonize(
        [extension(name, core) for name, core in CORE_SOURCES.items()] + libcamera_extensions(),
        compiler_directives={
            "language_level": 3,
            "auto_pickle": False,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "embedsignature": False,
        },
    ),
)
