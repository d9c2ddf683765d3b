"""YCSB's keys, for those who make its records and for those who ask for them."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

_BASIS = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_64_BITS = 2**64 - 1


def hashes(numbers: Numbers) -> Numbers:
    """FNV-1a (64 bit, octets from the lowest) of each number, as YCSB has it: the absolute value."""
    rest = numbers.astype(np.uint64)
    hashed = np.full(len(numbers), _BASIS, dtype=np.uint64)
    for _ in range(8):
        hashed ^= rest & np.uint64(0xFF)
        hashed *= np.uint64(_PRIME)
        rest >>= np.uint64(8)
    return np.abs(hashed.view(np.int64))


def ycsb_keys(numbers: Numbers) -> list[str]:
    """The key of each record by its number."""
    return [f"user{hashed}" for hashed in hashes(numbers).tolist()]


def ycsb_key(number: int) -> str:
    """The key of one record."""
    hashed, rest = _BASIS, number
    for _ in range(8):
        hashed = (hashed ^ (rest & 0xFF)) * _PRIME & _64_BITS
        rest >>= 8
    return f"user{hashed if hashed < 2**63 else 2**64 - hashed}"
