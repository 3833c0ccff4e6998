"""Presidio as a further recogniser behind the gate; the extra ``mirrorpanel[presidio]``, imported late."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from grounding.privacy.pii import Find
from personas.errors import DataError

KINDS: Mapping[str, str] = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "card number",
    "IP_ADDRESS": "ip address",
    "MAC_ADDRESS": "mac address",
    "US_SSN": "social security number",
    "UK_NINO": "social security number",
    "UK_NHS": "health insurance number",
    "US_BANK_NUMBER": "bank account",
    "US_PASSPORT": "identity document number",
    "US_DRIVER_LICENSE": "identity document number",
    "US_ITIN": "tax number",
    "PERSON": "name",
}


class Presidio:
    """Microsoft Presidio's analyser as a ``Recogniser``.

    Args:
        languages: languages in which each text is analysed.
        analyser: an ``AnalyzerEngine`` for these languages.
        threshold: the least score (0 to 1) of a result that counts.
    """

    def __init__(self, languages: Sequence[str], analyser: Any, threshold: float = 0.5) -> None:
        self.languages = tuple(languages)
        self.threshold = threshold
        self._analyser = analyser

    @staticmethod
    def of(models: Mapping[str, str]) -> "Presidio":
        """Presidio with a spaCy model for each language, such as ``{"de": "de_core_news_lg"}``.

        Raises:
            DataError: Presidio, or a model, is not installed.
        """
        return Presidio(tuple(models), _engine(models))

    def find(self, text: str) -> Iterator[Find]:
        """Presidio's results of the kinds that the gate knows, at or above the threshold."""
        for language in self.languages:
            for result in self._analyser.analyze(text=text, language=language, entities=list(KINDS)):
                if result.score >= self.threshold and result.entity_type in KINDS:
                    yield Find(KINDS[result.entity_type], int(result.start), int(result.end))


def _engine(models: Mapping[str, str]) -> Any:
    try:
        presidio: Any = import_module("presidio_analyzer")
        engines: Any = import_module("presidio_analyzer.nlp_engine")
        spacy: Any = import_module("spacy")
    except ImportError:
        raise DataError(
            "masking.presidio: Presidio is not installed; run: pip install 'mirrorpanel[presidio]' "
            "(without the key the gate works with its own recognisers)"
        ) from None
    # Presidio would try to download a model that is absent.
    absent = next((model for model in models.values() if not spacy.util.is_package(model)), None)
    if absent is not None:
        raise DataError(
            f"masking.presidio: the spaCy model {absent!r} is not installed; run: python -m spacy download "
            f"{absent}, or name one that is: {', '.join(sorted(spacy.util.get_installed_models())) or 'none'}"
        )
    named = [{"lang_code": language, "model_name": model} for language, model in models.items()]
    provider = engines.NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": named})
    return presidio.AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=list(models))
