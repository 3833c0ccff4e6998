"""How persons, questions and options are put into text for a language model."""

from collections.abc import Mapping

from personas.question import Question

PROMPT_VERSION = "1"


def attribute_text(name: str) -> str:
    """One attribute up to the point where its value begins, as the factored model reads it."""
    return f"Survey respondent: {name.replace('_', ' ')}:"


def value_text(value: str) -> str:
    """A value as it continues ``attribute_text``."""
    return f" {value}."


def person_text(attributes: Mapping[str, str]) -> str:
    """A person as the shared beginning of a prompt; an empty persona gets the bare instruction."""
    facts = "".join(f"\n- {name.replace('_', ' ')}: {value}" for name, value in attributes.items())
    about = f"This is what is known of a person:{facts}\n" if facts else ""
    return f"{about}The person is asked questions in a survey and answers each one truthfully.\n"


def question_text(question: Question) -> str:
    """A question up to the point where the answer begins."""
    return asked_text(question.text)


def asked_text(text: str) -> str:
    """What is asked, up to the point where the answer begins: of closed and open questions alike."""
    return f"\nQuestion: {text}\nAnswer:"


def option_text(option: str) -> str:
    """An option as it continues ``question_text``."""
    return f" {option}"
