"""Whether the package under test was built with the sanitizers, as scripts/sanitize does."""

from __future__ import annotations

import os

SANITIZED = os.environ.get("IMX500_SANITIZED") == "1"
