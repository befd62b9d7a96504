"""The command's `upload`: hands a network to the driver, and waits for the sensor to have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imx500_native._info import find_network
from imx500_native._table import emit, note, printable
from imx500_native.device import Imx500Device

if TYPE_CHECKING:
    from imx500_native.upload import Stage


def upload_network(camera: int | str | None, name: str, wait: bool) -> int:
    """Hand a network to the driver.

    Parameters
    ----------
    camera : int, str or None
        As for `Imx500Device`.
    name : str
        The network, as for `Network.find`; needs a file.
    wait : bool
        Whether to wait until the sensor has it, and tell how far it is on standard error.

    Returns
    -------
    int
        Exit code: 0.
    """
    network = find_network(name)
    with Imx500Device(camera) as device:
        if not wait:
            device.load(network)
            emit(
                f"the driver has {printable(network.name)}; the sensor receives it when a camera "
                "starts\n"
            )
            return 0
        with device.watch_upload(_Lines()) as watch:
            device.load(network)
            watch.wait()
    emit(f"the sensor has {printable(network.name)}\n")
    return 0


class _Lines:
    """One line for each stage and each tenth of it."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, stage: Stage, done: int, total: int | None) -> None:
        if stage == "unknown":
            text = "how far the upload is, only root can read; Ctrl-C ends the waiting"
        elif total is None:
            text = f"{stage}: sending"
        else:
            text = f"{stage}: {done * 10 // total * 10} %"
        if text != self._said:
            self._said = text
            note(text)
