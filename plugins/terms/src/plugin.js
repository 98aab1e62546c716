// Sells to some countries, not below a price, at a level or above. What the operator does not set is
// not looked at. A receipt of version 1 names no country: the operator sets that of each retailer.

import config from "colophon:host/config@1.0.0";
import log from "colophon:host/log@1.0.0";

import { objections, prices } from "./terms.js";
import { misfitting, optional, pairs, tested, text, told, whole } from "./told.js";

const REASON = { code: text, text };
const TERMS = {
  minProtection: text,
  maxDownloads: optional(whole),
  receiptLifetimeS: optional(whole),
  expiresAtMs: optional(whole),
  obligations: pairs,
};

// What is wrong with a verdict, or null.
function misfit(verdict) {
  const members = { allow: TERMS, deny: REASON }[verdict?.outcome?.tag];
  if (members === undefined) {
    return "its outcome has to be allow or deny";
  }
  const reasons = verdict.because.map((reason, at) => misfitting(REASON, reason, `because[${at}]`));
  return misfitting(members, verdict.outcome.val, "outcome.val") ?? reasons.find((wrong) => wrong !== null) ?? null;
}

export const policy = {
  evaluate: told((context, offer) => {
    const sale = { territory: context.territory, retailer: context.retailer, price: offer.price };
    const because = objections(sale, {
      territories: config.get("territories"),
      retailers: config.get("retailers"),
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
  }, misfit),
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

  selfTest: tested(() => {
    if (prices("EUR 499").get("EUR") !== 499n) {
      throw "a price was not read";
    }
  }),
};
