"""What all tests share: how hypothesis looks for inputs, and which package is being tested."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from sanitizing import SANITIZED

import imx500_native

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from virtual_camera import VirtualCamera

# Examples stay random everywhere, so that each run looks somewhere else; the blob repeats one.
hypothesis.settings.register_profile("imx500", deadline=None, print_blob=True)
# Under the sanitizers each takes several times as long; there the fuzzers try far more.
hypothesis.settings.register_profile(
    "sanitized", hypothesis.settings.get_profile("imx500"), max_examples=40
)
hypothesis.settings.load_profile("sanitized" if SANITIZED else "imx500")

PACKAGE = Path(imx500_native.__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("IMX500_TEST_INSTALLED") == "1" and PACKAGE.is_relative_to(config.rootpath):
        raise pytest.UsageError(f"the sources in {PACKAGE} hide the installed package")


def pytest_report_header() -> str:
    return f"imx500_native: {PACKAGE}"


@pytest.fixture(scope="session")
def inject() -> ModuleType:
    """Puts controls into completed requests, the AI Camera's own among them."""
    from native.build import inject_controls

    module = inject_controls()
    module.register_cnn_controls()
    return module


@pytest.fixture
def camera() -> Iterator[VirtualCamera]:
    """libcamera's virtual camera, streaming."""
    from virtual_camera import VirtualCamera

    with VirtualCamera() as camera:
        camera.start()
        yield camera
