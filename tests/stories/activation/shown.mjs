// Goes through the pages in Chromium as a person does, with and without scripts, mostly by keyboard;
// has each page judged by axe and photographed. Prints one line of JSON at the end.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [home, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const found = { pages: 0, judged: 0, violations: [], messages: [] };

const form = (fields) => ({
  method: "POST",
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(fields).toString(),
});

async function reader() {
  const answer = await fetch(home + "/activation/device_authorization",
    form({ client_id: "colophon-reader", reader_version: "1.2.3" }));
  return answer.json();
}

async function activate(begun, letters) {
  const answer = await fetch(home + "/activation/token", form({
    grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: begun.device_code }));
  const { access_token } = await answer.json();
  const digest = (letter) => letter.repeat(42) + "A";
  const facts = { v: 1 };
  ["board", "system", "disk"].forEach((kind, n) => { facts[kind] = digest(letters[n]); });
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer " + access_token },
    body: JSON.stringify({ v: 1, facts, reader_product: "colophon-reader 1.2.3" }),
  };
  // A host that has just begun has no key pairs yet, and asks for patience.
  for (const until = Date.now() + 60000; ;) {
    const done = await fetch(home + "/activation/activations", request);
    await done.arrayBuffer();
    if (done.status !== 503 || Date.now() > until) return done.status;
  }
}

async function person(browser, name, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  // A status of 404 or 422 is told as a message, and is what was wanted.
  page.on("console", (message) => {
    if (!message.text().startsWith("Failed to load resource")) found.messages.push(message.text());
  });
  page.on("pageerror", (error) => found.messages.push(String(error)));
  let number = 0;

  const look = async (what, heading) => {
    await page.getByRole("heading", { level: 1, name: heading }).waitFor({ timeout: 20000 });
    number += 1;
    found.pages += 1;
    const file = `${folder}/${name}-${String(number).padStart(2, "0")}-${what}.png`;
    await page.screenshot({ path: file, fullPage: true });
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (overflow > 0) found.violations.push({ what, id: "wider-than-the-screen", overflow });
    if (options.javaScriptEnabled === false) return;
    await page.evaluate(axe);
    const judged = await page.evaluate(() => axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
    found.judged += 1;
    for (const violation of judged.violations) {
      found.violations.push({ what, id: violation.id, help: violation.help,
        nodes: violation.nodes.map((node) => node.html) });
    }
  };
  // Moves with the Tab key to what has this role and name, as somebody without a mouse does.
  const tab = async (role, name) => {
    const wanted = page.getByRole(role, { name });
    for (let n = 0; n < 40; n += 1) {
      if (await wanted.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`no ${role} ${name} within reach of the keyboard at ${page.url()}`);
  };
  const press = async (role, name) => {
    await tab(role, name);
    await page.keyboard.press("Enter");
  };
  const type = async (label, text) => {
    await tab("textbox", label);
    await page.keyboard.press("Control+A");
    await page.keyboard.type(text);
  };

  const first = await reader();
  await page.goto(first.verification_uri_complete);
  await look("enter", "Activate a device");
  await press("button", "Continue");
  await look("sign-in", "Sign in");
  await press("link", "Create an account");
  await look("sign-up", "Create an account");
  const password = async (text) => {
    await page.getByLabel("Password").focus();
    await page.keyboard.type(text);
  };
  await type("Your name", "Ada Lovelace");
  await type("User name", "a b");
  await type("E-mail address", "ada@people.example");
  await password("short");
  await page.keyboard.press("Enter");
  await page.getByText("Choose 3 to 32").waitFor();
  await look("sign-up-again", "Create an account");
  await type("User name", name);
  await password("four plain words here");
  await page.keyboard.press("Enter");
  await look("approve", "Is this your device?");
  await type("Name of the device", "Ada’s laptop");
  await press("button", "Approve");
  await look("progress", "Waiting for your reader");
  const status = await activate(first, "abc");
  if (status !== 200) throw new Error("not activated: " + status);
  // The page looks again by itself.
  await look("done", "Congratulations!");
  await press("link", "See your devices");
  await look("me", "Your devices");

  for (const letters of ["def", "ghi", "jkl", "mno"]) {
    const next = await reader();
    await page.goto(`${home}/activation/approve?user_code=${next.user_code}`);
    await type("Name of the device", "Device " + letters);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Waiting for your reader" }).waitFor();
    const done = await activate(next, letters);
    if (done !== 200) throw new Error(`${letters} was not activated: ${done}`);
  }
  const sixth = await reader();
  await page.goto(`${home}/activation/approve?user_code=${sixth.user_code}`);
  await type("Name of the device", "One too many");
  await press("button", "Approve");
  await page.getByRole("heading", { level: 1, name: "Waiting for your reader" }).waitFor();
  const refusal = await activate(sixth, "xyz");
  if (refusal !== 403) throw new Error("a sixth device was answered with " + refusal);
  await look("limit", "No activation is left right now");
  await press("link", "See your devices");
  await look("me-full", "Your devices");
  await press("button", "Release Ada’s laptop");
  await look("release", "Release Ada’s laptop?");
  await press("button", "Release it");
  await look("me-released", "Your devices");

  await page.goto(home + "/activation");
  await type("Code", "BCDF-GHJK");
  await page.keyboard.press("Enter");
  await page.getByText("No reader waits with this code").waitFor();
  await look("enter-again", "Activate a device");
  const refused = await reader();
  await page.goto(`${home}/activation/approve?user_code=${refused.user_code}`);
  await press("button", "This is not my device");
  await look("denied", "The device was refused");
  await press("button", "Sign out");
  await look("signed-out", "Activate a device");
  await page.goto(home + "/activation/sign-in");
  await type("User name", name);
  await password("not the password");
  await page.keyboard.press("Enter");
  await page.getByText("do not belong together").waitFor();
  await look("sign-in-again", "Sign in");
  await press("link", "Forgot your password?");
  await look("reset", "Reset your password");
  await type("User name", name);
  await page.keyboard.press("Enter");
  await look("reset-sent", "Look into your mail");
  await page.goto(home + "/activation/reset/choose?reset=x");
  await look("reset-over", "This link is over");
  await context.close();
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  await person(browser, "desk", { viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  await person(browser, "phone", { viewport: { width: 320, height: 640 }, colorScheme: "dark",
    isMobile: true, hasTouch: true, javaScriptEnabled: false });
  await person(browser, "night", { viewport: { width: 390, height: 800 }, colorScheme: "dark",
    reducedMotion: "reduce" });
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
