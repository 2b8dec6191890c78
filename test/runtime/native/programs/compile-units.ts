/**
 * `compile-units COUNT`: compiles as many units, calls the function of each, and prints the sum of what they gave and
 * the notes of the report. Exit code 2 with the reason where there is no native machine.
 */
import process from "node:process";
import { startNative } from "../../../../src/runtime/native/node/library.ts";
import { commandWords, runWords } from "../words.ts";

const started = startNative();
if ("reason" in started) {
  console.log(started.reason);
  process.exit(2);
}
const { library } = started;
const numbers = Array.from({ length: Number(process.argv[2]) }, (_, i) => i + 1);
const units = numbers.map((i) => ({
  // Long enough that a kill comes while it is compiled.
  source: `${Array.from({ length: 60 }, (_, f) => `long f${f}(long x) { return x * ${f} + (x >> ${i}); }`).join("\n")}
void give(const long *args, long from, long to, char *workspace) { *(long *)args[0] += ${i}; }`,
  kind: "loops" as const,
  symbols: ["give"],
}));
const out = new BigInt64Array(1);
const loaded = library.compile(units);
const args = [library.addressOf(out)];
const commands = loaded.map(({ addresses }) => ({ call: addresses[0] as number, units: 1, chunk: 1, args }));
runWords(library, commandWords(commands.map((command) => ({ alone: true, commands: [command] }))));
console.log(JSON.stringify({ sum: Number(out[0]), report: library.report() }));
