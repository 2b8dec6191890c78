/**
 * Every scalar instruction and every cast in C on numbers at the edges: NaN, zeros, infinities, subnormals, ends of
 * integers. One vector and more, from an address that is no multiple of a vector. Skipped where there is no C compiler.
 */
import { describe, expect, test } from "vitest";
import { type Dtype, type TypedArray, allocate, dtypes } from "../../../src/base/dtype.ts";
import { hostFunctions } from "../../../src/base/host-functions.ts";
import { loopSource } from "../../../src/codegen/c/loops/loops.ts";
import type { CTarget } from "../../../src/codegen/c/target.ts";
import { type Arithmetic, type Scalar, ScalarBuilder, comparisons } from "../../../src/ir/scalar.ts";
import { table } from "../../../src/ops/table.ts";
import type { LoopKernel } from "../../../src/schedule/kernel.ts";
import { type CKernel, CMemory, compileKernels, runnableTargets } from "./compiler.ts";
import { type KernelCase, difference, interpretCase, runCase, whole } from "./run-kernel.ts";

const edges: Readonly<Record<Dtype, readonly number[]>> = {
  float32: [
    NaN,
    0,
    -0,
    Infinity,
    -Infinity,
    1,
    -1,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.3,
    -0.7,
    2 ** -149,
    -(2 ** -130),
    8388607.5,
    -8388609,
    2147483520,
    2147483648,
    -2147483648,
    -2147483904,
    3e9,
    255.9,
    256,
    1e30,
    -1e38,
    3.4028234663852886e38,
  ],
  float64: [
    NaN,
    0,
    -0,
    Infinity,
    -Infinity,
    1,
    -1,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.3,
    -0.7,
    5e-324,
    -1e-310,
    4503599627370495.5,
    2147483647.5,
    2147483648,
    -2147483648.5,
    -2147483649,
    255.9,
    1e300,
    -1e39,
    3.4028235677973366e38,
  ],
  int32: [0, 1, -1, 2, -2, 7, 31, 32, 33, -33, 255, 256, 65536, 2147483647, -2147483648, -2147483647, 123456789],
  uint8: [0, 1, 2, 7, 31, 32, 127, 128, 200, 254, 255],
  bool: [0, 1],
};

const floatArithmetic: readonly Arithmetic[] = [
  "add",
  "sub",
  "mul",
  "div",
  "neg",
  "abs",
  "min",
  "max",
  "sqrt",
  "floor",
  "ceil",
  "trunc",
  "round",
];
const integerArithmetic: readonly Arithmetic[] = [
  "add",
  "sub",
  "mul",
  "idiv",
  "irem",
  "abs",
  "neg",
  "min",
  "max",
  "and",
  "or",
  "xor",
  "not",
  "shl",
  "shr",
  "ushr",
];
const unary = new Set(["neg", "abs", "sqrt", "floor", "ceil", "trunc", "round", "not"]);

/** Instructions that are spelled in another way where an operand is a constant. */
const ofConstants = new Set<Arithmetic>(["min", "max", "shl", "shr", "ushr"]);

function arithmeticOf(dtype: Dtype): readonly Arithmetic[] {
  if (dtype === "float32" || dtype === "float64") return floatArithmetic;
  return dtype === "bool" ? ["and", "or", "xor", "min", "max"] : integerArithmetic;
}

type Compute = (s: ScalarBuilder, ...x: Scalar[]) => Scalar;

/** Computations from the same inputs. */
interface Group {
  readonly inputs: readonly (readonly [Dtype, readonly number[]])[];
  readonly computations: (readonly [label: string, compute: Compute])[];
}

/** Results that one kernel computes at most. */
const mostResults = 12;

/** A kernel that computes some results of its inputs, all of one length, with names for its buffers. */
function kernelsOf({ inputs, computations }: Group): { item: KernelCase; labels: readonly string[] }[] {
  if (computations.length > mostResults) {
    const halves = [computations.slice(0, mostResults), computations.slice(mostResults)];
    return halves.flatMap((half) => kernelsOf({ inputs, computations: half }));
  }
  const s = new ScalarBuilder();
  const loads = inputs.map(([dtype], i) => s.make("load", dtype, [], i));
  const values = computations.map(([, compute]) => compute(s, ...loads));
  const length = inputs[0]?.[1].length as number;
  const types = [...inputs.map(([dtype]) => dtype), ...values.map(({ dtype }) => dtype)];
  const kernel: LoopKernel = {
    kind: "loop",
    lanes: "along",
    outer: 0,
    inner: 0,
    extents: [length],
    // One element in front, so that no address is a multiple of a vector's bytes.
    accesses: types.map((dtype, buffer) => ({ buffer, dtype, offset: 1, strides: [1] })),
    numbers: [],
    levels: [
      {
        row: [],
        loop: values.map((value, i) => ({ kind: "store", access: inputs.length + i, value })),
        reload: new Map(),
      },
    ],
  };
  const data = types.map((dtype, i) => {
    const elements = allocate(dtype, length + 1);
    elements.set(inputs[i]?.[1] ?? [], 1);
    return elements;
  });
  const labels = [...inputs.map(([dtype]) => dtype), ...computations.map(([label]) => label)];
  return [{ item: { kernel, data, buffers: types.map((_, i) => i) }, labels }];
}

/** All pairs of edge numbers, as two columns. */
function pairs(dtype: Dtype): [number[], number[]] {
  const list = edges[dtype];
  return [list.flatMap((a) => list.map(() => a)), list.flatMap(() => list)];
}

function groupsOf(dtype: Dtype): Group[] {
  const [a, b] = pairs(dtype);
  const one: Group = { inputs: [[dtype, edges[dtype]]], computations: [] };
  const two: Group = {
    inputs: [
      [dtype, a],
      [dtype, b],
    ],
    computations: [],
  };
  const three: Group = { inputs: [["bool", a.map((_, i) => ((i * 7) % 3) & 1)], ...two.inputs], computations: [] };
  for (const op of arithmeticOf(dtype)) {
    if (unary.has(op)) {
      one.computations.push([op, (s, x) => s.op(op, x as Scalar)]);
      continue;
    }
    two.computations.push([op, (s, x, y) => s.op(op, x as Scalar, y as Scalar)]);
    for (const c of ofConstants.has(op) ? edges[dtype] : [edges[dtype].at(-2) as number]) {
      one.computations.push([`${op} x ${c}`, (s, x) => s.op(op, x as Scalar, s.constant(c, dtype))]);
      if (op === "shl" || op === "shr" || op === "ushr") continue;
      one.computations.push([`${op} ${c} x`, (s, x) => s.op(op, s.constant(c, dtype), x as Scalar)]);
    }
  }
  for (const relation of comparisons) {
    two.computations.push([relation, (s, x, y) => s.compare(relation, x as Scalar, y as Scalar)]);
    one.computations.push([`${relation} 1 x`, (s, x) => s.compare(relation, s.constant(1, dtype), x as Scalar)]);
  }
  if (dtype === "float32") {
    const f = (s: ScalarBuilder, ...x: Scalar[]): Scalar =>
      s.multiplyAdd(x[0] as Scalar, x[1] as Scalar, x[2] as Scalar);
    two.computations.push(["multiplyAdd a b a", (s, x, y) => f(s, x as Scalar, y as Scalar, x as Scalar)]);
    two.computations.push(["multiplyAdd a a b", (s, x, y) => f(s, x as Scalar, x as Scalar, y as Scalar)]);
    for (const n of [-252, -149, -24, 0, 1, 127, 252]) {
      one.computations.push([`scale x ${n}`, (s, x) => s.op("scale", x as Scalar, s.constant(n, dtype))]);
    }
    // The product's lost digits come out.
    const product = (s: ScalarBuilder, x: Scalar, y: Scalar): Scalar => s.op("neg", s.mul(x, y));
    const rest: Compute = (s, x, y) => f(s, x as Scalar, y as Scalar, product(s, x as Scalar, y as Scalar));
    two.computations.push(["multiplyAdd a b -ab", rest]);
  }
  three.computations.push(["select", (s, m, x, y) => s.select(m as Scalar, x as Scalar, y as Scalar)]);
  const casts: Group = { inputs: one.inputs, computations: [] };
  for (const to of dtypes)
    if (to !== "float64") casts.computations.push([`to ${to}`, (s, x) => s.cast(x as Scalar, to)]);
  // A kernel that holds float64 has half as many lanes.
  const wide: Group = { inputs: one.inputs, computations: [...casts.computations] };
  wide.computations.push(["to float64", (s, x) => s.cast(x as Scalar, "float64")]);
  const wideWords: Group = { inputs: two.inputs, computations: [] };
  if (dtype === "int32") {
    wideWords.computations.push(...two.computations, [
      "sum",
      (s, x, y) => s.cast(s.add(x as Scalar, y as Scalar), "float64"),
    ]);
  }
  return [one, two, three, casts, wide, wideWords].filter(({ computations }) => computations.length > 0);
}

function bitcasts(): Group[] {
  const floats = edges.float32.filter((x) => !Number.isNaN(x));
  return [
    { inputs: [["float32", floats]], computations: [["to bits", (s, x) => s.bitcast(x as Scalar, "int32")]] },
    { inputs: [["int32", edges.int32]], computations: [["from bits", (s, x) => s.bitcast(x as Scalar, "float32")]] },
  ];
}

function compile(items: readonly { item: KernelCase }[], target: CTarget): CKernel[] {
  const text = items.map(({ item }, i) => loopSource(item.kernel, `k${i}`, target)).join("");
  return compileKernels(text, items.length, target);
}

const targets = runnableTargets();

describe.skipIf(targets.length === 0).each(targets)("scalars in C, $isa", { timeout: 60_000 }, (target) => {
  const memory = new CMemory(2 ** 22);

  test("instructions and casts", () => {
    const list = [...dtypes.flatMap(groupsOf), ...bitcasts()].flatMap(kernelsOf);
    expect(list.flatMap(({ labels }) => labels).length).toBeGreaterThan(300);
    const functions = compile(list, target);
    const wrong = list.flatMap(({ item, labels }, i) => {
      const got = runCase(item, functions[i] as CKernel, memory, 4096, whole);
      const problem = difference(got, interpretCase(item, target.fma), true);
      return problem === "" ? [] : [`${labels.map((label, j) => `${j} ${label}`).join(", ")}: ${problem}`];
    });
    expect(wrong.slice(0, 20)).toEqual([]);
  });

  test("float32 functions, which are lines of instructions", () => {
    const names = [
      "exp",
      "exp2",
      "expm1",
      "log",
      "log2",
      "log10",
      "log1p",
      "tanh",
      "sigmoid",
      "erf",
      "sin",
      "tan",
    ] as const;
    // One in so many of all numbers, by their bits.
    const words = Int32Array.from({ length: 5000 }, (_, i) => i * 858_993);
    const x = [...edges.float32, ...new Float32Array(words.buffer)];
    const computations = names.map((name): [string, Compute] => {
      return [name, (s, input) => table[name].lower?.(s, [input as Scalar], "float32") as Scalar];
    });
    const list = computations.flatMap((one) => kernelsOf({ inputs: [["float32", x]], computations: [one] }));
    const functions = compile(list, target);
    const wrong = list.map(({ item }, i) => {
      const got = runCase(item, functions[i] as CKernel, memory, 4096, whole);
      return difference(got, interpretCase(item, target.fma), true);
    });
    expect(wrong).toEqual(names.map(() => ""));
  });

  test("host functions", () => {
    const points = [
      NaN,
      0,
      -0,
      Infinity,
      -Infinity,
      1,
      -1,
      0.5,
      -0.5,
      2,
      -2,
      3,
      1e-300,
      -1e-20,
      1e-8,
      0.1,
      0.9,
      -0.9,
      0.25,
      1.25,
      1.5,
      2.4,
      4.7,
      7.9,
      8.1,
      12.5,
      28.5,
      -3.5,
      -7.25,
      -12.75,
      30,
      100,
      -100,
      170,
      700,
      -745,
      1e10,
      -1e15,
      1e300,
      -1e300,
    ];
    const left = points.flatMap((a) => points.map(() => a));
    const right = points.flatMap(() => points);
    const list = hostFunctions.flatMap((name) => {
      const isBinary = ["atan2", "pow", "fmod", "remainder", "polygamma"].includes(name);
      const inputs: Group["inputs"] = isBinary
        ? [
            ["float64", left],
            ["float64", right],
          ]
        : [["float64", points]];
      return kernelsOf({ inputs, computations: [[name, (s, ...x) => s.call(name, ...x)]] });
    });
    const functions = compile(list, target);
    const wrong = list.flatMap(({ item, labels }, i) => {
      const got = runCase(item, functions[i] as CKernel, memory, 4096, whole).data.at(-1) as TypedArray;
      const want = interpretCase(item, target.fma).data.at(-1) as TypedArray;
      return [...want].flatMap((y, j) => {
        const x = got[j] as number;
        // The functions of JavaScript engines are not the same to the last digit.
        const near = Object.is(x, y) || Math.abs(x - y) <= 4e-13 * Math.abs(y) + Number.MIN_VALUE;
        const inputs = item.data.slice(0, -1).map((d) => d[j]);
        return near ? [] : [`${labels.at(-1)}(${inputs.join(", ")}) is ${x}, not ${y}`];
      });
    });
    expect(wrong.slice(0, 30)).toEqual([]);
  });
});
