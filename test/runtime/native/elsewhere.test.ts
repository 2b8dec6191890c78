/** `#native-device`: what stands for the native device where the host is not Node has its shape, and starts nothing. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as elsewhere from "../../../src/runtime/native/elsewhere.ts";
import * as inNode from "../../../src/runtime/native/node/machine.ts";

/** Types are taken from the one elsewhere, so the compiler proves here that Node's fits. */
const start: typeof elsewhere.startNativeDevice = inNode.startNativeDevice;

/** Files by condition, for each name that package.json gives in `imports`. */
type Imports = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

function importsOf(path: string): Imports {
  const text = readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
  return (JSON.parse(text) as { imports: Imports }).imports;
}

test("elsewhere there is a reason, in Node what starts it", () => {
  expect(elsewhere.startNativeDevice({})).toBe("it is for Node");
  expect(start).toBe(inNode.startNativeDevice);
});

test("names of imports mean the same for the sources and for what is built of them", () => {
  const [ofSources, ofPackage] = [importsOf("src/package.json"), importsOf("package.json")];
  expect(Object.keys(ofPackage)).toEqual(Object.keys(ofSources));
  for (const [name, target] of Object.entries(ofSources)) {
    const { types: _, ...files } = typeof target === "string" ? { default: target } : target;
    const built = Object.entries(files).map(([condition, file]) => [
      condition,
      file.replace(/^\.\/(.*)\.ts$/, "./dist/$1.js"),
    ]);
    const found = ofPackage[name];
    // The order of conditions counts.
    expect(Object.entries(typeof found === "string" ? { default: found } : (found ?? {}))).toEqual(built);
  }
});
