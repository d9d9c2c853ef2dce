# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What sysfs says of IOMMUs, PCI devices and firmware; nothing of it needs root."""

from system_read import at, entries, read_text

NO_REGISTERS = ("sysfs shows no registers of this IOMMU; what its driver found is in the boot log")
PCI_IDS = ("vendor", "device", "subsystem_vendor", "subsystem_device", "class", "revision")
# dmi/id has serial numbers as well.
FIRMWARE = ("bios_vendor", "bios_version", "bios_date", "bios_release")
BOARD = ("sys_vendor", "product_name", "product_version", "product_sku", "board_vendor",
         "board_name", "board_version")


def registers(iommu):
    """Of intel-iommu/cap, amd-iommu/features and the like: drivers have them in folders of
    their own, beside those that every device has."""
    return {f"{folder.name}/{file.name}": read_text_of(file)
            for folder in entries_of(iommu)
            if folder.is_dir() and not folder.is_symlink()
            and folder.name not in ("devices", "power")
            for file in entries_of(folder) if file.is_file()}


def read_text_of(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        return f"not readable: {error.strerror}"


def entries_of(path):
    try:
        return sorted(path.iterdir())
    except OSError:
        return []


def iommus():
    """Those of the machine, with what their drivers show."""
    found = []
    for path in entries("/sys/class/iommu"):
        shown = registers(path)
        found.append({"name": path.name, "registers": shown,
                      "devices": len(entries_of(path / "devices")),
                      "note": "" if shown else NO_REGISTERS})
    return found


def link_name(path):
    return path.resolve().name if path.is_symlink() else ""


def iommu_groups():
    return [{"group": path.name, "type": read_text_of(path / "type")
             if (path / "type").exists() else "",
             "devices": [device.name for device in entries_of(path / "devices")],
             "reserved_regions": read_text_of(path / "reserved_regions").splitlines()}
            for path in sorted(entries("/sys/kernel/iommu_groups"), key=lambda p: (
                len(p.name), p.name))]


def pci():
    """Ids as sysfs has them, by address, with driver and IOMMU group."""
    return [{"address": path.name,
             **{name: read_text_of(path / name).removeprefix("0x")
                for name in PCI_IDS if (path / name).is_file()},
             "driver": link_name(path / "driver"),
             "iommu_group": link_name(path / "iommu_group")}
            for path in entries("/sys/bus/pci/devices")]


def dmi(names):
    found = {name: read_text(f"/sys/class/dmi/id/{name}") for name in names}
    return {name: text for name, text in found.items() if text}


def firmware():
    """{} where firmware says nothing of itself."""
    model = read_text("/sys/firmware/devicetree/base/model").strip("\0")
    return {**dmi(FIRMWARE), **({"devicetree_model": model} if model else {}),
            "interface": "UEFI" if at("/sys/firmware/efi").is_dir() else
            "devicetree" if model else "BIOS or none"}
