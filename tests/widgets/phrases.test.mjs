// Every word that a view shows comes from one table. Run with: node --test tests/widgets/
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { PHRASES, count, digits, say } from "../../spatial_widgets/widgets/static/phrases.js";

const STATIC = new URL("../../spatial_widgets/widgets/static/", import.meta.url);
const MODULES = readdirSync(STATIC).filter((name) => name.endsWith(".js") && name !== "phrases.js");
const source = (name) => readFileSync(new URL(name, STATIC), "utf8");
const TOKENS = /^(ArrowUp|ArrowDown|PageUp|PageDown|Home|End|Enter|Escape|lost contact|as last seen|noopener noreferrer|(?:(?:, )?(?:button|input|select|textarea))+)$/; // keys, what rows say, a link, tags

/** The texts in a module that have words in them: no comment, no class names, no name of a phrase. */
function words(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[\s;])\/\/.*$/gm, "$1");
  const found = [...code.matchAll(/"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)];
  return found
    .map(([, double, single, template]) => double ?? single ?? template.replace(/\$\{[^}]*\}/g, "·"))
    .filter((literal) => !TOKENS.test(literal) && !/^(sw-[\w·-]+ ?)+$/.test(literal) && !literal.startsWith("./"))
    .filter((literal) => /[A-Za-z]{2,}[,.;:]? [A-Za-z]{2,}|^\W*[A-Z][a-z]+\b/.test(literal));
}

for (const name of MODULES) test(`${name} has no words of its own`, () => assert.deepEqual(words(source(name)), []));

test("a word outside the table is found, and what is no word is not", () => {
  const code = 'make("div", "sw-log sw-quiet", {}, "Cancel"); // Not This\nx = `${n} jobs are left`; say("job.cancel"); import "./Some.js";';
  assert.deepEqual(words(code), ["Cancel", "· jobs are left"]);
});

test("every name that is said is in the table", () => {
  for (const name of MODULES)
    for (const [, phrase] of source(name).matchAll(/\bsay\(\s*"([^"]+)"/g)) assert.ok(Object.hasOwn(PHRASES, phrase), `${name} says ${phrase}`);
});

test("a value is put in as it is, and a name that is not there is an error", () => {
  assert.equal(say("job.url", { url: "$& {url}" }), "Job URL: $& {url}");
  assert.throws(() => say("toString"), /no text is called toString/);
});

test("numbers of things read as people say them", () => {
  assert.deepEqual([0, 1, 1234].map((n) => count("job", n)), ["0 jobs", "1 job", "1,234 jobs"]);
  assert.equal(digits(1234567), "1,234,567");
});
