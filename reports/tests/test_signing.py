# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Signatures by the real ssh-keygen, and what verify says of them."""

import datetime
import os
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import package_samples as samples  # noqa: E402
import signing  # noqa: E402
from model import ReportError, UsageError  # noqa: E402
from test_verify import World  # noqa: E402


class SignedWorld(World):
    def setUp(self):
        super().setUp()
        self.key = self.new_key("key")
        self.manifest = self.pack / "MANIFEST.sha256"
        self.allowed = self.dir / "allowed"
        self.allow(f"vendor@example.com {self.public('key')}")

    def new_key(self, name, passphrase=""):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f",
                        self.dir / name], check=True)
        return self.dir / name

    def public(self, name):
        return (self.dir / f"{name}.pub").read_text(encoding="utf-8").strip()

    def allow(self, *lines):
        self.allowed.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def fingerprint(self, name):
        said = subprocess.run(["ssh-keygen", "-l", "-f", self.dir / name], check=True,
                              capture_output=True, text=True).stdout
        return said.split()[1]

    def by_list(self, *more):
        return ("--allowed-signers", self.allowed, *more)


class VerifyTest(SignedWorld):
    def test_unsigned(self):
        self.assertIn("there is none: nobody vouches for who made the package", self.accepted())
        self.only("signature", "it is not signed, and a signature was asked for",
                  more=self.by_list())

    def test_signed(self):
        signing.sign(self.manifest, self.key)
        said = self.accepted(self.pack, *self.by_list())
        self.assertIn(f"signed by vendor@example.com, key {self.fingerprint('key')}", said)
        self.accepted(self.pack, *self.by_list("--signer", "vendor@example.com"))

    def test_nobodys_list(self):
        signing.sign(self.manifest, self.key)
        self.assertIn(f"signed by key {self.fingerprint('key')}, whom nobody vouched for: give "
                      "--allowed-signers", self.accepted())

    def test_another_key(self):
        signing.sign(self.manifest, self.new_key("other"))
        self.only("signature", f"MANIFEST.sha256.sig: it is by key {self.fingerprint('other')}, "
                  f"and nobody in {self.allowed} has that key now", more=self.by_list())

    def test_another_signer(self):
        self.allow(f"vendor@example.com {self.public('key')}",
                   f"rival@example.com {self.public(self.new_key('other').name)}")
        signing.sign(self.manifest, self.key)
        self.only("signature", "which is not rival@example.com's by",
                  more=self.by_list("--signer", "rival@example.com"))
        self.only("signature", "which is not stranger's by",
                  more=self.by_list("--signer", "stranger"))

    def test_another_manifest(self):
        signing.sign(self.manifest, self.key)
        signature = (self.pack / "MANIFEST.sha256.sig").read_bytes()
        self.forge(created="2026-11-29T13:00:00Z")
        (self.pack / "MANIFEST.sha256.sig").write_bytes(signature)
        self.only("signature", "MANIFEST.sha256.sig: it is no signature of this manifest")
        self.only("signature", "it is no signature of this manifest", more=self.by_list())

    def test_a_file_of_a_signed_package(self):
        signing.sign(self.manifest, self.key)
        (self.run_files(1) / "console.txt").write_text("all is well")
        self.refused("manifest", "logs/run-1/console.txt: not as the manifest says",
                     more=self.by_list())

    def test_another_namespace(self):
        """A signature made for another purpose, by the right key."""
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", self.key,
                        self.manifest], check=True)
        self.only("signature", "it is no signature of this manifest for iodirty-certificate")

    def test_no_signature(self):
        for spoilt in b"", b"\xff\x00", b"-----BEGIN SSH SIGNATURE-----\n", b"x" * 100000:
            (self.pack / "MANIFEST.sha256.sig").write_bytes(spoilt)
            self.only("signature", "it is no signature of this manifest", more=self.by_list())

    def test_lists(self):
        """Patterns, several names, days, and other purposes."""
        signing.sign(self.manifest, self.key)
        public = self.public("key")
        for line in (f"*@example.com {public}", f"a@example.com,b@example.com {public}",
                     f'v valid-after="20260101",valid-before="20280101" {public}',
                     f'v namespaces="git,iodirty-certificate" {public}'):
            self.allow("# whom we know", line)
            self.accepted(self.pack, *self.by_list("--at", "2027-01-01"))
        self.allow(f'v valid-before="20270101" {public}')
        self.only("signature", "has that key now", more=self.by_list("--at", "2027-06-01"))
        self.accepted(self.pack, *self.by_list("--at", "2026-12-01"))
        for line in (f'v namespaces="git" {public}', "nonsense", ""):
            self.allow(line)
            self.only("signature", "MANIFEST.sha256.sig: it is by key ", more=self.by_list())

    def test_the_second_name_for_a_key(self):
        self.allow(f'old@example.com namespaces="git" {self.public("key")}',
                   f"new@example.com {self.public('key')}")
        signing.sign(self.manifest, self.key)
        self.only("signature", "not old@example.com's", "whoever else has it is named by --signer",
                  more=self.by_list())
        self.assertIn("signed by new@example.com", self.accepted(
            self.pack, *self.by_list("--signer", "new@example.com")))


class SignTest(SignedWorld):
    def test_keys_that_are_none(self):
        text = self.dir / "text"
        text.write_text("hello")
        readable = self.new_key("readable")
        readable.chmod(0o644)
        for key, words in ((self.dir / "nothing", "No such file or directory: --sign takes a "),
                           (self.dir, "Is a directory"), (text, "is no key that ssh-keygen can"),
                           (readable, f"can be read by others, so ssh-keygen will not use it: "
                            f"chmod 600 {readable}")):
            for call in signing.check_key, lambda k: signing.sign(self.manifest, k):
                with self.assertRaisesRegex(UsageError, words.replace("(", r"\(")):
                    call(key)
        self.assertFalse((self.pack / "MANIFEST.sha256.sig").exists())

    def test_no_private_key(self):
        """A public key alone signs only with an agent that has the other half."""
        self.key.unlink()
        signing.check_key(self.dir / "key.pub")
        with mock.patch.dict(os.environ):
            os.environ.pop("SSH_AUTH_SOCK", None)
            with self.assertRaisesRegex(ReportError, r"does the agent have it \(ssh-add -L\)\?"):
                self.quietly(signing.sign, self.manifest, self.dir / "key.pub")

    def quietly(self, call, *words):
        """What ssh-keygen says goes to stderr as it comes, which nobody wants here."""
        with open(os.devnull, "w", encoding="utf-8") as null, mock.patch("sys.stderr", null):
            return call(*words)

    def test_agent(self):
        said = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True,
                              env=dict(os.environ, TMPDIR=str(self.dir))).stdout
        agent = dict(word.split("=", 1) for word in said.replace("\n", " ").split("; ")
                     if "=" in word)
        self.addCleanup(subprocess.run, ["kill", agent["SSH_AGENT_PID"]], check=True)
        with mock.patch.dict(os.environ, SSH_AUTH_SOCK=agent["SSH_AUTH_SOCK"]):
            subprocess.run(["ssh-add", "-q", self.key], check=True)
            self.key.unlink()
            signing.sign(self.manifest, self.dir / "key.pub")
        self.accepted(self.pack, *self.by_list())

    def test_passphrase(self):
        """ssh-keygen asks for it; here by the program that is to ask where no terminal is."""
        key = self.new_key("locked", "swordfish")
        ask = self.dir / "ask"
        ask.write_text("#!/bin/sh\necho $ANSWER\n")
        ask.chmod(0o755)
        self.allow(f"v {self.public('locked')}")
        known = dict(SSH_ASKPASS=str(ask), SSH_ASKPASS_REQUIRE="force")
        with mock.patch.dict(os.environ, ANSWER="wrong", **known):
            with self.assertRaisesRegex(ReportError, "locked did not sign: .*incorrect passphrase"):
                self.quietly(signing.sign, self.manifest, key)
        with mock.patch.dict(os.environ, ANSWER="swordfish", **known):
            self.quietly(signing.sign, self.manifest, key)
        self.accepted(self.pack, *self.by_list())

    def test_no_ssh_keygen(self):
        signing.sign(self.manifest, self.key)
        with mock.patch.dict(os.environ, PATH="/nonexistent"):
            for call in (lambda: signing.check_key(self.key),
                         lambda: signing.sign(self.manifest, self.key),
                         lambda: signing.fingerprint(self.manifest, f"{self.manifest}.sig")):
                with self.assertRaisesRegex(UsageError, "install openssh-client"):
                    call()
            code, said = self.verify(self.pack)
            self.assertEqual(code, 2)
            self.assertIn("ssh-keygen is not there: install openssh-client", said)

    def test_a_signature_that_is_there_is_replaced(self):
        (self.pack / "MANIFEST.sha256.sig").write_text("old")
        signing.sign(self.manifest, self.key)
        self.accepted(self.pack, *self.by_list())

    def test_day(self):
        signing.sign(self.manifest, self.key)
        self.allow(f'v valid-after="20300101" {self.public("key")}')
        with self.assertRaises(signing.BadSignature):
            signing.verify(self.manifest, f"{self.manifest}.sig", self.allowed)
        self.assertEqual(signing.verify(self.manifest, f"{self.manifest}.sig", self.allowed,
                                        at=datetime.date(2031, 1, 1))[0], "v")


class PackageTest(SignedWorld):
    def test_archive(self):
        import package_tar
        signing.sign(self.manifest, self.key)
        package_tar.write(self.pack, self.dir / "pack.tar")
        self.accepted(self.dir / "pack.tar", *self.by_list())
        samples.seal(self.pack)
        package_tar.write(self.pack, self.dir / "pack.tar")
        self.only("signature", "it is not signed", given=self.dir / "pack.tar",
                  more=self.by_list())


if __name__ == "__main__":
    unittest.main()
