"""Processes that end, or fork, while imx500_native.Camera streams."""

from __future__ import annotations

import pytest
from live_cameras import run_script


class TestProcessEnd:
    @pytest.mark.parametrize("how", ["with Camera(size=(64, 48)) as camera:", "if True:"])
    def test_a_script_that_raises_ends_with_its_own_traceback(self, how: str) -> None:
        done = run_script(
            f"""
            camera = Camera(camera=1, size=(64, 48)).start()
            {how}
                frames = [camera.capture() for _ in range(5)]
                raise ZeroDivisionError("mine")
            """
        )
        assert done.returncode == 1
        assert "ZeroDivisionError: mine" in done.stderr
        assert "FATAL" not in done.stderr

    @pytest.mark.parametrize(
        "script",
        [
            "camera = Camera(size=(64, 48)).start(); frame = camera.capture()",
            "import sys; camera = Camera(size=(64, 48)).start(); sys.keep = camera.capture()",
            "import builtins; builtins.c = Camera(size=(64, 48)).start(); builtins.i = iter(c)",
            "c = Camera(size=(64, 48)).start(); f = c.capture(); c.close()",
            """
            import threading
            camera = Camera(size=(64, 48)).start()
            def run():
                for frame in camera: pass
            threading.Thread(target=run, daemon=True).start()
            """,
            """
            import threading
            camera = Camera(size=(64, 48)).start()
            kept = []
            def run():
                for frame in camera: kept.append(frame) if len(kept) < 9 else None
            threading.Thread(target=run, daemon=True).start()
            import time; time.sleep(0.05)
            """,
            """
            import os
            camera = Camera(size=(64, 48)).start()
            frame = camera.capture()
            child = os.fork()
            if child == 0:
                del frame
                camera.close()
            else:
                assert os.waitpid(child, 0)[1] == 0
                frame = camera.capture()
                camera.close()
            """,
        ],
    )
    def test_it_ends_cleanly(self, script: str) -> None:
        done = run_script(script)
        assert done.returncode == 0, done.stderr
        assert "FATAL" not in done.stderr
        assert "Traceback" not in done.stderr
