/**
 * Errors of functions in float32, in units of the last place, against float64, over all 2³² bit patterns (some minutes
 * a function) or one in so many: `npx tsx scripts/ulp.ts [--device wasm] [--every 1] [name ...]`. It writes no file.
 */
import { parseArgs } from "node:util";
import { table } from "../src/ops/table.ts";
import { tensor } from "../src/tensor/creation.ts";
import { setDefaultDevice } from "../src/tensor/engines.ts";
import { ulpError } from "../test/ops/ulp.ts";

const names = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sigmoid", "tanh", "erf", "sin", "cos", "tan"];
const rising = new Set(["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sigmoid", "tanh", "erf"]);
const block = 1 << 20;

type Name = "exp" | "erf";

/** The results for a block, without leaving its tensors behind. */
async function resultOf(name: string, x: Float32Array): Promise<Float32Array> {
  const input = tensor(x);
  const output = input[name as Name]();
  const data = (await output.data()) as Float32Array;
  input.dispose();
  output.dispose();
  return data;
}

async function measure(name: string, every: number): Promise<string> {
  const exactOf = table[name as Name].scalar as (x: number) => number;
  const x = new Float32Array(block);
  const bits = new Uint32Array(x.buffer);
  let [worst, place, unlike, count, falls] = [0, 0, 0, 0, 0];
  for (let from = 0; from < 2 ** 32; from += block * every) {
    const size = Math.min(block, Math.ceil((2 ** 32 - from) / every));
    for (let i = 0; i < size; i++) bits[i] = from + i * every;
    const y = await resultOf(name, x);
    let before = Number.NaN;
    for (let i = 0; i < size; i++) {
      const got = y[i] as number;
      const exact = exactOf(x[i] as number);
      // Behind 2³¹ the bit patterns are those of negative numbers, which go down.
      if ((bits[i] as number) < 2 ** 31 ? got < before : got > before) falls++;
      before = got;
      if (Object.is(got, Math.fround(exact))) continue;
      unlike++;
      const error = got === exact ? Infinity : ulpError("float32", got, exact);
      if (error > worst) [worst, place] = [error, x[i] as number];
    }
    count += size;
  }
  const share = `${((100 * unlike) / count).toFixed(2)}%`;
  const steps = rising.has(name) ? String(falls) : "";
  return [name.padEnd(9), worst.toFixed(3).padEnd(9), String(place).padEnd(25), share.padEnd(13), steps].join(" ");
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { device: { type: "string", default: "wasm" }, every: { type: "string", default: "1" } },
});
setDefaultDevice(values.device as "wasm");
console.log("function  max ulp   at                        not nearest   steps that fall");
for (const name of positionals.length > 0 ? positionals : names) console.log(await measure(name, Number(values.every)));
