// Sells to some countries, not below a price, at a level or above. What the operator does not set is
// not looked at.

import config from "colophon:host/config@1.0.0";
import log from "colophon:host/log@1.0.0";

import { objections, prices } from "./terms.js";

// What a rule throws by mistake becomes a failure that says where, and not a trap that does not.
const told = (answer) => (...asked) => {
  try {
    return answer(...asked);
  } catch (thrown) {
    if (thrown instanceof Error) {
      throw { tag: "internal", val: `${thrown.message} ${thrown.stack}` };
    }
    throw thrown;
  }
};

export const policy = {
  evaluate: told((context, offer) => {
    const sale = { territory: context.territory, price: offer.price };
    const because = objections(sale, {
      territories: config.get("territories"),
      prices: config.get("prices"),
    });
    if (because.length > 0) {
      log.write("info", "a sale is denied", [["code", because[0].code]]);
      return { outcome: { tag: "deny", val: because[0] }, because };
    }
    const terms = {
      minProtection: config.get("level") ?? "",
      maxDownloads: null,
      receiptLifetimeS: null,
      expiresAtMs: null,
      obligations: [],
    };
    return { outcome: { tag: "allow", val: terms }, because: [] };
  }),
};

export const plugin = {
  describe() {
    return {
      name: "terms",
      version: "0.1.0",
      sdk: "componentize-qjs 0.4.5",
      minHost: "1.0.0",
      needs: [],
      extra: [],
    };
  },

  selfTest() {
    if (prices("EUR 499").get("EUR") !== 499n) {
      throw "a price was not read";
    }
  },
};
