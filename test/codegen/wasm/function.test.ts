import { describe, expect, test } from "vitest";
import type { ValueType } from "../../../src/codegen/wasm/encode.ts";
import { Fn, type HostFunction } from "../../../src/codegen/wasm/function.ts";
import { assembleModule } from "../../../src/codegen/wasm/module.ts";
import {
  type MemoryOp,
  naturalAlignment,
  opcodes,
  type OpName,
  type PlainOp,
} from "../../../src/codegen/wasm/opcodes.ts";
import { instantiate } from "./instantiate.ts";

/** Whether the engine accepts an instruction. Behind `unreachable`, any operands are on the stack. */
function accepts(emit: (f: Fn) => void): boolean {
  const f = new Fn([]);
  f.op("unreachable");
  emit(f);
  f.op("unreachable");
  return WebAssembly.validate(assembleModule({ f }));
}

describe("instructions", () => {
  const relaxed = accepts((f) => f.op("f32x4.relaxed_madd"));
  const names = (Object.keys(opcodes) as OpName[]).filter((name) => relaxed || !name.includes("relaxed"));

  test("the engine knows every instruction", () => {
    const rejected = names.filter((name) => {
      if (name in naturalAlignment) {
        const memoryOp = name as MemoryOp;
        if (name.endsWith("_lane")) return !accepts((f) => f.memoryLane(memoryOp as "v128.load8_lane", 0));
        return !accepts((f) => f.load(memoryOp as "v128.load"));
      }
      if (/extract_lane|replace_lane/.test(name)) return !accepts((f) => f.lane(name as "i32x4.extract_lane", 1));
      return !accepts((f) => f.op(name as PlainOp));
    });
    expect(rejected).toEqual([]);
    expect(names.length).toBeGreaterThan(400);
  });

  test("the natural alignment is the widest that the engine accepts", () => {
    const notNatural = Object.entries(naturalAlignment).filter(([name, align]) => {
      if (/atomic|_lane$/.test(name)) return false;
      const op = name as "v128.load";
      return !accepts((f) => f.load(op, 0, align)) || accepts((f) => f.load(op, 0, align + 1));
    });
    expect(notNatural).toEqual([]);
  });

  // One or more of each row of the table, and those whose names are easily mistaken for each other.
  const scalar: readonly (readonly [PlainOp, ValueType, ValueType, readonly (number | bigint)[], number | bigint])[] = [
    ["i32.sub", "i32", "i32", [5, 7], -2],
    ["i32.div_s", "i32", "i32", [-7, 2], -3],
    ["i32.div_u", "i32", "i32", [-2, 2], 0x7fffffff],
    ["i32.rem_s", "i32", "i32", [-7, 3], -1],
    ["i32.and", "i32", "i32", [6, 3], 2],
    ["i32.or", "i32", "i32", [6, 3], 7],
    ["i32.xor", "i32", "i32", [6, 3], 5],
    ["i32.shl", "i32", "i32", [3, 4], 48],
    ["i32.shr_s", "i32", "i32", [-8, 1], -4],
    ["i32.shr_u", "i32", "i32", [-8, 1], 0x7ffffffc],
    ["i32.rotl", "i32", "i32", [0x40000001, 2], 5],
    ["i32.clz", "i32", "i32", [1], 31],
    ["i32.ctz", "i32", "i32", [8], 3],
    ["i32.popcnt", "i32", "i32", [7], 3],
    ["i32.eqz", "i32", "i32", [0], 1],
    ["i32.lt_u", "i32", "i32", [-1, 1], 0],
    ["i32.ge_s", "i32", "i32", [1, 1], 1],
    ["i64.mul", "i64", "i64", [2n ** 40n, 3n], 3n * 2n ** 40n],
    ["i64.shr_u", "i64", "i64", [-1n, 63n], 1n],
    ["i64.le_s", "i64", "i32", [-1n, 1n], 1],
    ["i64.extend_i32_s", "i32", "i64", [-5], -5n],
    ["i32.wrap_i64", "i64", "i32", [2n ** 32n + 9n], 9],
    ["i32.extend8_s", "i32", "i32", [0xff], -1],
    ["f32.div", "f32", "f32", [1, 4], 0.25],
    ["f32.nearest", "f32", "f32", [2.5], 2],
    ["f32.copysign", "f32", "f32", [3, -1], -3],
    ["f32.gt", "f32", "i32", [2, 1], 1],
    ["f64.sqrt", "f64", "f64", [2], Math.SQRT2],
    ["f64.min", "f64", "f64", [1, -2], -2],
    ["f64.max", "f64", "f64", [1, -2], 1],
    ["f64.floor", "f64", "f64", [-1.5], -2],
    ["f64.ceil", "f64", "f64", [-1.5], -1],
    ["f64.trunc", "f64", "f64", [-1.5], -1],
    ["f64.ge", "f64", "i32", [1, 2], 0],
    ["f64.promote_f32", "f32", "f64", [0.5], 0.5],
    ["f32.demote_f64", "f64", "f32", [1 / 3], Math.fround(1 / 3)],
    ["f64.convert_i32_u", "i32", "f64", [-1], 0xffffffff],
    ["f32.convert_i32_s", "i32", "f32", [-3], -3],
    ["i32.trunc_sat_f64_s", "f64", "i32", [1e20], 0x7fffffff],
    ["i32.trunc_sat_f32_u", "f32", "i32", [-5], 0],
    ["i32.reinterpret_f32", "f32", "i32", [1], 0x3f800000],
    ["f32.reinterpret_i32", "i32", "f32", [0x40000000], 2],
  ];
  test.each(scalar)("%s", (name, operand, result, args, expected) => {
    const f = new Fn(
      args.map(() => operand),
      [result],
    );
    f.push(...f.params).op(name);
    expect(instantiate(f)(...args)).toBe(expected);
  });

  const memory = new WebAssembly.Memory({ initial: 1 });
  const floats = new Float32Array(memory.buffer);
  const doubles = new Float64Array(memory.buffer);
  const ints = new Int32Array(memory.buffer);

  /** Applies `op` to vectors at bytes 0, 16, .. and stores the result at 64. */
  function onVectors(operands: number, op: (f: Fn) => void): void {
    const f = new Fn([]);
    f.i32(64);
    for (let i = 0; i < operands; i++) f.i32(16 * i).load("v128.load");
    op(f);
    f.store("v128.store");
    instantiate(f, memory)();
  }

  test("float32 vectors", () => {
    const x = [1.5, -2.5, 0.5, 4];
    const y = [2, -3, 0.25, -1];
    const cases: readonly (readonly [PlainOp, (a: number, b: number) => number])[] = [
      ["f32x4.add", (a, b) => a + b],
      ["f32x4.sub", (a, b) => a - b],
      ["f32x4.mul", (a, b) => a * b],
      ["f32x4.div", (a, b) => Math.fround(a / b)],
      ["f32x4.min", Math.min],
      ["f32x4.max", Math.max],
      ["f32x4.pmin", (a, b) => (b < a ? b : a)],
      ["f32x4.pmax", (a, b) => (a < b ? b : a)],
    ];
    floats.set([...x, ...y]);
    for (const [name, reference] of cases) {
      onVectors(2, (f) => f.op(name));
      const expected = x.map((a, i) => reference(a, y[i] ?? 0));
      expect({ name, result: [...floats.subarray(16, 20)] }).toEqual({ name, result: expected });
    }
    onVectors(1, (f) => f.op("f32x4.nearest", "f32x4.abs"));
    expect([...floats.subarray(16, 20)]).toEqual([2, 2, 0, 4]);
    onVectors(1, (f) => f.op("f32x4.floor", "i32x4.trunc_sat_f32x4_s"));
    expect([...ints.subarray(16, 20)]).toEqual([1, -3, 0, 4]);
    onVectors(2, (f) => f.op("f32x4.lt"));
    expect([...ints.subarray(16, 20)]).toEqual([-1, 0, 0, 0]);
    onVectors(2, (f) => f.i32x4(-1, 0, -1, 0).op("v128.bitselect"));
    expect([...floats.subarray(16, 20)]).toEqual([1.5, -3, 0.5, -1]);
    onVectors(1, (f) => f.op("f64x2.promote_low_f32x4", "f64x2.sqrt"));
    expect([...doubles.subarray(8, 10)]).toEqual([Math.sqrt(1.5), NaN]);
  });

  test("float64 and int32 vectors", () => {
    doubles.set([1.5, -2]);
    onVectors(1, (f) => f.f64x2(4).op("f64x2.mul", "f64x2.neg"));
    expect([...doubles.subarray(8, 10)]).toEqual([-6, 8]);
    onVectors(1, (f) => f.op("f32x4.demote_f64x2_zero"));
    expect([...floats.subarray(16, 20)]).toEqual([1.5, -2, 0, 0]);
    onVectors(1, (f) => f.op("i32x4.trunc_sat_f64x2_s_zero"));
    expect([...ints.subarray(16, 20)]).toEqual([1, -2, 0, 0]);
    ints.set([7, -8, 9, -10]);
    onVectors(1, (f) => f.i32(1).op("i32x4.shr_s").i32x4(3).op("i32x4.mul"));
    expect([...ints.subarray(16, 20)]).toEqual([9, -12, 12, -15]);
    onVectors(1, (f) => f.op("f64x2.convert_low_i32x4_s"));
    expect([...doubles.subarray(8, 10)]).toEqual([7, -8]);
    onVectors(1, (f) => f.op("f32x4.convert_i32x4_s"));
    expect([...floats.subarray(16, 20)]).toEqual([7, -8, 9, -10]);
    onVectors(1, (f) => f.i32x4(0, 0, 100, 0).op("i32x4.max_s"));
    expect([...ints.subarray(16, 20)]).toEqual([7, 0, 100, 0]);
  });

  test("shuffles and lanes", () => {
    ints.set([1, 2, 3, 4, 5, 6, 7, 8]);
    onVectors(2, (f) => f.shuffleLanes(0, 4, 1, 7));
    expect([...ints.subarray(16, 20)]).toEqual([1, 5, 2, 8]);
    onVectors(1, (f) => f.i32(9).lane("i32x4.replace_lane", 2));
    expect([...ints.subarray(16, 20)]).toEqual([1, 2, 9, 4]);
    onVectors(0, (f) => f.i32(4).load("v128.load32_splat"));
    expect([...ints.subarray(16, 20)]).toEqual([2, 2, 2, 2]);
    onVectors(0, (f) => f.i32(0).load("v128.load32_zero", 8));
    expect([...ints.subarray(16, 20)]).toEqual([3, 0, 0, 0]);
    const f = new Fn([]);
    f.i32(64).i32(0).i32(0).load("v128.load").memoryLane("v128.load32_lane", 3, 16).store("v128.store");
    f.i32(64).i32(0).load("v128.load").memoryLane("v128.store32_lane", 2);
    f.i32(72).i32(0).load("v128.load").memoryLane("v128.store8_lane", 4, 1);
    instantiate(f, memory)();
    expect([...ints.subarray(16, 20)]).toEqual([3, 2, 3 + (2 << 8), 5]);
  });

  test("a vector constant must have 16 bytes", () => {
    expect(() => new Fn([]).v128([1, 2, 3])).toThrow("internal: wasm: a vector has 16 bytes, not 3");
  });
});

describe("control", () => {
  test("for runs from, to, step", () => {
    const f = new Fn(["i32", "i32", "i32"], ["i32"]);
    const [from, to, step] = f.params;
    const i = f.local("i32");
    const digits = f.local("i32");
    f.for(i, from, to, step, () => f.push(digits, 10).op("i32.mul").get(i).op("i32.add").set(digits));
    const run = instantiate(f.get(digits));
    expect(run(1, 5, 1)).toBe(1234);
    expect(run(2, 7, 2)).toBe(246);
    expect(run(3, 3, 1)).toBe(0);
    expect(run(3, -3, 1)).toBe(0);
  });

  test("branches find their blocks from any depth", () => {
    const f = new Fn(["i32"], ["i32"]);
    const [x] = f.params;
    const result = f.local("i32");
    f.block((outer) => {
      f.block((inner) => {
        f.get(x);
        f.if(
          () => {
            f.push(x, 1).op("i32.eq").brIf(inner);
            f.i32(20).set(result).br(outer);
          },
          () => f.i32(30).set(result).br(outer),
        );
      });
      f.i32(10).set(result);
    });
    const run = instantiate(f.get(result));
    expect([run(0), run(1), run(2)]).toEqual([30, 10, 20]);
  });

  test("a branch table and values of blocks", () => {
    const f = new Fn(["i32"], ["i32"]);
    const [x] = f.params;
    f.block((done) => {
      f.block((last) => {
        f.block((first) => {
          f.block((zeroth) => {
            f.get(x).brTable([zeroth, first], last);
          });
          f.i32(100).br(done);
        });
        f.i32(101).br(done);
      });
      f.get(x);
      f.if(
        () => f.i32(102),
        () => f.i32(0),
        "i32",
      );
    }, "i32");
    const run = instantiate(f);
    expect([run(0), run(1), run(2), run(99)]).toEqual([100, 101, 102, 102]);
  });
});

describe("modules", () => {
  const sine: HostFunction = { name: "sin", params: ["f64"], results: ["f64"] };

  test("a module takes in what its functions call, host functions too", () => {
    const half = new Fn(["f64"], ["f64"]);
    half.get(half.params[0]).f64(0.5).op("f64.mul");
    const both = new Fn(["f64"], ["f64"]);
    both.get(both.params[0]).call(half).call(sine).call(half);
    expect(instantiate(both, undefined, { sin: Math.sin })(3)).toBe(Math.sin(1.5) / 2);
  });

  test("functions may call each other", () => {
    const isEven = new Fn(["i32"], ["i32"]);
    const isOdd = new Fn(["i32"], ["i32"]);
    for (const [fn, other, atZero] of [
      [isEven, isOdd, 1],
      [isOdd, isEven, 0],
    ] as const) {
      fn.get(fn.params[0]);
      fn.if(
        () => fn.push(fn.params[0], 1).op("i32.sub").call(other),
        () => fn.i32(atZero),
        "i32",
      );
    }
    const run = instantiate(isEven);
    expect([run(4), run(7)]).toEqual([1, 0]);
  });

  test("more locals and functions than fit one byte of a number", () => {
    const root = new Fn(["i32"], ["i32"]);
    const [x] = root.params;
    const locals = [...root.localArray("f32", 3), ...root.localArray("i32", 300)];
    const last = locals.at(-1);
    if (last === undefined) throw new Error("there are locals");
    root.get(x).set(last).i32(0);
    for (let i = 0; i < 200; i++) {
      const constant = new Fn([], ["i32"]).i32(i);
      root.call(constant).op("i32.add");
    }
    expect(instantiate(root.get(last).op("i32.add"))(5)).toBe((199 * 200) / 2 + 5);
  });

  test("a shared memory is imported as shared", () => {
    const f = new Fn(["i32"], ["i32"]);
    f.get(f.params[0]).i32(7).atomic("i32.atomic.rmw.add", 4);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    const module = new WebAssembly.Module(assembleModule({ f }, { shared: true }));
    const add = new WebAssembly.Instance(module, { env: { memory } }).exports["f"] as unknown as (at: number) => number;
    expect([add(8), add(8)]).toEqual([0, 7]);
    expect(new Int32Array(memory.buffer)[3]).toBe(14);
  });

  test("memory.copy and memory.fill", () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const f = new Fn([]);
    f.i32(10).i32(5).i32(3).memoryFill().i32(20).i32(9).i32(5).memoryCopy();
    instantiate(f, memory)();
    expect([...new Uint8Array(memory.buffer, 20, 5)]).toEqual([0, 5, 5, 5, 0]);
  });
});
