"""How to reach a person online: e-mail addresses, profiles, handles, secrets."""

import re
from collections.abc import Iterator

from grounding.privacy.pii_context import Found, words
from grounding.privacy.pii_gazetteer import word_set

_PLAIN = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]*[\w+-]@(?:[\w-]+\.)*[\w-]*[\w](?![\w@])")
_BROKEN = re.compile(r"[\w.+-]*\w@[\w.-]*-?\n[\w-]*\.(?:com|de|net|org|info|eu|co\.uk|uk|at|ch|fr)(?![\w@])")
_OPEN, _CLOSE = r"[\[({<|*_~\\-]{1,2}", r"[\])}>|*_~/\\-]{1,2}"
_AT_WORD = r"(?:at|ät|ad|@|a|et|bei|affe|klammeraffe|arroba|arobase|chez)"
_AT = (
    rf"(?:\s*{_OPEN}\s*{_AT_WORD}\s*{_CLOSE}\s*|\s*@\s*|\s+(?:at|ät|klammeraffe|arroba|arobase|"
    rf"\bat-zeichen|affenschwanz|"
    r"at[- ]sign)\s+|\s*&(?:#64|#x40|commat);\s*|%40)"
)
_DOT_WORD = r"(?:dot|punkt|point|d0t|pkt|\.)"
_DOT = rf"(?:\s*{_OPEN}\s*{_DOT_WORD}\s*{_CLOSE}\s*|\s+(?:dot|punkt|point|pkt)\s+|\.|\s\.\s?|&#46;)"
_JOIN = (
    rf"(?:{_DOT}|\s+(?:underscore|unterstrich|minus|bindestrich|hyphen|dash|plus)\s+|"
    rf"\s*{_OPEN}\s*(?:underscore|unterstrich|minus|dash)\s*{_CLOSE}\s*|[._+-])"
)
_PIECE = r"[\w+-]{1,40}"
_TLD = (
    r"(?:com|de|net|org|info|biz|eu|uk|co|us|at|ch|fr|it|es|nl|be|pl|io|me|edu|gov|email|"
    r"online|name|ie|se|dk|no|"
    r"fi|pt|cz|tr|ru|gr|hu|ro|hr|rs|ua|in|cn|jp|br|ca|au|nz|za|shop|dev|app|berlin|hamburg|koeln|bayern|test|"
    r"example|invalid|local|xyz|ac|tech|cloud|club|studio|ltd|"
    r"fm|tv|gg|cc|lu|li|pro|blog|mobi|coop|one|life|family|wien|ruhr|london|scot|wales|cymru|nyc|fyi|"
    r"swiss|gmbh|sk|si|bg|lt|lv|ee|il|mx|ar|cl|kr|sg|hk|ng|ke|pk)"
)
_OBFUSCATED = re.compile(
    rf"(?<![\w@])(?P<local>{_PIECE}(?:{_JOIN}{_PIECE}){{0,4}}?)(?P<at>{_AT})"
    rf"(?P<domain>{_PIECE}(?:{_DOT}{_PIECE}){{0,3}}{_DOT}{_TLD})(?!\w)",
    re.IGNORECASE,
)
_SPACED = re.compile(
    r"(?<!\w)(?:[\w.+-]\s){2,40}@(?:\s[\w.-]){3,40}(?!\w)|"
    r"(?<!\w)(?:[\w.+-]\s){2,40}[(\[]\s?(?:at|ät|@)\s?[)\]](?:\s[\w.-]){3,40}(?!\w)",
    re.IGNORECASE,
)
_PROVIDER = (
    r"(?:gmail|googlemail|gmx|web\.?de|outlook|hotmail|yahoo|ymail|icloud|t-?online|aol|"
    r"proton(?:mail)?|posteo|"
    r"mailbox|freenet|live|btinternet|orange|laposte|wanadoo|arcor|msn|zoho|fastmail|sky|virginmedia|comcast)"
)
_AT_PROVIDER = re.compile(
    rf"(?<![\w@])(?P<local>{_PIECE}(?:{_JOIN}{_PIECE}){{0,4}}?)(?P<at>\s*{_OPEN}\s*{_AT_WORD}\s*{_CLOSE}\s*|"
    rf"\s+(?:at|ät|bei)\s+|\s*@\s*)"
    rf"(?P<domain>{_PROVIDER})(?!\w)",
    re.IGNORECASE,
)
_SHOPS = word_set(
    "look us buy order ordered meet available it them bestellt gekauft shop shopping see seen "
    "sold here there found bought staff team people customers users work working job me her "
    "him sale stock delivered arrived find online purchased products prices cheaper service "
    "store account subscription one not is are was"
)
_MAIL_WORDS = words(
    r"e-?mail|mail\b|mailen|schreib|write|reach|contact|kontakt|erreich|adresse|address|send|"
    r"schick"
)
_PROFILE = re.compile(
    r"(?:https?://|//)?(?:[\w-]+\.)*(?:"
    r"(?:instagram|facebook|fb|twitter|x|tiktok|snapchat|threads|pinterest|twitch|github|"
    r"gitlab|soundcloud|vk|"
    r"myspace|tumblr|flickr|strava|vinted|onlyfans|paypal|venmo|patreon|medium|ok|bsky)"
    r"\.(?:com|me|net|tv|de|ru|co|uk|app)/(?:profile\.php\?id=|u/|user/|users/|add/|in/|pub/|"
    r"@|people/|athletes/|member/|profile/|people/)?[\w.%@-]{2,}|"
    r"linkedin\.com/(?:in|pub)/[\w%.-]+|xing\.com/(?:profile|people)/[\w%.-]+|reddit\.com/(?:u|user)/[\w-]+|"
    r"youtube\.com/(?:@|user/|c/|channel/)[\w.-]+|(?:t|wa|paypal|signal|ko-fi)\.me/(?:\+?[\w.-]+)|"
    r"steamcommunity\.com/id/[\w-]+|mastodon\.\w+/@[\w.]+|(?:kleinanzeigen|ebay)\.(?:de|com|"
    r"co\.uk)/(?:usr|s-bestandsliste\.html\?userId=)/?[\w.-]+"
    r")[/?\w=&.#-]*",
    re.IGNORECASE,
)
_SHARED_PAGES = re.compile(
    r"/(?:share|sharer|intent|hashtag|search|explore|watch|groups|events|pages|help|about|"
    r"login|policies|legal|home|p/|reel/)",
    re.IGNORECASE,
)
_NAMED_IN_URL = re.compile(
    r"(?<=[?&])(?:user(?:name|_?id)?|login|name|vorname|nachname|mail|e-?mail|first_?name|"
    r"last_?name|customer|kunde|phone|tel|account|uid|token|session\w*)=[^\s&#]+",
    re.IGNORECASE,
)
_URL_LOGIN = re.compile(r"(?<=://)[^\s/@:]+(?::[^\s/@]*)?@(?=[\w.-]+)")
_HANDLE = re.compile(r"(?<![\w@./])@\s?(?=[\w.]*[^\W\d_])[A-Za-z_À-ž][\w.]{1,29}(?<!\.)(?![\w@])")
_NOT_HANDLES = word_set(
    "media import home work all here everyone channel font-face keyframes supports param return override"
)
_HANDLE_AFTER = re.compile(
    r"(?<!\w)(?:insta(?:gram)?|twitter|tiktok|snap(?:chat)?|telegram|discord|skype|mastodon|"
    r"reddit|xbox|psn|steam|twitch|threads|"
    r"signal|icq|teams|facebook|linkedin|xing)(?:[\s-]*(?:handle|name|username|user|account|"
    r"profil(?:e)?|id|konto|nick))?\s*"
    r"(?::|=|\bist\b|\bis\b|\blautet\b|->|\bals\b|\bas\b|\bunter\b|"
    r"\bunder\b)\s*(?P<handle>[@\w][\w.#-]{2,29})",
    re.IGNORECASE,
)
_USER_NAME = re.compile(
    r"(?<!\w)(?:user\s?-?name|benutzername|nutzername|login(?:name)?|user-?id|screen name|"
    r"nickname|kennung|login-id|handle|"
    r"anmeldename|mitgliedsname|gamertag)\s*"
    r"(?::|=|\bist\b|\bis\b|\blautet\b)\s*['\"]?(?P<handle>[@\w][\w.#-]{2,39})",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"(?<!\w)(?:passwor[dt]|passwd|kennwort|passphrase|pwd|pw|pin(?:-?code)?|tan|puk|passcode|"
    r"mot de passe)\s*"
    r"(?::|=|\bist\b|\bis\b|\blautet\b|\bwar\b|"
    r"\bwas\b)(?!\s*(?:geheim|secret|vergessen|forgotten|falsch|wrong|gesperrt|expired|unknown)\b)\s*['\"]?"
    r"(?P<secret>[^\s'\"]*[\d\W_][^\s'\"]*[^\s'\".,;]|[^\s'\"]{6,})",
    re.IGNORECASE,
)


def find(text: str) -> Iterator[Found]:
    """E-mail addresses, plain and disguised, profile addresses, handles and passwords in folded text."""
    lower = text.lower()
    if "@" in text:
        yield from _with_at(text)
    if _may_be_disguised(lower):
        yield from _disguised(text)
    if "/" in text or "=" in text:
        yield from _in_urls(text)
    for pattern, kind in ((_HANDLE_AFTER, "handle"), (_USER_NAME, "handle"), (_SECRET, "password")):
        if pattern is _SECRET and "p" not in lower and "k" not in lower and "tan" not in lower:
            continue
        for match in pattern.finditer(text):
            yield Found(kind, *match.span(1), 62)


_HINTS = ("@", "at", "ät", "#64", "40", "affe", "arro", "arob", "(a)", "[a]", "bei", "ad")
_DISGUISE = re.compile(
    rf"@|&#|%40|{_OPEN}\s*{_AT_WORD}\s*{_CLOSE}|\s(?:at|ät|klammeraffe|affenschwanz|arrob\w*|"
    rf"arobase|at-zeichen|at[- ]sign|bei)\s",
    re.IGNORECASE,
)


def _may_be_disguised(lower: str) -> bool:
    return any(h in lower for h in _HINTS) and _DISGUISE.search(lower) is not None


def _with_at(text: str) -> Iterator[Found]:
    for match in _URL_LOGIN.finditer(text):
        yield Found("password", *match.span(), 91)
    for match in _PLAIN.finditer(text):
        local, _, domain = match.group().rpartition("@")
        if "." in domain or any(c.isalpha() for c in local):
            yield Found("email", *match.span(), 90)
    for pattern in (_SPACED, _BROKEN):
        for match in pattern.finditer(text):
            yield Found("email", *match.span(), 90)
    for match in _HANDLE.finditer(text):
        if match.group().lstrip("@ ").lower() not in _NOT_HANDLES and not match.group()[1:2].isspace():
            yield Found("handle", *match.span(), 60)


def _disguised(text: str) -> Iterator[Found]:
    if "(" in text or "[" in text:
        for match in _SPACED.finditer(text):
            yield Found("email", *match.span(), 90)
    for pattern in (_OBFUSCATED, _AT_PROVIDER):
        at = 0
        while (match := pattern.search(text, at)) is not None:
            disguised = _is_disguised(text, match)
            if disguised:
                yield Found("email", *match.span(), 89)
            at = match.end() if disguised else match.end("local")


def _is_disguised(text: str, match: re.Match[str]) -> bool:
    """Whether "x at y dot z" is an address and not a sentence about a place or a shop."""
    at = match["at"]
    if not re.fullmatch(r"\s+(?:at|bei)\s+", at, re.IGNORECASE):
        return True
    last = re.split(r"\s+", match["local"])[-1].lower()
    spoken = _MAIL_WORDS.search(text, max(0, match.start() - 60), match.start()) is not None
    if last in _SHOPS:
        return False
    if re.search(r"dot|punkt|point|pkt|[_\d]", match.group(), re.IGNORECASE):
        return at.strip().lower() != "bei" or spoken
    return spoken


def _in_urls(text: str) -> Iterator[Found]:
    for match in _PROFILE.finditer(text):
        if not _SHARED_PAGES.search(match.group()):
            yield Found("profile", *match.span(), 85)
    for match in _NAMED_IN_URL.finditer(text):
        yield Found("profile", *match.span(), 61)
