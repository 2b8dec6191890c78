/** Cases of records that composites are made of: derivatives of their own, choices of the device, attention. */
import type { Value } from "../../../src/ir/value.ts";
import { derivative } from "../../../src/ops/derived.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import type { Case, Family, Input } from "./case.ts";
import { floats } from "./common.ts";

const shapes = [[], [7], [2, 3], [2, 0], [3, 1, 5]];

const square = derivative("square of the sweep", (k, g, [, x]) => [undefined, k.mul(k.mul(g, x as Value), 2)]);

export const derived: Family = {
  record: table.derived,
  dtypes: floats,
  tolerance: 4,
  cases: shapes.map((shape) => ({
    label: `[${shape.join()}]`,
    inputs: [{ shape }],
    build: (x) => kit.derived(kit.square(x as Value), [x as Value], square),
  })),
};

export const either: Family = {
  record: table.either,
  dtypes: floats,
  tolerance: 4,
  cases: shapes.map((shape) => ({
    label: `[${shape.join()}]`,
    inputs: [{ shape }],
    build: (x) => kit.apply(table.either, [kit.square(x as Value), kit.mul(x as Value, x as Value)]),
  })),
};

interface AttentionShape {
  readonly batch: readonly number[];
  readonly rows: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly causal?: boolean;
  readonly mask?: "bool" | "float32";
}

const attentionShapes: readonly AttentionShape[] = [
  { batch: [2], rows: 3, keys: 5, width: 4, valueWidth: 2 },
  { batch: [2, 2], rows: 5, keys: 5, width: 3, valueWidth: 3, causal: true },
  { batch: [], rows: 2, keys: 4, width: 1, valueWidth: 1, causal: true },
  { batch: [2], rows: 4, keys: 3, width: 2, valueWidth: 5, mask: "bool" },
  { batch: [1, 3], rows: 1, keys: 9, width: 2, valueWidth: 1, mask: "float32" },
  { batch: [1], rows: 40, keys: 70, width: 5, valueWidth: 3, causal: true, mask: "float32" },
];

function attentionCases(isGradient: boolean): Case[] {
  return attentionShapes.map(({ batch, rows, keys, width, valueWidth, causal = false, mask }, at) => {
    // Of numbers at the ends of a dtype the order of a sum could be seen.
    const input = (shape: readonly number[]): Input => ({
      shape: [...batch, ...shape],
      dtype: "float32",
      element: (random) => 2 * random() - 1,
    });
    const hidden: Input = { shape: [...batch, rows, keys], dtype: "bool", element: (random) => 2 * random() };
    const masks = mask === undefined ? [] : [mask === "bool" ? hidden : input([rows, keys])];
    const own = [input([rows, width]), input([keys, width]), input([keys, valueWidth])];
    const attrs = { scale: 0.7, causal };
    return {
      label: `${isGradient ? "gradients, " : ""}case ${at}`,
      inputs: [...own, ...masks, ...(isGradient ? [input([rows, valueWidth])] : [])],
      build(...x) {
        const made = kit.apply(table.attention, x.slice(0, 3 + masks.length), attrs);
        if (!isGradient) return made;
        const given = [...x.slice(0, 3), made, x.at(-1) as Value, ...x.slice(3, 3 + masks.length)];
        return kit.apply(table.attentionGradient, given, { ...attrs, parts: 1 + (at % 2) });
      },
    };
  });
}

const attentionFamily = { dtypes: ["float32"], tolerance: 64 } as const;

export const attention: Family = { ...attentionFamily, record: table.attention, cases: attentionCases(false) };
export const attentionGradient: Family = {
  ...attentionFamily,
  record: table.attentionGradient,
  cases: attentionCases(true),
};
