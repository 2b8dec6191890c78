/** Graphs whose kernels fill vectors, blocks and columns, with something left over: for tests of loop kernels. */
import { type Dtype, allocate } from "../../../src/base/dtype.ts";
import { sizeOf } from "../../../src/base/shape.ts";
import type { Value } from "../../../src/ir/value.ts";
import { softmax } from "../../../src/ops/composite/activation.ts";
import { layerNorm } from "../../../src/ops/composite/normalization.ts";
import { kit } from "../../../src/ops/kit.ts";
import { makeLeaf } from "../../../src/ops/leaf.ts";

function leaf(dtype: Dtype, ...shape: number[]): Value {
  return makeLeaf(shape, dtype, { kind: "data", data: allocate(dtype, sizeOf(shape)) });
}

const f32 = (...shape: number[]): Value => leaf("float32", ...shape);
const f64 = (...shape: number[]): Value => leaf("float64", ...shape);
const i32 = (...shape: number[]): Value => leaf("int32", ...shape);

/** The value under each of the given permutations of its dims. */
const orders = (x: Value, ...list: number[][]): Value[] => list.map((order) => kit.copy(kit.permute(x, order)));

export const shapes: Readonly<Record<string, () => readonly Value[]>> = {
  "rows of all lengths": () =>
    [1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 130].flatMap((n) => [
      kit.add(kit.mul(f32(3, n), f32(n)), f32(3, 1)),
      kit.sum(f32(3, n), [1]),
      kit.sum(f64(3, n), [1]),
      kit.prod(f32(3, n), [1]),
      kit.max(f32(3, n), [1]),
      kit.min(f64(3, n), [1]),
      kit.max(i32(3, n), [1]),
      kit.sum(i32(3, n), [1]),
      kit.argmax(f32(3, n)),
      kit.argmin(f64(3, n)),
      kit.argmax(i32(3, n)),
      kit.argmax(leaf("bool", 3, n)),
      kit.argmin(leaf("uint8", 3, n)),
      kit.max(leaf("bool", 3, n), [1]),
      kit.min(leaf("bool", 3, n), [1]),
      kit.cumulate(f32(3, n)),
      kit.cumulate(i32(3, n)),
      softmax(kit, f32(3, n), 1),
    ]),
  "sums over several blocks": () => [
    kit.sum(f32(3, 9000), [1]),
    kit.sum(f64(2, 4097), [1]),
    kit.sum(f32(2, 3, 5000), [0, 2]),
    kit.sum(f32(3, 40, 130), [0, 1, 2]),
    layerNorm(kit, f32(3, 5000), 1, f32(5000), f32(5000), 1e-5),
  ],
  "parts that lie side by side, or apart with the same steps": () =>
    [1, 5, 8, 12, 16, 21, 32, 40].flatMap((n) => {
      const beside = (...parts: Value[]): Value =>
        kit.concat(
          parts.map((part) => kit.reshape(kit.neg(part), [3, n, 1])),
          2,
        );
      const pairs = kit.concat([kit.neg(f32(3, n, 2)), kit.neg(f32(3, n, 2))], 1);
      return [
        beside(f32(3, n), f32(3, n)),
        beside(i32(3, n), i32(3, n)),
        beside(f64(3, n), f64(3, n)),
        beside(f32(3, n), f32(3, n), f32(3, n)),
        beside(f32(3, n), f32(3, n), f32(3, n), f32(3, n)),
        kit.copy(kit.permute(pairs, [0, 2, 1])),
      ];
    }),
  columns: () => [
    kit.sum(f32(37, 1500), [0]),
    kit.sum(f32(2, 9, 300), [1]),
    kit.sum(f64(11, 700), [0]),
    kit.max(f32(5, 6, 130), [0, 1]),
    kit.sum(i32(9, 130), [0]),
    softmax(kit, f32(9, 1100), 0),
    softmax(kit, f32(3, 17, 70), 1),
    kit.min(leaf("uint8", 9, 130), [0]),
    layerNorm(kit, kit.transpose(f32(130, 9), 0, 1), 0, f32(9, 1), f32(9, 1), 1e-5),
  ],
  "lanes that are far apart": () => [
    ...orders(f32(40, 70), [1, 0]),
    ...orders(f64(40, 70), [1, 0]),
    ...orders(leaf("bool", 40, 70), [1, 0]),
    ...orders(leaf("uint8", 20, 70), [1, 0]),
    ...orders(f32(6, 7, 35), [2, 1, 0], [1, 2, 0], [2, 0, 1]),
    kit.add(kit.transpose(f32(40, 70), 0, 1), f32(70, 40)),
    kit.slice(f32(5, 100), [0, 3], [1, 3], [5, 30]),
    kit.flip(f32(5, 100), [0, 1]),
    kit.add(kit.flip(kit.mul(f32(5, 100), 3), [1]), f32(5, 100)),
    kit.sum(kit.transpose(f32(100, 5), 0, 1), [1]),
    kit.concat([f32(7, 33), f32(7, 40)], 1),
    kit.pad(f32(7, 33), [1, 2], [0, 3], 1.5),
  ],
  counting: () => [
    kit.mul(kit.cast(kit.iota([5, 70], 1), "float32"), kit.cast(kit.iota([5, 70], 0), "float32")),
    kit.cast(kit.flip(kit.iota([70], 0), [0]), "float64"),
    kit.where(kit.ge(kit.iota([40, 70], 0), kit.iota([40, 70], 1)), f32(40, 70), 0),
  ],
  "chosen places": () => [
    kit.gather(f32(7, 50), i32(7, 9), 1),
    kit.gather(f32(7, 50), kit.broadcast(i32(9, 1), [9, 50]), 0),
    kit.gather(f64(7, 50), i32(9, 50), 0),
    kit.gather(leaf("bool", 7, 50), i32(9, 50), 0),
    kit.gather(leaf("uint8", 7, 50), i32(7, 33), 1),
    kit.scatter(i32(40, 50), f32(40, 50), 0, 7),
    kit.scatter(kit.broadcast(i32(40, 1), [40, 50]), f32(40, 50), 0, 7),
    kit.scatter(i32(4, 50), f64(4, 50), 1, 7),
    kit.scatter(i32(4, 50), i32(4, 50), 1, 7),
    kit.scatter(kit.broadcast(i32(40, 1), [40, 3000]), f32(40, 3000), 0, 7),
  ],
};
