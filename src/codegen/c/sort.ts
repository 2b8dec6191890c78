/**
 * Positions in sorted order, row by row: a stable merge sort of positions, from short runs that are sorted by insertion,
 * between the result and a scratch row. A unit is a row. Floor: codegen.
 *
 * Arguments: address of the elements, of the positions, of the scratch (as large as the positions), elements of a row.
 */
import { itemSize } from "../../base/dtype.ts";
import type { SortKernel } from "../../schedule/kernel.ts";
import type { LoopArgumentWriter } from "../loop-arguments.ts";
import { elementType } from "./scalar.ts";

export function writeSortArguments(kernel: SortKernel, writer: Pick<LoopArgumentWriter, "word" | "address">): void {
  for (let buffer = 0; buffer < 3; buffer++) writer.address(buffer, 0);
  writer.word(kernel.length);
}

export function sortUnits(kernel: SortKernel): number {
  return kernel.length === 0 ? 0 : kernel.rows;
}

export function sortSource({ dtype, descending }: Pick<SortKernel, "dtype" | "descending">, name: string): string {
  const element = elementType(dtype);
  const isFloat = dtype === "float32" || dtype === "float64";
  const [first, second] = descending ? ["y", "x"] : ["x", "y"];
  // Whether y comes before x; equal ones keep their order. NaN counts as the largest.
  const less = `${second} < ${first}`;
  const before = isFloat ? `${less} || (${first} != ${first} && ${second} == ${second})` : less;
  return `static inline int ${name}_before(const ${element} *row, i32 b, i32 a) {
  const ${element} x = row[a], y = row[b];
  return ${before};
}
void ${name}(const int64_t *args, int64_t from, int64_t to, char *workspace) {
  const int64_t length = args[3];
  for (int64_t unit = from; unit < to; unit++) {
    const ${element} *row = (const ${element} *)(args[0] + unit * length * ${itemSize[dtype]});
    i32 *out = (i32 *)(args[1] + unit * length * 4);
    i32 *other = (i32 *)(args[2] + unit * length * 4);
    for (int64_t run = 0; run < length; run += 8) {
      const int64_t end = least(run + 8, length);
      for (int64_t i = run; i < end; i++) {
        int64_t at = i;
        for (; at > run && ${name}_before(row, (i32)i, out[at - 1]); at--) out[at] = out[at - 1];
        out[at] = (i32)i;
      }
    }
    i32 *source = out, *target = other;
    for (int64_t width = 8; width < length; width *= 2) {
      for (int64_t left = 0; left < length; left += 2 * width) {
        const int64_t middle = least(left + width, length), right = least(middle + width, length);
        int64_t a = left, b = middle, at = left;
        while (a < middle && b < right) {
          if (${name}_before(row, source[b], source[a])) target[at++] = source[b++];
          else target[at++] = source[a++];
        }
        while (a < middle) target[at++] = source[a++];
        while (b < right) target[at++] = source[b++];
      }
      i32 *swap = source;
      source = target;
      target = swap;
    }
    if (source != out) __builtin_memcpy(out, source, 4 * length);
  }
}
`;
}
