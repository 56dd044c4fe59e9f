"""A ZIP that holds itself, byte for byte: unpacking it again and again never ends. After Russ Cox, "Zip Files All The
Way Down" (2010), built anew here.

Its packed data is a program of two orders, each OP bytes long: `_put(n)` outputs the n bytes that follow it,
`_again(n)` the n bytes that were output last. The checksum stands in the very bytes it is of; a CRC is linear over its
bits, so the value that is its own checksum is the solution of 32 equations.
"""

import struct
import zlib
from bisect import bisect_right

NAME = b"quine.zip"
OP = 10
WIDTH = 8 * (OP - 4)
DAY = 33
"""1 January 1980."""
LENGTHS = (
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    13,
    15,
    17,
    19,
    23,
    27,
    31,
    35,
    43,
    51,
    59,
    67,
    83,
    99,
    115,
    131,
    163,
    195,
    227,
)
DISTANCES = (1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385)
BLOCK, NO_MORE, STORED = "010", "0" * 7, "000"
NOTHING = BLOCK + NO_MORE
"""A packed block that says nothing, in bits as they are written: least significant first."""

END = b"\x01\x00\x00\xff\xff"


def quine_zip() -> bytes:
    """The archive; raises ValueError should the equations have no solution."""
    fixed = zlib.crc32(_archive(0))
    columns = [zlib.crc32(_archive(1 << bit)) ^ fixed ^ (1 << bit) for bit in range(32)]
    return _archive(_solved(columns, fixed))


def _archive(checksum: int) -> bytes:
    packed = len(_program(_head(checksum, 0, 0), _tail(checksum, 0, 0, 0))) + len(END)
    begin = len(_head(checksum, 0, 0))
    size = begin + packed + len(_tail(checksum, 0, 0, 0)) - len(END)
    head, tail = _head(checksum, packed, size), _tail(checksum, packed, size, begin + packed)
    return head + _program(head, tail) + tail


def _program(head: bytes, tail: bytes) -> bytes:
    """Outputs head, itself and tail. Each line names what has been output after it."""
    first, last, four, two = len(head) + OP, len(tail) + OP, 4 * OP, 2 * OP
    turn = _again(four) + _put(four)
    return b"".join(
        [
            _put(first) + head + _put(first),  # the head and this line's order
            _again(first),  # the whole line above
            _put(OP) + _again(first),  # the line above
            _put(OP) + _put(OP),  # the order of the line before
            _put(four) + _again(first) + _put(OP) + _put(OP) + _put(four),  # up to this line's order
            _again(four),  # the line above
            _put(four) + turn + turn,  # up to the middle of this line
            _again(four),  # up to the order of the next line
            _put(four) + 2 * (_again(two) + _put(last)),  # this line
            _again(two),  # up to the order of the next line
            _put(last) + _again(last) + tail,  # this line
            _again(last),  # all
        ]
    )


def _put(count: int) -> bytes:
    return _order("", count)


def _again(count: int) -> bytes:
    """As one copy, or as two, whichever fills an order."""
    for lengths in ((count,), (count // 2, count - count // 2)):
        bits = BLOCK + "".join(_copy(length, count) for length in lengths) + NO_MORE
        if _fills(bits):
            return _order(bits, 0)
    raise ValueError(f"no order copies {count} bytes")


def _order(bits: str, stored: int) -> bytes:
    """`bits`, then blocks that say nothing, then the beginning of `stored` bytes as they are: OP bytes in all."""
    while len(bits) + len(STORED) <= WIDTH - 8:
        bits += NOTHING
    padded = (bits + STORED).ljust(WIDTH, "0")
    assert len(padded) == WIDTH, "an order of another length"
    return int(padded[::-1], 2).to_bytes(WIDTH // 8, "little") + struct.pack("<HH", stored, stored ^ 0xFFFF)


def _fills(bits: str) -> bool:
    return (WIDTH - len(STORED) - len(bits)) % len(NOTHING) < 8 and len(bits) + len(STORED) <= WIDTH


def _copy(length: int, distance: int) -> str:
    at, far = bisect_right(LENGTHS, length) - 1, bisect_right(DISTANCES, distance) - 1
    code = f"{at + 1:07b}" if at + 1 < 24 else f"{0xC0 + at + 1 - 24:08b}"
    more_length = _low_first(length - LENGTHS[at], max(0, at // 4 - 1))
    return code + more_length + f"{far:05b}" + _low_first(distance - DISTANCES[far], max(0, far // 2 - 1))


def _low_first(value: int, bits: int) -> str:
    return f"{value:0{bits}b}"[::-1] if bits else ""


def _head(checksum: int, packed: int, size: int) -> bytes:
    fields = (0x04034B50, 20, 0, 8, 0, DAY, checksum, packed, size, len(NAME), 0)
    return struct.pack("<LHHHHHLLLHH", *fields) + NAME


def _tail(checksum: int, packed: int, size: int, directory_at: int) -> bytes:
    """The end of the packed data, then the directory."""
    fields = (0x02014B50, 20, 20, 0, 8, 0, DAY, checksum, packed, size, len(NAME), 0, 0, 0, 0, 0, 0)
    directory = struct.pack("<LHHHHHHLLLHHHHHLL", *fields) + NAME
    return END + directory + struct.pack("<LHHHHLLH", 0x06054B50, 0, 0, 1, 1, len(directory), directory_at, 0)


def _solved(columns: list[int], wanted: int) -> int:
    """The bits whose columns together are `wanted`."""
    basis: dict[int, tuple[int, int]] = {}
    for bit, column in enumerate(columns):
        column, combined = _reduced(basis, column, 1 << bit)
        if column:
            basis[column.bit_length()] = (column, combined)
    rest, found = _reduced(basis, wanted, 0)
    if rest:
        raise ValueError("no checksum is its own")
    return found


def _reduced(basis: dict[int, tuple[int, int]], value: int, combined: int) -> tuple[int, int]:
    while value and value.bit_length() in basis:
        column, of = basis[value.bit_length()]
        value, combined = value ^ column, combined ^ of
    return value, combined
