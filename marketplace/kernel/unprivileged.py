"""Runs a program that refuses to run as root, PostgreSQL's, under an account that may.

As root the program runs as `humancloud`, where that account exists, or as `nobody`. Where that account cannot
reach the files (a checkout below /root) it keeps one capability, CAP_DAC_OVERRIDE; the alternative, opening
root's folders to everyone, would outlive the program. Anyone but root runs it as himself.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

STAND_INS = ("humancloud", "nobody")


class NoAccount(RuntimeError):
    """There is no account that could run this program here; the message says what to do."""


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def owner_or_stand_in(folder: Path) -> pwd.struct_passwd:
    """The account that owns an existing folder, else who we are; where that is root, the stand-in."""
    me = os.geteuid()
    owner = folder.stat().st_uid if folder.exists() else me
    if me not in (0, owner):
        raise NoAccount(f"{folder} belongs to uid {owner}: start as that account or as root.")
    return _stand_in() if owner == 0 else _named(owner)


def give(path: Path, account: pwd.struct_passwd) -> None:
    """Make `path` the account's own, where we are root and it would not be."""
    if os.geteuid() == 0:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def run_as(
    account: pwd.struct_passwd,
    command: Sequence[str],
    *,
    touches: Sequence[Path],
    environment: Mapping[str, str],
    output: int,
    seconds: float,
    keep_open: Sequence[int] = (),
) -> subprocess.CompletedProcess[bytes]:
    """Run `command` as `account` in a session of its own, deaf to the terminal's Ctrl-C.

    `touches` are the paths it must reach; `keep_open` the descriptors it inherits. Raises
    subprocess.TimeoutExpired after `seconds`.
    """
    prefix, identity = _privileges(account, touches)
    return subprocess.run(
        [*prefix, *command],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=keep_open,
        start_new_session=True,
        cwd="/",
        env=environment,
        umask=0o077,
        timeout=seconds,
        **identity,
    )


def _privileges(account: pwd.struct_passwd, touches: Sequence[Path]) -> tuple[list[str], _Identity]:
    if os.geteuid() != 0:
        return [], {}
    if not _reaches(account, touches):
        return _keeping_one_capability(account), {}
    return [], {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _reaches(account: pwd.struct_passwd, paths: Sequence[Path]) -> bool:
    """Whether `account` may enter every folder above `paths` (not by group: it is given none)."""
    above = {folder for path in paths for folder in (path, *path.parents)}
    return all(_may_enter(account, folder.stat()) for folder in above)


def _may_enter(account: pwd.struct_passwd, found: os.stat_result) -> bool:
    return bool(found.st_mode & (stat.S_IXUSR if found.st_uid == account.pw_uid else stat.S_IXOTH))


def _keeping_one_capability(account: pwd.struct_passwd) -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise NoAccount(
            f"PostgreSQL does not run as root, and {account.pw_name} cannot enter these folders. "
            "Move them out of root's home, install util-linux (setpriv), or set DATABASE_URL."
        )
    identity = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return [setpriv, *identity, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"]


def _stand_in() -> pwd.struct_passwd:
    for name in STAND_INS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoAccount(f"PostgreSQL does not run as root, and there is no account {' or '.join(STAND_INS)}.")


def _named(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise NoAccount(f"PostgreSQL needs a name for uid {uid}, and /etc/passwd has none.") from None
