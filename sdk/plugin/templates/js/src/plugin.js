// Resolves the ISBNs of one publisher to folders of a content store.
//
// Here is what the host asks and how it is answered; the rule itself is in shelf.js, which knows
// nothing of a host and is tested by `npm test` like any other JavaScript.

import config from "colophon:host/config@1.0.0";
import log from "colophon:host/log@1.0.0";

import { path, selfTest } from "./shelf.js";
import { bytes, misfitting, optional, pairs, tested, text, told, whole } from "./told.js";

// What a location has to be; see wit/deps/types/common.wit.
const LOCATION = { root: text, path: text, sha256: optional(bytes), size: optional(whole), extra: pairs };

// What is wrong with an answer, or null.
function misfit(answer) {
  switch (answer?.tag) {
    case "not-mine":
      return null;
    case "found":
      return misfitting(LOCATION, answer.val, "val");
    default:
      return 'it has to be { tag: "found", val: … } or { tag: "not-mine" }';
  }
}

// A record is an object, a variant `{ tag, val }`, an absent option `null`, a list of pairs an array of
// arrays. Failures are thrown.
export const resolver = {
  resolve: told((context, book, hint) => {
    // What the center's operator has set for this plug-in.
    const prefix = config.get("prefix");
    if (prefix === null) {
      throw { tag: "not-found", val: "the setting `prefix` is missing" };
    }
    const folder = path(book.idType, book.id, prefix);
    if (folder === null) {
      // Not an error: the next plug-in of the center is asked.
      log.write("debug", "not one of ours", []);
      return { tag: "not-mine" };
    }
    const root = config.get("root") ?? "main";
    return { tag: "found", val: { root, path: folder, sha256: null, size: null, extra: [] } };
  }, misfit),
};

export const plugin = {
  describe() {
    return {
      name: "my-plugin",
      version: "0.1.0",
      sdk: "componentize-qjs 0.4.5",
      minHost: "1.0.0",
      needs: [],
      extra: [],
    };
  },

  // Run by the host before it takes the plug-in; what is thrown keeps it out.
  selfTest: tested(() => {
    const problem = selfTest();
    if (problem !== null) {
      throw problem;
    }
  }),
};
