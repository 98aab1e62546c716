// The rule: where a publisher's books stand.

// The folder of an ISBN that begins with the publisher's prefix: `isbn/978316/9783161484100`. Null if
// it is another publisher's, or no ISBN at all.
export function path(idType, id, prefix) {
  if (idType.toUpperCase() !== "ISBN") {
    return null;
  }
  const isbn = id.replace(/[- ]/g, "");
  if (!isIsbn(isbn) || !isbn.startsWith(prefix)) {
    return null;
  }
  return `isbn/${prefix}/${isbn}`;
}

// Thirteen digits, of which the last is right for the others.
function isIsbn(text) {
  if (!/^[0-9]{13}$/.test(text)) {
    return false;
  }
  const sum = [...text].reduce((sum, digit, at) => sum + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return sum % 10 === 0;
}

// The rule on an example, for the host: what is wrong, or null.
export function selfTest() {
  const found = path("ISBN", "978-3-16-148410-0", "978316");
  return found === "isbn/978316/9783161484100" ? null : `an ISBN led to ${found}`;
}
