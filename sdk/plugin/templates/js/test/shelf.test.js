import assert from "node:assert/strict";
import { test } from "node:test";

import { path, selfTest } from "../src/shelf.js";

test("an ISBN of the publisher has a folder", () => {
  assert.equal(path("ISBN", "9783161484100", "978316"), "isbn/978316/9783161484100");
  assert.equal(path("isbn", "978-3-16-148410-0", "978316"), "isbn/978316/9783161484100");
});

test("others have none", () => {
  for (const id of ["9780306406157", "9783161484109", "", "../../etc/passwd"]) {
    assert.equal(path("ISBN", id, "978316"), null);
  }
  assert.equal(path("DOI", "9783161484100", "978316"), null);
});

test("the self-test passes", () => {
  assert.equal(selfTest(), null);
});
