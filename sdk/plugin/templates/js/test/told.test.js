import assert from "node:assert/strict";
import { test } from "node:test";

import { failure, misfitting, optional, tested, text, told, whole } from "../src/told.js";

const thrown = (answer, misfit = () => null) => {
  try {
    return told(answer, misfit)();
  } catch (failure) {
    return failure;
  }
};

test("a failure of the contract goes out as it is", () => {
  for (const own of [{ tag: "not-found", val: "gone" }, { tag: "other", val: ["code", "text"] }]) {
    assert.deepEqual(thrown(() => { throw own; }), own);
  }
});

test("a call of the host that failed is a failure of the contract", () => {
  const refused = (payload) => failure(Object.assign(new Error("[object Object]"), { payload }));
  assert.deepEqual(refused({ tag: "unavailable", val: "down" }), {
    tag: "unavailable",
    val: "a call of the host failed: unavailable down",
  });
  assert.equal(refused({ tag: "timeout" }).tag, "unavailable");
  assert.equal(refused({ tag: "too-large" }).tag, "internal");
});

test("anything else that is thrown is told as a mistake", () => {
  assert.match(thrown(() => null.path).val, /null/);
  for (const wrong of ["text", { tag: "not-mine" }, { tag: "other", val: "text" }, undefined]) {
    assert.equal(thrown(() => { throw wrong; }).tag, "internal");
  }
});

test("what goes wrong in a self-test is told in words", () => {
  assert.doesNotThrow(tested(() => {}));
  const said = (test) => {
    try {
      tested(test)();
    } catch (thrown) {
      return thrown;
    }
  };
  assert.equal(said(() => { throw "no price"; }), "no price");
  assert.match(said(() => null.path), /null/);
});

test("a member that does not fit is named", () => {
  const members = { path: text, size: optional(whole) };
  assert.equal(misfitting(members, { path: "a", size: null }, "val"), null);
  assert.equal(misfitting(members, { path: "a", size: 7 }, "val"), null);
  assert.equal(misfitting(members, { path: "a", size: 7n }, "val"), "val.size cannot be 7");
  assert.equal(misfitting(members, { path: 42 }, "val"), "val.path cannot be 42");
  assert.equal(misfitting(members, "a", "val"), "val is no object");
  const failed = thrown(() => "not-mine", () => "a text");
  assert.deepEqual(failed, { tag: "internal", val: "the answer is none: a text" });
});
