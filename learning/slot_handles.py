"""The numbers by which people know slots: each slot has one, and in no order.

A gold slot is opened at the moment of the claim, so its own key is newer than its neighbours'; who watches the numbers in
addresses and answers shall not see which ones are gold. A handle is the key, enciphered by a Feistel network over 48 bits, so
that nothing is stored or looked up, and JavaScript can hold it.
"""

from functools import lru_cache
from hashlib import blake2b, sha256

from django.conf import settings

HALF = 24
ROUNDS = 4
MASK = (1 << HALF) - 1
MOST = (1 << 2 * HALF) - 1


def handle(slot: int) -> int:
    """Answer the number by which people know a slot."""
    left, right = slot >> HALF, slot & MASK
    for number in range(ROUNDS):
        left, right = right, left ^ _scramble(number, right)
    return left << HALF | right


def slot_of(number: int) -> int:
    """Answer the slot that people know by this number; every number up to MOST is that of some slot, other ones of none."""
    if not 0 <= number <= MOST:
        return 0
    left, right = number >> HALF, number & MASK
    for step in reversed(range(ROUNDS)):
        left, right = right ^ _scramble(step, left), left
    return left << HALF | right


def _scramble(step: int, half: int) -> int:
    mixed = _seeded(settings.SECRET_KEY).copy()
    mixed.update((step << HALF | half).to_bytes(4, "big"))
    return int.from_bytes(mixed.digest(), "big")


@lru_cache(maxsize=4)
def _seeded(secret: str) -> blake2b:
    return blake2b(digest_size=HALF // 8, key=sha256(f"review.slot:{secret}".encode()).digest())
