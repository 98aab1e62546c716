"""The rule: `Der Prozess (German, 2nd edition) - Franz Kafka`."""

from typing import Dict, Optional

LANGUAGES = {
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "zh": "Chinese",
}


def name(facts: Dict[str, str], edition: Optional[int]) -> str:
    """What the file is called: the retailer's wish first."""
    if facts.get("file-name"):
        return facts["file-name"]
    title = facts.get("title") or facts["book-id"]
    remarks = []
    language = language_of(facts.get("language", ""))
    if language:
        remarks.append(language)
    if edition is not None and edition > 1:
        remarks.append(f"{ordinal(edition)} edition")
    if remarks:
        title += f" ({', '.join(remarks)})"
    if facts.get("authors"):
        title += f" - {facts['authors']}"
    return title


def language_of(tag: str) -> Optional[str]:
    """The name of a language that is worth telling: English is what most titles here are in."""
    primary = tag.split("-")[0].lower()
    if primary in ("", "en", "und", "mul", "zxx"):
        return None
    return LANGUAGES.get(primary, primary)


def ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def self_test() -> Optional[str]:
    """The rule on an example, for the host: what is wrong, or None."""
    found = name({"title": "Der Prozess", "language": "de", "authors": "Franz Kafka"}, 2)
    expected = "Der Prozess (German, 2nd edition) - Franz Kafka"
    return None if found == expected else f"a title is called {found}"
