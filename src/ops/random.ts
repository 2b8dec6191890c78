/** Random bits as an elementwise operation of a counter and a key. Floor: ops. */
import { threefry2x32 } from "../base/threefry.ts";
import type { Scalar } from "../ir/scalar.ts";
import { elementwise } from "./record.ts";

/** Left rotations of the eight rounds that repeat, Random123's R_32x2. */
const rotations: readonly number[] = [13, 15, 26, 6, 17, 29, 16, 24];
const rounds = 20;

/** The first word of Threefry-2x32-20 of the counter (counter, 0) under the key (key0, key1); see base/threefry.ts. */
export const threefry = elementwise("threefry", {
  doc: "random bits of a counter under a key of two words",
  accepts: ["int32"],
  evaluate: (counter, key0, key1) => threefry2x32(key0, key1, counter, 0)[0],
  lower: (s, x) => {
    const [counter, key0, key1] = x as readonly [Scalar, Scalar, Scalar];
    const word = (value: number): Scalar => s.constant(value, "int32");
    const keys = [key0, key1, s.op("xor", s.op("xor", word(0x1bd11bda), key0), key1)] as const;
    const key = (i: number): Scalar => keys[i % 3] as Scalar;
    let low = s.add(counter, key0);
    let high = key1;
    for (let round = 0; round < rounds; round++) {
      const distance = rotations[round % 8] as number;
      low = s.add(low, high);
      const turned = s.op("or", s.op("shl", high, word(distance)), s.op("ushr", high, word(32 - distance)));
      high = s.op("xor", turned, low);
      if (round % 4 === 3) {
        const injection = (round + 1) / 4;
        low = s.add(low, key(injection));
        high = s.add(high, s.add(key(injection + 1), word(injection)));
      }
    }
    return low;
  },
  vjp: null,
  cost: 120,
  sample: { from: 0, to: 1000 },
});
