import assert from "node:assert/strict";
import { test } from "node:test";

import { country, objections, prices } from "../src/terms.js";

const codes = (sale, settings) => objections(sale, settings).map((reason) => reason.code);

test("what is not set is not looked at", () => {
  assert.deepEqual(codes({ territory: null, price: null }, {}), []);
});

test("countries", () => {
  const settings = { territories: "DE AT" };
  assert.deepEqual(codes({ territory: "AT", price: null }, settings), []);
  assert.deepEqual(codes({ territory: "US", price: null }, settings), ["territory"]);
  assert.deepEqual(codes({ territory: null, price: null }, settings), ["territory-unknown"]);
});

test("a retailer's country counts where the sale names none", () => {
  const settings = { territories: "DE AT", retailers: "bookshop=DE usbooks=US" };
  const sold = (retailer, territory) => ({ territory, retailer, price: null });
  assert.deepEqual(codes(sold("bookshop", null), settings), []);
  assert.deepEqual(codes(sold("usbooks", null), settings), ["territory"]);
  assert.deepEqual(codes(sold("usbooks", "AT"), settings), []);
  assert.deepEqual(codes(sold("bookshop", "US"), settings), ["territory"]);
  assert.deepEqual(codes(sold("other", null), settings), ["territory-unknown"]);
});

test("countries of retailers that mean nothing are refused", () => {
  for (const wrong of ["bookshop", "bookshop=de", "=DE", "a=DE=AT", "bookshop= DE"]) {
    assert.throws(() => country(wrong, "bookshop"), (thrown) => thrown.tag === "invalid");
  }
});

test("prices", () => {
  const settings = { prices: "EUR 499 USD 599" };
  const paid = (minor, currency) => ({ territory: null, price: { minor, currency } });
  assert.deepEqual(codes(paid(499, "EUR"), settings), []);
  assert.deepEqual(codes(paid(598, "USD"), settings), ["price"]);
  assert.deepEqual(codes(paid(9999, "JPY"), settings), ["currency"]);
});

test("prices that mean nothing are refused", () => {
  for (const wrong of ["EUR", "499 EUR", "EUR 4.99", "eur 499", "EUR -1"]) {
    assert.throws(() => prices(wrong), (thrown) => thrown.tag === "invalid");
  }
});
