"""A machine made of files: what stands for sysfs, /dev and debugfs in tests."""

from __future__ import annotations

from imx500_native import discovery


class Machine:
    """A machine's sysfs, /dev and debugfs under one folder."""

    def __init__(self, root):
        self.sysfs, self.dev, self.debugfs = (root / name for name in ("sys", "dev", "debug"))
        for folder in (self.sysfs / "class" / "video4linux", self.dev, self.debugfs):
            folder.mkdir(parents=True)

    def add(
        self, number, i2c, driver="imx500", *, module=True, of_node=None, node=True, progress=True
    ):
        device = self.sysfs / "devices" / "i2c" / i2c
        drivers = self.sysfs / "bus" / "i2c" / "drivers" / driver
        entry = self.sysfs / "class" / "video4linux" / f"v4l-subdev{number}"
        for folder in (device, drivers, entry):
            folder.mkdir(parents=True, exist_ok=True)
        (entry / "device").symlink_to(device)
        (entry / "name").write_text(f"{driver} {i2c}\n")
        (device / "driver").symlink_to(drivers)
        if module:
            modules = self.sysfs / "module" / driver
            modules.mkdir(parents=True, exist_ok=True)
            if not (drivers / "module").is_symlink():
                (drivers / "module").symlink_to(modules)
        if of_node is not None:
            place = self.sysfs / "firmware" / "devicetree" / of_node
            place.mkdir(parents=True)
            (device / "of_node").symlink_to(place)
        if node:
            (self.dev / entry.name).touch()
        if progress:
            (self.debugfs / f"imx500-fw:{i2c}").mkdir()
            (self.debugfs / f"imx500-fw:{i2c}" / "fw_progress").write_text("2 0 0\n")

    def show_progress(self, text, i2c="10-001a"):
        """Change what debugfs shows at once, as the kernel does: nobody reads half of it."""
        progress = self.debugfs / f"imx500-fw:{i2c}" / "fw_progress"
        new = progress.with_name("new")
        new.write_text(text)
        new.replace(progress)

    def find(self):
        return discovery.find_subdevices(self.sysfs, self.dev, self.debugfs)
