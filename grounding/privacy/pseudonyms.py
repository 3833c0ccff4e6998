"""Pseudonyms: what stands for an id in everything that is stored, made with a secret key.

A plain hash of a customer number is no pseudonym: all numbers can be hashed in minutes and looked up. With a
key that lies elsewhere, only who holds the key can tell which number a pseudonym stands for. Pseudonymised
data are personal data still, for whoever can get at the key.

Source: HMAC, RFC 2104, with SHA-256; EDPB Guidelines 01/2025 on pseudonymisation, keyed one-way functions.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence

KEY_BYTES = 32
_DIGITS = 20
_FORM = re.compile(rf"k[0-9a-f]{{{_DIGITS}}}")
_CHECK = b"mirrorpanel key check"


def new_key() -> bytes:
    """A key from the operating system's source of randomness, 256 bits."""
    return secrets.token_bytes(KEY_BYTES)


def is_pseudonym(text: str) -> bool:
    """Whether a text has the form of a pseudonym: k and 20 hexadecimal digits."""
    return _FORM.fullmatch(text) is not None


class Pseudonymiser:
    """Pseudonyms under a key, or under a chain of keys where the key was changed since.

    Original ids are not stored, so a changed key is applied to the pseudonyms there are: with keys
    ``(first, second)`` the pseudonym of an id is HMAC(second, HMAC(first, id)). The chain is therefore needed
    whole.

    The first 80 bits are kept; among a million people two share a pseudonym with probability 4e-13.

    Raises:
        ValueError: no key, or one with fewer than 128 bits.
    """

    def __init__(self, *keys: bytes) -> None:
        if not keys or any(len(key) < KEY_BYTES // 2 for key in keys):
            raise ValueError(f"pseudonyms need at least one key, each of {KEY_BYTES // 2} bytes or more")
        self._first, *self._later = keys

    @property
    def check(self) -> str:
        """HMAC of a fixed text under the whole chain: tells the right key from others, and no more."""
        value = hmac.digest(self._first, _CHECK, hashlib.sha256)
        for key in self._later:
            value = hmac.digest(key, _CHECK + value, hashlib.sha256)
        return value.hex()[:16]

    def pseudonym(self, namespace: str, original: str) -> str:
        """The pseudonym of one id; equal ids of different namespaces have different pseudonyms."""
        return self.pseudonyms(namespace, [original])[0]

    def pseudonyms(self, namespace: str, originals: Iterable[str]) -> tuple[str, ...]:
        """The pseudonyms of many ids, in their order. Raises: ValueError for a namespace with a NUL."""
        if "\0" in namespace:
            raise ValueError(f"a namespace holds no NUL, got {namespace!r}")
        before, key, digest = namespace.encode() + b"\0", self._first, hmac.digest
        made = ["k" + digest(key, before + i.encode(), "sha256").hex()[:_DIGITS] for i in originals]
        for later in self._later:
            made = _renewed(made, later)
        return tuple(made)


def renewed(pseudonyms: Sequence[str], key: bytes) -> tuple[str, ...]:
    """What pseudonyms become when ``key`` is added to the end of the chain."""
    return tuple(_renewed(pseudonyms, key))


def _renewed(pseudonyms: Iterable[str], key: bytes) -> list[str]:
    digest = hmac.digest
    return ["k" + digest(key, b"renewed\0" + p.encode(), "sha256").hex()[:_DIGITS] for p in pseudonyms]
