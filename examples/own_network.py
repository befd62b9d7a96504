"""Develop the code around a network of one's own before it has ever run on the sensor.

The network here counts people: its only output is one number. `encode` says what it would answer
to a scene, the simulated camera puts that on the tensor's grid, and the program reads it as it
would on the robot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import imx500_native as imx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imx500_native.simulation import Scene

NETWORK = imx.Network.from_specs(
    name="people_counter",
    input=imx.Network.find("mobilenet_v2").input,
    outputs=[imx.OutputSpec("people", shape=(1,), dtype=np.dtype("u1"), scale=0.25)],
    labels=["person", "car", "dog"],
)


def encode(scene: Scene, network: imx.Network) -> Sequence[np.ndarray]:
    people = sum(thing.label == "person" for thing in scene.objects)
    return [np.full(network.output_shapes[0], people + scene.rng.normal(0, 0.2))]


def main() -> None:
    with imx.SimulatedCamera(NETWORK, encode=encode, real_time=False, seed=4, frames=90) as camera:
        for frame in camera:
            if frame.outputs is not None and frame.sequence % 15 == 0:
                print(f"frame {frame.sequence:3}: {frame.outputs[0][0]:.2f} people")


if __name__ == "__main__":
    main()
