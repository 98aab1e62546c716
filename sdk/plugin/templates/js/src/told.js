// What goes wrong in a rule, in its answer or in a call of the host becomes a failure that the host takes
// from a plug-in. Anything else that is thrown or returned ends the call with a trap, which says little and
// is a defect of the plug-in.

const FAILURES = ["not-found", "denied", "invalid", "unavailable", "internal"];

// Wraps a function that the host calls. `misfit` looks at what it returns and says what is wrong with it,
// or null.
export const told = (answer, misfit) => (...asked) => {
  let given;
  let problem;
  try {
    given = answer(...asked);
    problem = misfit(given);
  } catch (thrown) {
    throw failure(thrown);
  }
  if (problem !== null) {
    throw { tag: "internal", val: `the answer is none: ${problem}` };
  }
  return given;
};

// Wraps the self-test: what goes wrong in it is told in words, and keeps the plug-in out.
export const tested = (test) => () => {
  try {
    test();
  } catch (thrown) {
    throw typeof thrown === "string" ? thrown : String(failure(thrown).val);
  }
};

// What was thrown as a failure of the contract.
export function failure(thrown) {
  // A call of the host that failed throws an `Error`; its `payload` is the interface's own error.
  const { tag, val } = thrown?.payload ?? {};
  if (tag !== undefined) {
    const away = tag === "unavailable" || tag === "timeout";
    return { tag: away ? "unavailable" : "internal", val: `a call of the host failed: ${tag} ${val ?? ""}` };
  }
  if (thrown instanceof Error) {
    return { tag: "internal", val: `${thrown.message} ${thrown.stack}` };
  }
  const texts = thrown?.tag === "other" ? thrown.val : [thrown?.val];
  const known = thrown?.tag === "other" ? texts?.length === 2 : FAILURES.includes(thrown?.tag);
  if (known && texts.every((text) => typeof text === "string")) {
    return thrown;
  }
  return { tag: "internal", val: `a rule threw ${JSON.stringify(thrown)}, which is no failure` };
}

// What a member may be. A whole number is a plain one: the engine gives up on a BigInt.
export const text = (value) => typeof value === "string";
export const whole = (value) => Number.isSafeInteger(value) && value >= 0;
export const bytes = (value) => value instanceof Uint8Array;
export const pairs = (value) => Array.isArray(value) && value.every((pair) => pair?.length === 2 && pair.every(text));
export const optional = (fits) => (value) => value === null || value === undefined || fits(value);

// The first member of an object that is not what it has to be, or null.
export function misfitting(members, value, place) {
  if (typeof value !== "object" || value === null) {
    return `${place} is no object`;
  }
  const wrong = Object.keys(members).find((name) => !members[name](value[name]));
  return wrong === undefined ? null : `${place}.${wrong} cannot be ${String(value[wrong])}`;
}
