/** Generated code, made without a device: one listing in full, of the others the number of bytes and a hash. */
import { describe, expect, test } from "vitest";
import { contractKernel } from "../../../src/codegen/wasm/contract/contract.ts";
import { Fn, type HostFunction } from "../../../src/codegen/wasm/function.ts";
import { loopKernel } from "../../../src/codegen/wasm/loops/loops.ts";
import { assembleModule } from "../../../src/codegen/wasm/module.ts";
import { showModule } from "../../../src/codegen/wasm/show.ts";
import { sortKernel } from "../../../src/codegen/wasm/sort.ts";
import { type Kernel, kernelKey } from "../../../src/schedule/kernel.ts";
import { kit } from "../../../src/ops/kit.ts";
import { cases } from "../../schedule/cases.ts";
import { inputOf, planOf } from "../../schedule/models.ts";

function codeOf(kernel: Kernel): Fn {
  switch (kernel.kind) {
    case "loop":
      return loopKernel(kernel, new Map<string, HostFunction>());
    case "sort":
      return sortKernel(kernel.dtype, kernel.descending);
    case "conv":
    case "attention":
      throw new Error(`no code for kernels of kind ${kernel.kind}`);
    case "contract":
      return contractKernel({ dtype: "float32", tile: { mr: 4, nr: 8, fma: false } });
  }
}

const moduleOf = (kernel: Kernel): Uint8Array<ArrayBuffer> => assembleModule({ kernel: codeOf(kernel) });

/** FNV-1a. */
function fingerprint(bytes: Uint8Array): string {
  const hash = bytes.reduce((h, byte) => Math.imul(h ^ byte, 0x01000193), 0x811c9dc5) >>> 0;
  return `${bytes.length} bytes ${hash.toString(16).padStart(8, "0")}`;
}

describe("code of", () => {
  test.each(Object.entries(cases))("%s", (_, make) => {
    const kernels = planOf(make()).plan.steps.map((step) => step.kernel);
    const modules = kernels.map(moduleOf);
    for (const bytes of modules) expect(WebAssembly.validate(bytes)).toBe(true);
    expect(modules.map(fingerprint)).toMatchSnapshot();
  });
});

test("the listing of a kernel", () => {
  const kernel = planOf([kit.neg(inputOf([9]))]).plan.steps[0]?.kernel as Kernel;
  expect(showModule(moduleOf(kernel))).toMatchSnapshot();
});

test("every instruction that kernels use can be listed", () => {
  for (const make of Object.values(cases)) {
    for (const { kernel } of planOf(make()).plan.steps) {
      const text = showModule(moduleOf(kernel));
      expect(text).toMatch(/^kernel:\n/);
      expect(text.match(/^\s*(block|loop|if)\b/gm)?.length).toBe(text.match(/^\s*end$/gm)?.length);
    }
  }
});

test("a listing names calls and shows immediates", () => {
  const host: HostFunction = { name: "exp", params: ["f64"], results: ["f64"] };
  const helper = new Fn(["i32"], ["i32"]);
  helper.push(helper.params[0], -5).op("i32.add");
  const main = new Fn(["i32"]);
  main.get(main.params[0]).call(helper).op("drop").f64(-0).call(host).op("drop");
  main.get(main.params[0]).f32x4(1).store("v128.store", 16, 2);
  main.get(main.params[0]).i32x4(0).memoryLane("v128.load32_lane", 3).op("drop");
  main.block((exit) => main.get(main.params[0]).brTable([exit], exit));
  expect(showModule(assembleModule({ main }))).toBe(
    [
      "main:",
      "  local.get 0",
      "  call function 2",
      "  drop",
      "  f64.const -0",
      "  call exp",
      "  drop",
      "  local.get 0",
      "  v128.const 0x3f800000 0x3f800000 0x3f800000 0x3f800000",
      "  v128.store offset=16 align=4",
      "  local.get 0",
      "  v128.const 0x00000000 0x00000000 0x00000000 0x00000000",
      "  v128.load32_lane 3",
      "  drop",
      "  block",
      "    local.get 0",
      "    br_table 0 0",
      "  end",
      "function 2:",
      "  local.get 0",
      "  i32.const -5",
      "  i32.add",
    ].join("\n"),
  );
});

test("kernels with equal code have equal keys, whatever the extents", () => {
  const [a, b] = [6, 8].map(
    (n) => planOf([kit.relu(kit.add(inputOf([n, 10]), inputOf([10])))]).plan.steps[0]?.kernel,
  ) as [Kernel, Kernel];
  expect(kernelKey(a)).toBe(kernelKey(b));
  expect(moduleOf(a)).toEqual(moduleOf(b));
});
