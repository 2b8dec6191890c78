/** Every elementwise record of the table: its lowering, run instruction by instruction, against its reference. */
import { describe, expect, test } from "vitest";
import { type Dtype, allocate, dtypes, isFloating } from "../../src/base/dtype.ts";
import type { HostTensor, OpDef, SampleRange } from "../../src/ir/op.ts";
import { ScalarBuilder } from "../../src/ir/scalar.ts";
import type { Value } from "../../src/ir/value.ts";
import { kit } from "../../src/ops/kit.ts";
import { table } from "../../src/ops/table.ts";
import { float32Bound } from "./bounds.ts";
import { inputScalar, interpret } from "./scalar-interpreter.ts";
import { ulpError } from "./ulp.ts";

const { cast, ...single } = table;
const records: readonly OpDef[] = [...Object.values(single), ...Object.values(cast)];
const elementwise = records.filter((op) => op.kind === "elementwise");

const edges: Readonly<Record<Dtype, readonly number[]>> = {
  float32: withNegatives([Number.NaN, Infinity, 0, 2 ** -149, 1e-40, 2 ** -126, 2 ** 128 - 2 ** 104, ...ordinary()]),
  float64: withNegatives([Number.NaN, Infinity, 0, 5e-324, 1e-310, 2 ** -1022, Number.MAX_VALUE, ...ordinary()]),
  int32: [0, 1, -1, 2, -2, 3, -7, 31, 32, 33, 255, 256, -256, 65537, 123456789, 2147483647, -2147483647, -2147483648],
  uint8: [0, 1, 2, 3, 7, 31, 32, 127, 128, 200, 254, 255],
  bool: [0, 1],
};

function ordinary(): number[] {
  return [1e-8, 0.3, 0.5, 1, 1.5, 2, 2.5, 3, 7, 20, 100, 127.5, 300, 65537, 2 ** 24 + 2, 1e10, 2 ** 31, 2 ** 32, 1e30];
}

function withNegatives(numbers: readonly number[]): number[] {
  return [...numbers, ...numbers.map((x) => -x)];
}

/** A repeatable stream of numbers in [0, 1): multiples of the golden ratio. */
function* fractions(): Generator<number, never> {
  for (let i = 1; ; i++) yield (i * 0.6180339887498949) % 1;
}

function inputDtypes(op: OpDef, dtype: Dtype): Dtype[] {
  const count = (op.scalar as NonNullable<OpDef["scalar"]>).length;
  return Array.from({ length: count }, (_, i) => (op === table.where && i === 0 ? "bool" : dtype));
}

/** Whether the record takes inputs of this dtype, as its own check says. */
function accepts(op: OpDef, dtype: Dtype): boolean {
  const values = inputDtypes(op, dtype).map((d) => kit.full([1], 0, d));
  try {
    op.infer(values, {});
    return true;
  } catch (error) {
    if (!String(error).includes(`internal: ${op.name} of ${dtype}`)) throw error;
    return false;
  }
}

/** Every combination of edge values, then samples from the record's own ranges. */
function columns(op: OpDef, inputs: readonly Dtype[]): number[][] {
  let rows: number[][] = [[]];
  for (const dtype of inputs) rows = rows.flatMap((row) => edges[dtype].map((x) => [...row, x]));
  const random = fractions();
  const range = op.sample as SampleRange | readonly SampleRange[];
  for (let n = 0; n < 500; n++) {
    rows.push(
      inputs.map((dtype, i) => {
        const { from, to } = (Array.isArray(range) ? range[i] : range) as SampleRange;
        const x = random.next().value;
        if (dtype === "bool") return x < 0.5 ? 0 : 1;
        if (isFloating(dtype)) return from + (to - from) * x;
        return dtype === "uint8" ? Math.floor(x * 256) : Math.floor((x - 0.5) * 2 ** 32);
      }),
    );
  }
  return inputs.map((_, i) => rows.map((row) => row[i] as number));
}

function hostTensor(dtype: Dtype, elements: ArrayLike<number> | number): HostTensor {
  const size = typeof elements === "number" ? elements : elements.length;
  const data = allocate(dtype, size);
  if (typeof elements !== "number") data.set(elements);
  return { shape: [size], dtype, data };
}

describe.each(elementwise)("$name", (op) => {
  const scalar = op.scalar as (...x: number[]) => number;
  const lower = op.lower as NonNullable<OpDef["lower"]>;

  test("says what it is", () => {
    expect(op.doc.length).toBeGreaterThan(2);
    expect(op.doc).not.toMatch(/[.\n]$/);
    expect(op.cost).toBeGreaterThan(0);
    expect(op.vjp === null || typeof op.vjp === "function").toBe(true);
  });

  test.each(dtypes.filter((dtype) => accepts(op, dtype)))("its lowering is its reference in %s", (dtype) => {
    const ins = inputDtypes(op, dtype);
    const values: Value[] = ins.map((d) => kit.full([1], 0, d));
    const out = op.infer(values, {}).dtype;
    const s = new ScalarBuilder();
    const root = lower(
      s,
      ins.map((d, i) => inputScalar(s, d, i)),
      out,
    );
    expect(root.dtype).toBe(out);

    const tensors = columns(op, ins).map((column, i) => hostTensor(ins[i] as Dtype, column));
    const size = (tensors[0] as HostTensor).data.length;
    const got = interpret(
      root,
      tensors.map((x) => x.data),
    );
    const stored = hostTensor(out, size);
    op.evaluate(stored, tensors, {});

    const wrong: string[] = [];
    for (let i = 0; i < size; i++) {
      const x = tensors.map((t) => t.data[i] as number);
      const y = got[i] as number;
      let right: boolean;
      if (out === "float32" || out === "float64") {
        const exact = isFloating(dtype) ? scalar(...x) : (stored.data[i] as number);
        const bound = out === "float32" ? float32Bound(op.name) : op === table.sigmoid ? 2 : 0;
        right = exact === 0 && y === 0 ? Object.is(y, exact) : ulpError(out, y, exact) <= bound;
      } else {
        right = y === stored.data[i];
      }
      if (!right) wrong.push(`${op.name}(${x.join(", ")}) = ${y}, not ${stored.data[i]}`);
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});

test("there is a record for each elementwise operation that rules and methods name", () => {
  const names = elementwise.map((op) => op.name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(60);
});
