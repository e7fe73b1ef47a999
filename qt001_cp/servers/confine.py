"""Locks a server in before its first instruction: no new privileges, no network, no program but itself, no file but its own.

On a clone the code of somebody's own database is run. Whatever it manages to do, it does in here. What the kernel does not
have is left out and said. Linux only; called between fork and exec, so it allocates little and imports nothing.

Source: landlock(7), user_namespaces(7), network_namespaces(7), prctl(2) PR_SET_NO_NEW_PRIVS, linux/landlock.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_NEW_USER, _NEW_NET, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_ABI_OF: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH: Final = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST: Final = (1 << 13) - 1
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_TCP: Final = 0b11
_SCOPES: Final = 0b11  # abstract sockets, signals
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_READABLE: Final = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/usr/share/locale", "/usr/share/postgresql", "/lib", "/lib64",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/postgresql-common",
)  # fmt: skip  # libraries, zones and locales, and what the C library looks up
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_LOADERS: Final = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1")

FILES: Final = "F"
NETWORK: Final = "N"
CONNECTIONS: Final = "C"
_WORDS: Final = {
    FILES: "reads and writes its own folder only and starts no program (Landlock)",
    NETWORK: "has no network (a namespace of its own)",
    CONNECTIONS: "opens no TCP connection (Landlock)",
}


@dataclass(frozen=True)
class Cell:
    """``folder``: what the server may write. ``program``: all that may be executed. ``readable``: its libraries and files."""

    folder: Path
    program: Path
    readable: Sequence[Path]


def words(done: str) -> list[str]:
    """What holds, and what this kernel lacks, one sentence each; ``done``: the letters that :func:`lock_in` wrote."""
    held = [_WORDS[letter] for letter in (FILES, NETWORK, CONNECTIONS) if letter in done]
    if CONNECTIONS in done and NETWORK in done:
        held.remove(_WORDS[CONNECTIONS])
    lacking = []
    if FILES not in done:
        lacking.append("NOT kept from files and programs: this kernel has no Landlock")
    if NETWORK not in done and CONNECTIONS not in done:
        lacking.append("NOT kept from the network: this kernel gives us no namespace")
    return [*held, *lacking]


def lock_in(cell: Cell, tell: int) -> Callable[[], None]:
    """What a child runs before it becomes the server; it writes what holds to the descriptor ``tell``."""
    libc = ctypes.CDLL(None, use_errno=True)

    def run() -> None:
        done = ""
        libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # after a change of user /proc/self is root's otherwise
        if _no_network(libc):
            done += NETWORK
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
        done += _landlock(libc, cell)
        os.write(tell, done.encode() + b"\n")
        os.close(tell)

    return run


def _no_network(libc: ctypes.CDLL) -> bool:
    """A user and a network namespace of its own; users keep their numbers. In it there is a loopback and nothing else."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_NEW_USER | _NEW_NET | _NEW_IPC) != 0:
        return False
    _put("/proc/self/setgroups", "deny")
    _put("/proc/self/uid_map", f"{user} {user} 1")
    _put("/proc/self/gid_map", f"{group} {group} 1")
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0)))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
    return True


def _put(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _landlock(libc: ctypes.CDLL, cell: Cell) -> str:
    abi = libc.syscall(_CREATE, None, 0, _ABI_OF)
    if abi < 1:
        return ""
    rights = _FIRST | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0) | (_IOCTL_DEV if abi >= 5 else 0)
    tcp = _TCP if abi >= _NETWORK_SINCE else 0
    words_of = struct.pack("=QQQ", rights, tcp, _SCOPES if abi >= _SCOPES_SINCE else 0)
    size = 24 if abi >= _SCOPES_SINCE else 16 if tcp else 8
    ruleset = libc.syscall(_CREATE, ctypes.create_string_buffer(words_of), size, 0)
    if ruleset < 0:
        return ""
    reading = _READ_FILE | _READ_DIR
    rules = [(cell.folder, rights & ~_EXECUTE), (cell.program, _EXECUTE | _READ_FILE)]
    rules += [(path, reading) for path in (*map(Path, _READABLE), *cell.readable)]
    rules += [(Path(path), _READ_FILE | _WRITE_FILE | _IOCTL_DEV) for path in _DEVICES]
    rules += [(Path(path), _EXECUTE | _READ_FILE) for path in _LOADERS]
    for path, wanted in rules:
        _allow(libc, ruleset, path, wanted & rights)
    if libc.syscall(_RESTRICT, ruleset, 0) != 0:
        return ""
    os.close(ruleset)
    return FILES + (CONNECTIONS if tcp else "")


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    """What is not there needs no rule."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= _OF_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor))
        if libc.syscall(_ADD, ruleset, _PATH_BENEATH, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), f"landlock_add_rule {path}")
    finally:
        os.close(descriptor)
