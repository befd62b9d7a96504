"""What all tests share: how hypothesis looks for inputs, and which package is being tested."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

import imx500_native

# Examples stay random everywhere, so that each run looks somewhere else; the blob repeats one.
hypothesis.settings.register_profile("imx500", deadline=None, print_blob=True)
hypothesis.settings.load_profile("imx500")

PACKAGE = Path(imx500_native.__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("IMX500_TEST_INSTALLED") == "1" and PACKAGE.is_relative_to(config.rootpath):
        raise pytest.UsageError(f"the sources in {PACKAGE} hide the installed package")


def pytest_report_header() -> str:
    return f"imx500_native: {PACKAGE}"
