/** Text for elements. Floor: base. */
import type { Dtype, TypedArray } from "./dtype.ts";
import { isFloating } from "./dtype.ts";

const edge = 3;
const most = 1000;

/** Nested brackets, long dims shortened in the middle, as NumPy prints. */
export function printElements(data: TypedArray, shape: readonly number[], dtype: Dtype): string {
  const shorten = data.length > most;
  const text = (x: number): string => {
    if (dtype === "bool") return x !== 0 ? "true" : "false";
    if (!isFloating(dtype)) return String(x);
    if (x !== x) return "NaN";
    return Number.isInteger(x) && Math.abs(x) < 1e6 ? `${x}.` : String(Number(x.toPrecision(5)));
  };
  const level = (dim: number, start: number, stride: number, indent: string): string => {
    if (dim === shape.length) return text(data[start] as number);
    const extent = shape[dim] as number;
    const inner = extent === 0 ? 0 : stride / extent;
    const parts: string[] = [];
    for (let i = 0; i < extent; i++) {
      if (shorten && extent > 2 * edge && i === edge) {
        parts.push("...");
        i = extent - edge - 1;
        continue;
      }
      parts.push(level(dim + 1, start + i * inner, inner, `${indent} `));
    }
    return dim === shape.length - 1 ? `[${parts.join(", ")}]` : `[${parts.join(`,\n${indent} `)}]`;
  };
  return level(0, 0, data.length, "");
}
