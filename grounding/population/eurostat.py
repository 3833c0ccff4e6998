"""Eurostat's SDMX service, read through the package sdmx1; the only module that knows either."""

import hashlib
import math
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

from personas.errors import DataError

URL = "https://ec.europa.eu/eurostat/api/dissemination/sdmx/2.1"
TIMEOUT = 60.0
_PARTS = (r"<(?:\w+:)?faultstring[^>]*>(.*?)</", r"<(?:\w+:)?Text[^>]*>(.*?)</", r'"label"\s*:\s*"(.*?)"')


@dataclass(frozen=True)
class Service:
    """Where the service is and how long each of its answers may take, in seconds."""

    url: str = URL
    timeout: float = TIMEOUT


@dataclass(frozen=True)
class Structure:
    """What the service says about one of its data sets.

    Attributes:
        code: the data set's code in lower case.
        title: its English name.
        updated: when its data were last updated, as the service writes it; empty where it does not.
        codes: dimension -> code -> English label, in the order of the key, without time.
    """

    code: str
    title: str
    updated: str
    codes: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Observation:
    """One figure: its dimensions, its period, ``None`` where the service has no value, and its flags."""

    key: Mapping[str, str]
    period: str
    value: float | None
    flags: str


@dataclass(frozen=True)
class Answer:
    """Figures, the address they came from, and the sha256 of the answer as it came."""

    observations: tuple[Observation, ...]
    query: str
    sha256: str


class Client:
    """A connection to the service, for one data set at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sdmx = _package()
        self._client: Any = self._sdmx.Client("ESTAT", timeout=service.timeout)
        self._send: dict[str, float] = {"timeout": service.timeout}
        self._client.source = _source(self._client.source, service.url)
        self._last: Any = None
        self._client.session.hooks["response"].append(self._keep)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.session.close()

    def structure(self, code: str) -> tuple[Structure, Any]:
        """The data set's description, and the package's own object that reads its data.

        Raises:
            DataError: see ``observations``.
        """
        name = code.upper()
        with self._errors(f"the structure of {code}"):
            message = self._client.get("dataflow", name, **self._send)
            flow = message.dataflow[name]
            definition = flow.structure
            codes = {
                d.id: {c.id: str(c.name) for c in d.local_representation.enumerated}
                for d in definition.dimensions
                if d.local_representation is not None and d.local_representation.enumerated is not None
            }
            updated = next((a.title for a in flow.annotations if a.type == "UPDATE_DATA"), "")
            title = str(flow.name.localizations.get("en", flow.name))
        return Structure(code, title, str(updated or ""), codes), definition

    def observations(
        self, code: str, definition: Any, key: Mapping[str, Sequence[str]], params: Mapping[str, str | int]
    ) -> Answer:
        """The figures of a part of the data set.

        Args:
            code: of the data set.
            definition: as ``structure`` gives it.
            key: dimension -> codes wanted.
            params: further parameters, such as ``startPeriod``.

        Raises:
            DataError: the service does not answer, refuses (with its own words: too large, no such data),
                prepares the answer for later, or answers with something that is no SDMX.
        """
        with self._errors(f"data of {code}"):
            message = self._client.get(
                "data",
                code.upper(),
                key={dimension: list(codes) for dimension, codes in key.items()},
                dsd=definition,
                params=dict(params),
                **self._send,
            )
            found = tuple(
                _observation(series, observation)
                for data in message.data
                for series, observations in data.series.items()
                for observation in observations
            )
        body: bytes = self._last.content
        return Answer(found, str(self._last.url), hashlib.sha256(body).hexdigest())

    def _keep(self, response: Any, *_: Any, **__: Any) -> None:
        self._last = response

    @contextmanager
    def _errors(self, wanted: str) -> Generator[None]:
        import requests

        self._last = None
        try:
            yield
        except requests.exceptions.HTTPError as error:
            raise DataError(_refusal(wanted, error.response)) from None
        except requests.exceptions.RequestException as error:
            raise DataError(
                f"Eurostat did not answer: {wanted} was asked of {self._service.url} with "
                f"{self._service.timeout:g} seconds to answer ({type(error).__name__}). Check the network "
                "and try again; the tables that ship need no network (mirrorpanel data margins)"
            ) from None
        except Exception as error:
            if self._last is None:
                raise
            # What the package raises after an answer has come: the answer is no SDMX that it can read.
            raise DataError(_unreadable(wanted, self._last, error)) from None


def _package() -> Any:
    try:
        import sdmx
    except ImportError:
        raise DataError(
            "fetching figures of Eurostat needs the package sdmx1; install it with: pip install sdmx1"
        ) from None
    return sdmx


def _source(source: Any, url: str) -> Any:
    """The package's description of the service, at another address."""
    from dataclasses import replace

    return replace(source, url=url.rstrip("/"))


def _observation(series: Any, observation: Any) -> Observation:
    key = {name: str(value.value) for name, value in series.values.items()}
    flags = observation.attached_attribute.get("OBS_FLAG")
    return Observation(
        key=key,
        period=str(observation.dimension.values["TIME_PERIOD"].value),
        value=_value(observation.value),
        flags="" if flags is None or flags.value is None else str(getattr(flags.value, "id", flags.value)),
    )


def _value(value: object) -> float | None:
    """The figure; ``None`` for an absent one, for the NaN that Eurostat writes, and for its colon."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _refusal(wanted: str, response: Any) -> str:
    said = _words(str(response.text))
    if response.status_code == 413:
        advice = "ask for fewer countries (--country)"
    elif response.status_code == 404:
        advice = "the data set may have been renamed, or has nothing for these countries and this year"
    else:
        advice = "try again later"
    return f"Eurostat refused {wanted} (HTTP {response.status_code}: {said}); {advice}. Asked: {response.url}"


def _unreadable(wanted: str, response: Any, error: Exception) -> str:
    text = str(response.text)
    if "ASYNCHRONOUS" in text or "<queued>" in text or "SUBMITTED" in text:
        return (
            f"Eurostat prepares {wanted} for later instead of answering, since it is large; ask for fewer "
            f"countries (--country), or try again in some minutes. Asked: {response.url}"
        )
    if "faultstring" in text or "ErrorMessage" in text:
        return f"Eurostat refused {wanted}: {_words(text)}. Asked: {response.url}"
    return (
        f"Eurostat's answer to {wanted} is no SDMX that can be read ({type(error).__name__}: {error}); it "
        f"begins {text[:80]!r}. A portal in the network may have answered instead. Asked: {response.url}"
    )


def _words(text: str) -> str:
    """What the service says in the body of an error: the fault, or the start of the text."""
    for pattern in _PARTS:
        if found := re.search(pattern, text, flags=re.DOTALL):
            return unescape(" ".join(found[1].split()))
    return " ".join(text.split())[:200] or "no words"
