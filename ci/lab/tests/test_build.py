# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of the cache and of builds, with a script in the place of make."""

import contextlib
import io
import os
import select
import subprocess
import time
import unittest
from pathlib import Path

from test_lab import LAB, PYTHON, Scratch

import cache
import kernels
import recipe
import sources
from words import Stop


class Cache(Scratch):
    def test_second_waits_and_says_so(self):
        script = (f"import sys; sys.path.insert(0, {str(LAB)!r}); import cache\n"
                  "with cache.lock('k', 'building k'): print('in', flush=True)")
        lock = contextlib.ExitStack()
        lock.enter_context(cache.lock("k", "building k"))
        with subprocess.Popen([PYTHON, "-c", script], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as second:
            try:
                self.assertEqual(second.stderr.readline(),
                                 "lab: another run is building k: waiting for it\n")
                self.assertEqual(select.select([second.stdout], [], [], 0.1)[0], [])
            finally:
                lock.close()
            self.assertEqual(second.wait(10), 0)

    def test_relative_cache_is_ignored(self):
        self.set_env("XDG_CACHE_HOME", "here")
        self.assertEqual(cache.top(), Path.home() / ".cache/iodirty")

    def test_key_knows_where_parts_end(self):
        self.assertNotEqual(cache.key("ab", "c"), cache.key("a", "bc"))


class Build(Scratch):
    """The order of things in a build, with a script in the place of make."""

    def setUp(self):
        super().setUp()
        self.tree = self.top / "tree"
        self.tree.mkdir()
        (self.tree / "Makefile").write_text(
            "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\nEXTRAVERSION = -rc1\n", encoding="utf-8")
        (self.tree / "Kconfig").write_text("mainmenu\n", encoding="utf-8")
        tools = self.top / "bin"
        tools.mkdir()
        for name in {*recipe.TOOLS} - {"xz"}:
            tool = tools / name
            tool.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
            tool.chmod(0o755)
        config = "\\n".join(f"CONFIG_{name}=y" for name in (*recipe.NEEDED, "HOSTFS"))
        (tools / "make").write_text(f"""#!/bin/sh
echo "$*" >>{self.top}/calls
for word; do case $word in O=*) out=${{word#O=}} ;; esac; done
case $* in
*allnoconfig) printf '{config}\\n' >$out/.config ;;
*) [ ! -e {self.top}/broken ] || exit 2
   mkdir -p $out/include/config; echo 6.12.1-rc1 >$out/include/config/kernel.release ;;
esac
""", encoding="utf-8")
        self.set_env("PATH", f"{tools}:{os.environ['PATH']}")

    def build(self, series="6.12"):
        kernel = kernels.Kernel(f"uml-{series}", "uml", series, False)
        source = sources.Tree(self.tree)
        found = recipe.Recipe(kernel, source)
        with contextlib.redirect_stderr(io.StringIO()):
            found.build()
        return found

    def calls(self):
        text = (self.top / "calls").read_text(encoding="utf-8")
        return ["config" if "allnoconfig" in line else "make" for line in text.splitlines()]

    def test_cached(self):
        found = self.build()
        self.assertTrue(found.is_built())
        self.assertEqual(found.version(), "6.12.1-rc1")
        self.build()
        self.assertEqual(self.calls(), ["config", "make"])

    def test_resumes_without_configuring_again(self):
        (self.top / "broken").touch()
        with self.assertRaisesRegex(Stop, "does not build; the whole log"):
            self.build()
        (self.top / "broken").unlink()
        self.assertTrue(self.build().is_built())
        self.assertEqual(self.calls(), ["config", "make", "make"])

    def test_killed_in_make(self):
        """What make has started has the lock to its end."""
        make = self.top / "bin/make"
        make.write_text(make.read_text(encoding="utf-8").replace(
            "*) [", f"*) touch {self.top}/made; sleep 1; echo late >>{self.top}/calls; ["),
            encoding="utf-8")
        script = (f"import sys; sys.path.insert(0, {str(LAB)!r}); import kernels, recipe, sources\n"
                  f"recipe.Recipe(kernels.Kernel('uml-6.12', 'uml', '6.12', False), "
                  f"sources.Tree({str(self.tree)!r})).build()")
        with subprocess.Popen([PYTHON, "-c", script], stderr=subprocess.DEVNULL) as first:
            while not (self.top / "made").exists():
                time.sleep(0.02)
            first.kill()
        make.write_text(make.read_text(encoding="utf-8").replace("sleep 1;", ""), encoding="utf-8")
        self.build()
        text = (self.top / "calls").read_text(encoding="utf-8")
        self.assertEqual(text.count("late\n"), 2)
        self.assertLess(text.index("late\n"), text.rindex("-j"))

    def test_tree_of_somebody_is_looked_at_each_time(self):
        self.build(None)
        self.build(None)
        self.assertEqual(self.calls(), ["config", "make", "make"])

    def test_configuration_that_lacks_something(self):
        make = self.top / "bin/make"
        make.write_text(make.read_text(encoding="utf-8").replace("IOMMUFD_TEST=y", "X=y"),
                        encoding="utf-8")
        with self.assertRaisesRegex(Stop, "cannot have IOMMUFD_TEST"):
            self.build()

    def test_tree_built_in_place(self):
        (self.tree / ".config").touch()
        with self.assertRaisesRegex(Stop, "built in place"):
            sources.Tree(self.tree)

    def test_tarball(self):
        """Extracted once, and a fetched one is then not kept."""
        (self.tree / "drivers/gpu/drm/amd/include").mkdir(parents=True)
        tarball = cache.folder("apt") / "linux.tar.xz"
        subprocess.run(["tar", "-cJf", tarball, "-C", self.top, "tree"], check=True)
        source = sources.Tarball("linux-1", "1", lambda: tarball)
        with contextlib.redirect_stderr(io.StringIO()):
            tree = source.tree()
        self.assertEqual(sources.tree_version(tree), "6.12.1-rc1")
        self.assertFalse((tree / "drivers/gpu/drm/amd/include").exists())
        self.assertFalse(tarball.exists())
        self.assertEqual(source.tree(), tree)

    def test_no_tree(self):
        with self.assertRaisesRegex(Stop, "no kernel tree"):
            sources.Tree(self.top / "nowhere")


if __name__ == "__main__":
    unittest.main()
