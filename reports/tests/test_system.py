# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""system.py and checkout.py: machines made of files, and a checkout that has changes."""

import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import jsonschema

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import checkout  # noqa: E402
import system  # noqa: E402
import system_devices  # noqa: E402
import system_files  # noqa: E402
import system_read  # noqa: E402

SCHEMA = json.loads((HERE.parent / "schemas/system.schema.json").read_text(encoding="utf-8"))
PROGRAM = HERE.parent / "system.py"
RELEASE = platform.release()

# A server with two Intel IOMMUs, one AMD and one SMMU: nobody has it, and each is shown.
MACHINE = {
    "proc/cmdline": "root=/dev/sda1 intel_iommu=on\n",
    "proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n"
                    "model name\t: Example CPU\nstepping\t: 8\nmicrocode\t: 0x2b0001b0\n"
                    "flags\t\t: fpu avx2\n\nprocessor\t: 1\nmicrocode\t: 0xff\n",
    "proc/meminfo": "MemTotal:       1024 kB\nMemFree: 1 kB\n",
    "etc/os-release": 'PRETTY_NAME="Example Linux 1"\n',
    "sys/class/iommu/dmar0/intel-iommu/cap": "8d2078c106f0466\n",
    "sys/class/iommu/dmar0/intel-iommu/ecap": "f020df\n",
    "sys/class/iommu/dmar0/power/control": "auto\n",
    "sys/class/iommu/dmar0/devices/0000:00:02.0/x": "",
    "sys/class/iommu/ivhd0/amd-iommu/features": "25bf732fa2295afe:53f\n",
    "sys/class/iommu/smmu3.0x2b400000/power/control": "auto\n",
    "sys/kernel/iommu_groups/7/type": "DMA-FQ\n",
    "sys/kernel/iommu_groups/7/reserved_regions": "0xfee00000 0xfeefffff msi\n",
    "sys/kernel/iommu_groups/7/devices/0000:00:02.0/x": "",
    "sys/kernel/iommu_groups/10/type": "identity\n",
    "sys/bus/pci/devices/0000:00:02.0/vendor": "0x8086\n",
    "sys/bus/pci/devices/0000:00:02.0/device": "0x4c8a\n",
    "sys/bus/pci/devices/0000:00:02.0/class": "0x030000\n",
    "sys/bus/pci/devices/0000:00:02.0/revision": "0x04\n",
    "sys/class/dmi/id/bios_version": "1.4.2\n",
    "sys/class/dmi/id/bios_vendor": "Example\n",
    "sys/class/dmi/id/sys_vendor": "Example Computers, Inc.\n",
    "sys/class/dmi/id/product_name": "Rack Server 1000\n",
    "sys/class/dmi/id/product_serial": "SECRET-1\n",
    "sys/class/dmi/id/board_serial": "SECRET-2\n",
    "sys/class/dmi/id/product_uuid": "SECRET-3\n",
    "sys/firmware/efi/fw_platform_size": "64\n",
    "sys/firmware/acpi/tables/DMAR": "DMAR and its registers",
    "sys/firmware/acpi/tables/SSDT1": "not of an IOMMU",
}


class SystemTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.root = self.dir / "root"
        self.root.mkdir()
        patch = mock.patch.object(system_read, "ROOT", self.root)
        patch.start()
        self.addCleanup(patch.stop)

    def having(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def programs(self, **scripts):
        """PATH has these alone, and a shell for them."""
        folder = self.dir / "bin"
        folder.mkdir()
        (folder / "sh").symlink_to("/bin/sh")
        for name, text in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            (folder / name).chmod(0o755)
        patch = mock.patch.dict(os.environ, {"PATH": str(folder)})
        patch.start()
        self.addCleanup(patch.stop)


class FactsTest(SystemTest):
    def test_a_machine(self):
        self.having(MACHINE)
        self.programs(gcc="echo gcc 1")
        link = self.root / "sys/bus/pci/devices/0000:00:02.0"
        (link / "driver").symlink_to("../../../bus/pci/drivers/vfio-pci")
        (link / "iommu_group").symlink_to("../../../kernel/iommu_groups/7")
        shown, files = system.full()
        jsonschema.validate(shown, SCHEMA)
        self.assertEqual(shown["iommus"], [
            {"name": "dmar0", "devices": 1, "note": "", "registers": {
                "intel-iommu/cap": "8d2078c106f0466", "intel-iommu/ecap": "f020df"}},
            {"name": "ivhd0", "devices": 0, "note": "",
             "registers": {"amd-iommu/features": "25bf732fa2295afe:53f"}},
            {"name": "smmu3.0x2b400000", "devices": 0, "registers": {},
             "note": system_devices.NO_REGISTERS}])
        self.assertEqual(shown["iommu_groups"], [
            {"group": "7", "type": "DMA-FQ", "devices": ["0000:00:02.0"],
             "reserved_regions": ["0xfee00000 0xfeefffff msi"]},
            {"group": "10", "type": "identity", "devices": [], "reserved_regions": []}])
        self.assertEqual(shown["pci"], [{
            "address": "0000:00:02.0", "vendor": "8086", "device": "4c8a", "class": "030000",
            "revision": "04", "driver": "vfio-pci", "iommu_group": "7"}])
        self.assertEqual(shown["firmware"], {"bios_version": "1.4.2", "bios_vendor": "Example",
                                             "interface": "UEFI"})
        self.assertEqual(shown["board"], {"sys_vendor": "Example Computers, Inc.",
                                          "product_name": "Rack Server 1000"})
        self.assertEqual(shown["cpu_ids"], {"vendor_id": "GenuineIntel", "cpu family": "6",
                                            "model": "143", "stepping": "8"})
        self.assertEqual((shown["microcode"], shown["memory"], shown["os"], shown["cpu_flags"]),
                         ("0x2b0001b0", "1024 kB", "Example Linux 1", ["fpu", "avx2"]))
        self.assertEqual(shown["kernel_command_line"], "root=/dev/sda1 intel_iommu=on")
        self.assertNotIn("SECRET", json.dumps(shown))
        self.assertNotIn(platform.node(), [v for v in shown.values() if isinstance(v, str)])
        self.assertEqual(files, {"acpi-DMAR.bin": b"DMAR and its registers"})

    def test_a_machine_that_says_nothing(self):
        self.programs()
        shown, files = system.full()
        jsonschema.validate(shown, SCHEMA)
        self.assertEqual((files, shown["files"]), ({}, {}))
        self.assertEqual(set(shown["unreadable"]), {
            "system/kernel-config", "system/dmesg.txt", "system/lspci.txt"})
        self.assertEqual(shown["unreadable"]["system/lspci.txt"], "lspci is not there")
        self.assertIn(f"/boot/config-{RELEASE}: No such file",
                      shown["unreadable"]["system/kernel-config"])

    def test_schema_is_strict(self):
        shown, _ = system.full()
        for wrong in (dict(shown, host="here"), {k: v for k, v in shown.items() if k != "pci"},
                      dict(shown, files={"system/../x": "y"})):
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(wrong, SCHEMA)


class FilesTest(SystemTest):
    def config(self):
        found, lacking = system_files.collect()
        return found.get("kernel-config", lacking.get("kernel-config"))

    def test_kernel_config_wherever_it_is(self):
        self.programs()
        self.having({f"lib/modules/{RELEASE}/config": "third"})
        self.assertEqual(self.config(), (f"/lib/modules/{RELEASE}/config", b"third"))
        self.having({f"boot/config-{RELEASE}": "second", "boot/config-1.0": "another's"})
        self.assertEqual(self.config(), (f"/boot/config-{RELEASE}", b"second"))
        self.having({"proc/config.gz": ""})
        (self.root / "proc/config.gz").write_bytes(gzip.compress(b"first"))
        self.assertEqual(self.config(), ("/proc/config.gz", b"first"))
        (self.root / "proc/config.gz").write_bytes(gzip.compress(b"first" * 99)[:-9])
        self.assertEqual(self.config(), (f"/boot/config-{RELEASE}", b"second"))

    def test_boot_log_by_dmesg(self):
        self.programs(dmesg="echo '[0.0] Linux'", journalctl="echo wrong")
        self.assertEqual(system_files.boot_log(), ("dmesg", "[0.0] Linux\n"))

    def test_boot_log_by_the_journal(self):
        self.programs(dmesg="echo 'dmesg: Operation not permitted' >&2; exit 1",
                      journalctl="echo \"$*\"")
        self.assertEqual(system_files.boot_log(), (
            "journalctl -k -b", "-k -b -q --no-hostname -o short-monotonic\n"))

    def test_boot_log_that_nobody_may_read(self):
        self.programs(dmesg="echo one >&2; echo 'dmesg: Operation not permitted' >&2; exit 1",
                      journalctl="exit 3")
        with self.assertRaises(system_read.Unreadable) as caught:
            system_files.boot_log()
        self.assertEqual(str(caught.exception), "dmesg: dmesg: Operation not permitted; /dev/kmsg: "
                         "No such file or directory; journalctl -k -b: journalctl: exit status 3")

    def test_kernel_messages(self):
        # A pipe that gives a record a read, as /dev/kmsg does.
        self.having({"dev/x": ""})
        records = [b"6,0,0,-;Linux version\n", b"4,1,1234567,-;a; b\n DEVICE=+pci\n",
                   BrokenPipeError(), b"6,9,98765432109,-;late\n", BlockingIOError()]

        def read(_fd, _size):
            record = records.pop(0)
            if isinstance(record, Exception):
                raise record
            return record
        with mock.patch.object(os, "read", read):
            text = system_files.kernel_messages("/dev/x")
        self.assertEqual(text, "[    0.000000] Linux version\n[    1.234567] a; b\n"
                         "[98765.432109] late\n")

    def test_what_is_private_is_left_out(self):
        said = ("eth0: 52:54:00:AB:cd:ef\nusb 1-1: SerialNumber: XY12-3\n"
                "Serial number: 77\nCapabilities: Device Serial Number 00-11-22-ff-fe-33-44-55\n"
                "systemd[1]: Hostname set to <secret>.\n00:00:00.000000 DMAR: cap 8d2078\n"
                "pci 0000:00:1f.6: serial ports\n")
        self.programs(dmesg=f"cat <<'E'\n{said}E", lspci=f"cat <<'E'\n{said}E")
        os.symlink("/bin/cat", self.dir / "bin/cat")
        hidden = ("eth0: xx:xx:xx:xx:xx:xx\nusb 1-1: SerialNumber: (left out)\n"
                  "Serial number: (left out)\nCapabilities: Device Serial Number (left out)\n"
                  "systemd[1]: Hostname set to <left out>.\n00:00:00.000000 DMAR: cap 8d2078\n"
                  "pci 0000:00:1f.6: serial ports\n")
        self.assertEqual(system_files.boot_log()[1], hidden)
        self.assertEqual(system_files.lspci()[1], hidden)


class ProgramTest(unittest.TestCase):
    """As a guest would run it: by Python alone, without packages or the user's settings."""

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def program(self, *args):
        return subprocess.run([sys.executable, "-S", "-E", PROGRAM, *args], cwd=self.dir,
                              capture_output=True, text=True, timeout=60, check=False)

    def test_prints(self):
        done = self.program()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        jsonschema.validate(json.loads(done.stdout), SCHEMA)
        self.assertEqual(list(self.dir.iterdir()), [])

    def test_writes(self):
        done = self.program("-o", ".")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        shown = json.loads((self.dir / "system.json").read_text(encoding="utf-8"))
        jsonschema.validate(shown, SCHEMA)
        self.assertEqual(set(shown["files"]),
                         {f"system/{p.name}" for p in (self.dir / "system").iterdir()})

    def test_cannot_write(self):
        done = self.program("-o", "nowhere")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "system.py: nowhere/system: No such file or directory\n")
        with open("/dev/full", "w", encoding="utf-8") as device:
            full = subprocess.run([sys.executable, PROGRAM], stdout=device,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        self.assertEqual((full.returncode, full.stderr),
                         (1, "system.py: the output: No space left on device\n"))
        self.assertEqual(self.program("--what").returncode, 2)


class CheckoutTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.root = self.dir / "tree"
        self.root.mkdir()

    def git(self, *words):
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", *words], cwd=self.root,
                       check=True, stdout=subprocess.DEVNULL)

    def commit(self):
        self.git("init", "-q")
        (self.root / "file").write_text("one\n", encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "-qm", "What it is\n\nlong text")
        self.git("tag", "-a", "v1", "-m", "one")

    def written(self):
        state = checkout.write(self.root, self.dir / "tool")
        return state, {p.name: p.read_text(encoding="utf-8")
                       for p in sorted(self.dir.glob("tool/*"))}

    def test_clean(self):
        self.commit()
        (commit, clean), files = self.written()
        self.assertRegex(commit, "^[0-9a-f]{40}$")
        self.assertTrue(clean)
        self.assertEqual(list(files), ["commits.txt"])
        self.assertRegex(files["commits.txt"],
                         rf"(?s)^commit {commit}\nDate: .*What it is\n\nv1\n$")
        self.assertNotIn("@x", files["commits.txt"])

    def test_changes(self):
        self.commit()
        (self.root / "file").write_text("two\n", encoding="utf-8")
        (self.root / "new").write_text("not shown\n", encoding="utf-8")
        (_, clean), files = self.written()
        self.assertFalse(clean)
        self.assertIn("-one\n+two\n", files["changes.diff"])
        self.assertTrue(files["changes.diff"].endswith("\nuntracked: new\n"))
        self.assertNotIn("not shown", files["changes.diff"])
        self.assertIn("v1-dirty\n", files["commits.txt"])

    def test_no_checkout(self):
        self.assertEqual(self.written(), (("", None), {}))


if __name__ == "__main__":
    unittest.main()
