"""What a process that parses strangers' files may do: compute for a while in little memory, nothing else.

The kernel enforces it. Limits hold memory, processor time, files and their size; a filter of system calls (seccomp,
the fence) takes away the network, other processes, and every way to write, move or delete a file. Where the
kernel has no such filter, a network namespace without any network at least keeps the file's text here.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
from dataclasses import dataclass
from enum import StrEnum

MEMORY_BYTES = 768_000_000
"""All addresses of the process, its libraries included."""

DATA_BYTES = 400_000_000
"""What it may fill by itself; with its libraries it then stays below 512 MB in memory."""

CPU_SECONDS = 20
WALL_SECONDS = 30
OPEN_FILES = 64
NICENESS = 15
"""How far reading stands back when pages and the API want the processor; further back, a busy machine would let
good files run into WALL_SECONDS."""

FILE_BYTES = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading one file may take."""

    memory_bytes: int = MEMORY_BYTES
    data_bytes: int = DATA_BYTES
    cpu_seconds: int = CPU_SECONDS
    wall_seconds: float = WALL_SECONDS
    niceness: int = NICENESS


class Fence(StrEnum):
    """What keeps a parsing process from the network."""

    SECCOMP = "seccomp"
    NAMESPACE = "namespace"
    NONE = "none"


def confine(limits: Limits) -> Fence:
    """Bind this process by `limits` and the fence, for good; it dies with the process that started it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.nice(limits.niceness)
    for which, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_DATA, limits.data_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))
    # A second between the limits: SIGXCPU at the first tells time from memory, SIGKILL at the second is obeyed.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    return _fence(libc)


def _fence(libc: ctypes.CDLL) -> Fence:
    """Take the network and all but reading files away from this process, as far as the kernel lets us."""
    calls = _CALLS.get(platform.machine())
    if calls is not None and _filter(libc, calls):
        return Fence.SECCOMP
    if hasattr(libc, "unshare") and libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        return Fence.NAMESPACE
    return Fence.NONE


_CLONE_NEWUSER = 0x1000_0000
_CLONE_NEWNET = 0x4000_0000
_CLONE_THREAD = 0x0001_0000
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """System calls of one processor by number."""

    arch: int
    denied: tuple[int, ...]
    clone: int
    opens: tuple[tuple[int, int], ...]
    """Each call that opens a file, and which of its arguments are the flags."""


# Sockets, other processes, programs, namespaces and mounts, the memory of others, limits, and what changes files.
_DENIED_X86_64 = (
    *(41, 42, 43, 44, 45, 46, 47, 49, 50, 53, 288, 299, 307),  # socket … sendmmsg
    *(57, 58, 59, 62, 101, 109, 112, 129, 200, 234, 297, 322),  # fork, exec, kill, ptrace, setsid …
    *(155, 161, 165, 166, 246, 248, 249, 250, 272, 304, 308, 320, 321, 323, 298),  # mount, setns, bpf …
    *(310, 311, 312, 424, 434, 438, 425, 426, 427),  # process_vm_*, pidfd_*, io_uring_*
    *(428, 429, 430, 431, 432, 433, 442, 452),  # the newer mounts, fchmodat2
    *(160, 302, 76, 77, 82, 83, 84, 85, 86, 87, 88, 90, 91, 92, 93, 94, 132, 133, 235, 261, 280),
    *(258, 259, 260, 263, 264, 265, 266, 268, 285, 316, 188, 189, 190, 197, 198, 199),
)
_DENIED_AARCH64 = (
    *(198, 199, 200, 201, 202, 203, 206, 207, 211, 212, 242, 243, 269),
    *(221, 129, 117, 154, 157, 138, 130, 131, 240, 281),
    *(40, 39, 41, 51, 97, 265, 268, 104, 217, 218, 219, 280, 282, 241, 294),
    *(270, 271, 272, 424, 434, 438, 425, 426, 427),
    *(428, 429, 430, 431, 432, 433, 442, 452),
    *(164, 261, 45, 46, 33, 34, 35, 36, 37, 38, 47, 52, 53, 54, 55, 88, 276, 5, 6, 7, 14, 15, 16),
)
_CALLS = {
    "x86_64": _Calls(arch=0xC000003E, denied=_DENIED_X86_64, clone=56, opens=((2, 1), (257, 2))),
    "aarch64": _Calls(arch=0xC00000B7, denied=_DENIED_AARCH64, clone=220, opens=((56, 2),)),
}
_CLONE3, _OPENAT2, _X32 = 435, 437, 0x4000_0000
_EPERM, _ENOSYS = 1, 38

_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
# Offsets in the kernel's struct seccomp_data; of an argument the lower half, both processors being little-endian.
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16


def _filter(libc: ctypes.CDLL, calls: _Calls) -> bool:
    """Install the filter; false when the kernel refuses. Source: man 2 seccomp."""
    code = b"".join(_program(calls))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    held = ctypes.create_string_buffer(program, len(program))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, held, 0, 0) == 0)


def _program(calls: _Calls) -> list[bytes]:
    """Another processor's calls kill; each denied call answers EPERM; the rest passes."""
    program = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, calls.arch, then=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if calls.arch == _CALLS["x86_64"].arch:
        program += [_step(_AT_LEAST, _X32, otherwise=1), _step(_RETURN, _ERRNO | _EPERM)]
    for number in calls.denied:
        program += [_step(_EQUAL, number, otherwise=1), _step(_RETURN, _ERRNO | _EPERM)]
    for number in (_CLONE3, _OPENAT2):  # "no such call": the C library then uses the older one
        program += [_step(_EQUAL, number, otherwise=1), _step(_RETURN, _ERRNO | _ENOSYS)]
    for number, flags in calls.opens:
        program += _by_argument(number, flags, _WRITES, denied_when_set=True)
    program += _by_argument(calls.clone, 0, _CLONE_THREAD, denied_when_set=False)
    return [*program, _step(_RETURN, _ALLOW)]


def _by_argument(number: int, argument: int, bits: int, *, denied_when_set: bool) -> list[bytes]:
    return [
        _step(_EQUAL, number, otherwise=4),
        _step(_LOAD, _ARGUMENTS + 8 * argument),
        _step(_ANY_BIT, bits, then=0 if denied_when_set else 1, otherwise=1 if denied_when_set else 0),
        _step(_RETURN, _ERRNO | _EPERM),
        _step(_RETURN, _ALLOW),
    ]


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, then, otherwise, value)
