"""Addresses of machines: IP and MAC."""

import ipaddress
import re
from collections.abc import Iterator

from grounding.privacy.pii_context import Found, speaks_against, speaks_for, words

_DOT = r"\s?(?:\.|\[\.\]|\(\.\)|\[dot\]|\(dot\)|\[punkt\]|\(punkt\))\s?"
_V4 = re.compile(
    rf"(?<![\w.])(\d{{1,3}}){_DOT}(\d{{1,3}}){_DOT}(\d{{1,3}}){_DOT}(\d{{1,3}})(?!\.?\d)(?![^\W\d_])",
    re.IGNORECASE,
)
_V6 = re.compile(
    r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])", re.IGNORECASE
)
_MAC = re.compile(
    r"(?<![\w:-])(?:[0-9a-f]{2}(?P<s>[:\s-]|\s?[:-]\s?)(?:[0-9a-f]{2}(?P=s)){4}[0-9a-f]{2}|"
    r"[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})"
    r"(?![\w:-])",
    re.IGNORECASE,
)
_MAC_BARE = re.compile(r"(?<!\w)[0-9a-f]{12}(?!\w)", re.IGNORECASE)
_IP_WORDS = words(r"ipv?[46]?\b|ip-|address|adresse|host|server|login|log-in|rechner|router|vpn|netz|client")
_MAC_WORDS = words(
    r"mac\b|mac-|hardware|hwaddr|ethernet|wlan|wifi|wi-fi|gerät|device|bluetooth|router|"
    r"adapter|address|adresse"
)
_MAC_NAMED = words(r"mac\b|mac-|hwaddr")
_THING = words(
    r"v(?:er(?:sion)?)?\b|firmware|release|build|kapitel|chapter|section|abschnitt|§|ziffer|"
    r"update|"
    r"software|driver|treiber|app|gliederung|absatz|anlage|position|pos\b|artikel|art\b|sku|"
    r"chrome|"
    r"firefox|windows|android|ios|os\b|patch|bios"
)


def find(text: str) -> Iterator[Found]:
    """IP addresses of both versions and hardware addresses in folded text."""
    for start, end in _internet(text):
        yield Found("ip address", start, end, 75)
    for match in _MAC.finditer(text):
        if _is_mac(text, match):
            yield Found("mac address", match.start(), match.end(), 76)
    for match in _MAC_BARE.finditer(text):
        if speaks_for(text, match.start(), _MAC_NAMED, window=24):
            yield Found("mac address", match.start(), match.end(), 76)


def _internet(text: str) -> Iterator[tuple[int, int]]:
    for match in _V4.finditer(text):
        if all(int(part) <= 255 for part in match.groups()) and not _versioned(text, match.start()):
            yield match.span()
    if text.count(":") >= 2:
        for match in _V6.finditer(text):
            if _is_v6(match.group()):
                yield match.span()


def _versioned(text: str, start: int) -> bool:
    """Whether four numbers with dots are a version, a chapter or an article, and nothing says otherwise."""
    labelled = _THING.search(text, max(0, start - 22), start) or speaks_against(text, start, 22)
    return bool(labelled) and not speaks_for(text, start, _IP_WORDS, window=30)


def _is_v6(written: str) -> bool:
    if len(written) < 6 or written.count(":") < 3:
        return False
    try:
        ipaddress.IPv6Address(written)
    except ValueError:
        return False
    return sum(c.isalnum() for c in written) >= 4


def _is_mac(text: str, match: re.Match[str]) -> bool:
    """Pairs parted by colons are one; other forms need a letter, and pairs parted by spaces the word."""
    written = match.group()
    spoken = speaks_for(text, match.start(), _MAC_WORDS, window=36)
    if spoken:
        return True
    if speaks_against(text, match.start()) or (match["s"] or ".").isspace():
        return False
    digits_alone = written.startswith("00-") and written.count("-") == 5
    return ":" in written or digits_alone or any(c.isalpha() for c in written)
