"""The rule: where a publisher's books stand."""

import re
from typing import Optional


def path(id_type: str, id: str, prefix: str) -> Optional[str]:
    """The folder of an ISBN that begins with the publisher's prefix: `isbn/978316/9783161484100`.

    None if it is another publisher's, or no ISBN at all.
    """
    if id_type.upper() != "ISBN":
        return None
    isbn = re.sub("[- ]", "", id)
    if not is_isbn(isbn) or not isbn.startswith(prefix):
        return None
    return f"isbn/{prefix}/{isbn}"


def is_isbn(text: str) -> bool:
    """Thirteen digits, of which the last is right for the others."""
    if not re.fullmatch("[0-9]{13}", text):
        return False
    return sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(text)) % 10 == 0


def self_test() -> Optional[str]:
    """The rule on an example, for the host: what is wrong, or None."""
    found = path("ISBN", "978-3-16-148410-0", "978316")
    return None if found == "isbn/978316/9783161484100" else f"an ISBN led to {found}"
