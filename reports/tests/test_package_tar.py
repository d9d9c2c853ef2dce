# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""package_tar.py: the same bytes for the same folder, and nothing that hostile archives want."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import package_tar  # noqa: E402
from model import ReportError, UsageError  # noqa: E402

FILES = {"MANIFEST.sha256": b"sums\n", "statement.json": b"{}\n", "a/b/c.txt": b"x" * 5000,
         "a-b.txt": b"", "a/é.txt": b"more\n", "a/" + "long" * 40 + ".txt": b"name\n"}


def fill(folder, files=None):
    for name, data in (files or FILES).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def entry(name, data=b"", kind=tarfile.REGTYPE, **more):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


class TarTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.folder = fill(self.dir / "cert")
        self.into = self.dir / "into"
        self.into.mkdir()

    def written(self, folder=None, name="out.tar"):
        package_tar.write(folder or self.folder, self.dir / name)
        return (self.dir / name).read_bytes()

    def files(self, folder):
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*")
                if p.is_file()}


class WriteTest(TarTest):
    def test_headers(self):
        self.written()
        with tarfile.open(self.dir / "out.tar") as tar:
            infos = tar.getmembers()
        self.assertEqual([i.name for i in infos], [
            "cert", "cert/MANIFEST.sha256", "cert/a", "cert/a/b", "cert/a/b/c.txt",
            "cert/a/" + "long" * 40 + ".txt", "cert/a/é.txt", "cert/a-b.txt",
            "cert/statement.json"])
        for info in infos:
            self.assertEqual((info.mtime, info.uid, info.gid, info.uname, info.gname),
                             (0, 0, 0, "", ""))
            self.assertEqual(info.mode, 0o755 if info.isdir() else 0o644)

    def test_same_bytes_whatever_else_differs(self):
        one = self.written()
        mask = os.umask(0o077)
        self.addCleanup(os.umask, mask)
        other = self.dir / "elsewhere/cert"
        for name in reversed(FILES):  # another order of folders' entries
            fill(other, {name: FILES[name]})
        for n, path in enumerate(sorted(other.rglob("*"))):
            os.utime(path, (n * 1e6 + 0.5, n * 1e7 + 0.25))
            path.chmod(0o700 if path.is_dir() else 0o400)
        self.assertEqual(self.written(other, "other.tar"), one)
        os.chdir(self.dir)
        self.addCleanup(os.chdir, "/")
        self.assertEqual(self.written(Path("cert"), "third.tar"), one)

    def test_other_bytes_for_another_folder(self):
        one = self.written()
        (self.folder / "statement.json").write_bytes(b"[]\n")
        self.assertNotEqual(self.written(), one)

    def test_others_can_read_it(self):
        self.written()
        subprocess.run(["tar", "-xf", self.dir / "out.tar", "-C", self.into], check=True)
        self.assertEqual(self.files(self.into / "cert"), FILES)

    def test_takes_no_links(self):
        before = self.written()
        (self.folder / "link").symlink_to("statement.json")
        with self.assertRaisesRegex(ReportError, "neither a file nor a folder"):
            self.written()
        (self.folder / "link").unlink()
        os.mkfifo(self.folder / "pipe")
        with self.assertRaisesRegex(ReportError, "neither a file nor a folder"):
            self.written()
        self.assertEqual((self.dir / "out.tar").read_bytes(), before)
        self.assertFalse((self.dir / "out.tar.partial").exists())


class UnpackTest(TarTest):
    def archive(self, *entries, pack=None, cut=None):
        """A hostile one, of (TarInfo, data)."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for info, data in entries:
                tar.addfile(info, io.BytesIO(data))
        data = buffer.getvalue()[:cut]
        path = self.dir / "in.tar"
        path.write_bytes(pack(data) if pack else data)
        return path

    def refused(self, why, path, limit=package_tar.LARGEST):
        with self.assertRaisesRegex(ReportError, why):
            package_tar.unpack(path, self.into, limit)
        outside = {p.name for p in self.dir.iterdir()}
        self.assertLessEqual(outside, {"cert", "into", "in.tar", "out.tar"})
        shutil.rmtree(self.into)
        self.into.mkdir()

    def test_there_and_back_in_any_compression(self):
        data = self.written()
        for pack in (lambda d: d, gzip.compress, bz2.compress, lzma.compress):
            (self.dir / "in.tar").write_bytes(pack(data))
            top = package_tar.unpack(self.dir / "in.tar", self.into)
            self.assertEqual(top, self.into / "cert")
            self.assertEqual(self.files(top), FILES)
            self.assertTrue(package_tar.is_as_written(self.dir / "in.tar", top))
            shutil.rmtree(top)

    def test_takes_what_tar_itself_packed(self):
        subprocess.run(["tar", "-czf", self.dir / "in.tar", "-C", self.dir, "./cert"], check=True)
        top = package_tar.unpack(self.dir / "in.tar", self.into)
        self.assertEqual(self.files(top), FILES)
        self.assertFalse(package_tar.is_as_written(self.dir / "in.tar", top))

    def test_a_byte_behind_the_end_is_seen(self):
        self.written()
        with open(self.dir / "out.tar", "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"x")
        top = package_tar.unpack(self.dir / "out.tar", self.into)
        self.assertFalse(package_tar.is_as_written(self.dir / "out.tar", top))

    def test_ways_out(self):
        good = entry("cert/a", b"fine")
        for name, why in (("../evil", "leads out"), ("cert/../../evil", "leads out"),
                          ("cert/a/..", "leads out"), ("/tmp/evil", "no name"),
                          ("//evil", "no name"), ("cert/new\nline", "no name"),
                          ("cert/\x1b[2J", "no name"), ("cert/\udc80", "no name")):
            self.refused(why, self.archive(good, entry(name, b"evil")))

    def test_what_is_no_file(self):
        for kind, more in ((tarfile.SYMTYPE, {"linkname": "/etc/passwd"}),
                           (tarfile.LNKTYPE, {"linkname": "cert/a"}),
                           (tarfile.CHRTYPE, {"devmajor": 1, "devminor": 3}),
                           (tarfile.BLKTYPE, {"devmajor": 8}), (tarfile.FIFOTYPE, {})):
            bad = entry("cert/bad", kind=kind, **more)
            self.refused("neither a file nor a folder", self.archive(entry("cert/a", b"x"), bad))

    def test_through_a_link(self):
        link = entry("cert/out", kind=tarfile.SYMTYPE, linkname=str(self.dir))
        self.refused("neither a file nor a folder",
                     self.archive(link, entry("cert/out/evil", b"evil")))

    def test_sparse(self):
        data = io.BytesIO()
        info = tarfile.TarInfo("cert/holes")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                            "GNU.sparse.name": "cert/holes",
                            "GNU.sparse.realsize": str(1 << 40)}
        content = b"1\n0\n1\n".ljust(512, b"\0") + b"x"
        info.size = len(content)
        with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(info, io.BytesIO(content))
        (self.dir / "in.tar").write_bytes(data.getvalue())
        self.refused("neither a file nor a folder", self.dir / "in.tar")

    def test_twice(self):
        for first, second in (("cert/a", "cert/a"), ("cert/a", "cert/./a"), ("cert/a", "cert//a")):
            self.refused("is in it twice", self.archive(entry(first, b"good"),
                                                        entry(second, b"evil")))

    def test_a_file_and_a_folder(self):
        self.refused("a file and a folder", self.archive(entry("cert/a", b"x"),
                                                         entry("cert/a/b", b"y")))
        self.refused("a file and a folder", self.archive(entry("cert/a/b", b"x"),
                                                         entry("cert/a", b"y")))

    def test_one_folder(self):
        self.refused("more than one folder", self.archive(entry("cert/a", b"x"),
                                                          entry("dert/b", b"y")))
        self.refused("no folder at its top", self.archive(entry("cert", b"x")))
        self.refused("no folder at its top", self.archive())

    def test_huge(self):
        many = [entry(f"cert/{n}", b"x" * 1000) for n in range(20)]
        self.refused("holds more than 0 MiB", self.archive(*many), limit=19_999)
        package_tar.unpack(self.archive(*many), self.into, limit=20_000)

    def test_bomb(self):
        zeros = self.archive(entry("cert/zeros", bytes(5 << 20)), pack=gzip.compress)
        self.refused("holds more than 1 MiB", zeros, limit=1 << 20)
        behind = self.archive(entry("cert/a", b"x"),
                              pack=lambda data: gzip.compress(data + bytes(5 << 20)))
        self.refused("holds more than 1 MiB", behind, limit=1 << 20)

    def test_a_claim_of_size_fills_no_memory(self):
        # A header that says of itself that it is long, and one with a size below 0.
        for size in (1 << 40, 1 << 21, -512):
            info = tarfile.TarInfo("cert/long")
            info.type = tarfile.GNUTYPE_LONGNAME
            info.size = size
            data = info.tobuf(tarfile.GNU_FORMAT) + bytes(4 << 20)
            (self.dir / "in.tar").write_bytes(data)
            self.refused("no (whole )?archive", self.dir / "in.tar")

    def test_too_many(self):
        most, package_tar.MOST = package_tar.MOST, 10
        self.addCleanup(setattr, package_tar, "MOST", most)
        self.refused("more than 10 members",
                     self.archive(*[entry(f"cert/{n}") for n in range(11)]))

    def test_broken(self):
        data = self.written()
        (self.dir / "in.tar").write_bytes(data[:len(data) // 3])
        self.refused("no whole archive|cut short", self.dir / "in.tar")
        for junk in (b"", b"no tar" * 1000, gzip.compress(data)[:-20], b"\x1f\x8b" + b"x" * 99,
                     b"\xfd7zXZ\0" + b"x" * 99, b"BZh9" + b"x" * 99):
            (self.dir / "in.tar").write_bytes(junk)
            self.refused("archive", self.dir / "in.tar")


class ReplaceTest(TarTest):
    def test_only_its_own(self):
        path = self.dir / "cert.tar"
        package_tar.check_replaceable(path, "cert", False)
        package_tar.write(self.folder, path)
        package_tar.check_replaceable(path, "cert", True)
        with self.assertRaisesRegex(UsageError, "--force replaces it"):
            package_tar.check_replaceable(path, "cert", False)
        with self.assertRaisesRegex(UsageError, "in the way"):
            package_tar.check_replaceable(path, "dert", True)

    def test_not_others(self):
        path = self.dir / "cert.tar"
        (self.folder / "MANIFEST.sha256").unlink()
        package_tar.write(self.folder, path)
        foreign = [path, self.dir / "link.tar", self.folder, self.dir / "text.tar"]
        foreign[1].symlink_to(path)
        foreign[3].write_text("mine", encoding="utf-8")
        for path in foreign:
            with self.assertRaisesRegex(UsageError, "in the way"):
                package_tar.check_replaceable(path, "cert", True)

    def test_not_through_a_link(self):
        package_tar.write(self.folder, self.dir / "cert.tar")
        link = self.dir / "link.tar"
        link.symlink_to(self.dir / "cert.tar")
        with self.assertRaisesRegex(UsageError, "in the way"):
            package_tar.check_replaceable(link, "cert", True)


if __name__ == "__main__":
    unittest.main()
