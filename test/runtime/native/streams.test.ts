/** Results too large for a cache are stored past the caches: the bits stay, and the next kernel on any thread sees them. */
import { describe, expect, test } from "vitest";
import { loopSource } from "../../../src/codegen/c/loops/loops.ts";
import { type CTarget, cTargets } from "../../../src/codegen/c/target.ts";
import { kit } from "../../../src/ops/kit.ts";
import { startNative } from "../../../src/runtime/native/node/library.ts";
import { float32 } from "../../../src/tensor/creation.ts";
import { setDefaultDevice } from "../../../src/tensor/engines.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { inputOf, planOf } from "../../schedule/models.ts";

/** Rows are multiples of a vector, or not: then most of them begin where no vector may be stored so. */
const sizes = [
  [4096, 1024],
  [4100, 1031],
  [8, 524_289],
] as const;

const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  "of each element": (x) => x.mul(0.5).add(1),
  "of whole rows": (x) => x.softmax(-1),
};

describe.skipIf("reason" in startNative()).each(Object.entries(functions))("%s", (_, of) => {
  test.each(sizes)("of %d rows of %d", async (rows, columns) => {
    setDefaultDevice("native");
    const data = Float32Array.from({ length: rows * columns }, (_, i) => ((i * 40_503) % 65_536) / 8192 - 4);
    const whole = of(float32(data, { shape: [rows, columns] }));
    // Read by the next kernel of the same run.
    const sums = await whole.sum(0).data();
    const got = (await whole.data()) as Float32Array;
    expect(
      await float32(got, { shape: [rows, columns] })
        .sum(0)
        .data(),
    ).toEqual(sums);
    const part = rows / 4;
    for (let row = 0; row < rows; row += part) {
      const [from, to] = [row * columns, (row + part) * columns];
      const alone = await of(float32(data.subarray(from, to), { shape: [part, columns] })).data();
      expect(
        Buffer.from(alone.buffer, alone.byteOffset, alone.byteLength).equals(
          Buffer.from(got.buffer, 4 * from, 4 * (to - from)),
        ),
      ).toBe(true);
    }
  });
});

test("whole vectors are, before a fence, where the target can; what a kernel reads itself is not", () => {
  const text = (isa: CTarget["isa"]): string =>
    planOf([kit.exp(inputOf([64, 64]))])
      .plan.steps.flatMap(({ kernel }) => (kernel.kind === "loop" ? loopSource(kernel, "k", cTargets[isa]) : []))
      .join("\n");
  for (const isa of ["avx512", "avx2"] as const) {
    const code = text(isa);
    expect(code).toMatch(/const int far(\d+) = .* >= 16777216 && .* != args\[\d+\];/);
    expect(code).toMatch(/if \(far(\d+)\) STREAM\(f32v, .*\); else STORE\(f32v, /);
    expect(code.lastIndexOf("STREAMED();")).toBeGreaterThan(code.lastIndexOf("STREAM(f32v"));
  }
  for (const isa of ["neon", "plain"] as const) expect(text(isa)).not.toContain("STREAM");
});
