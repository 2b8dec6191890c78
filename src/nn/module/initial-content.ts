/** Elements for new parameters and buffers, drawn on the host from the stream of `init`. Floor: nn. */
import { stream } from "../../base/random-stream.ts";
import { type Shape, sizeOf } from "../../base/shape.ts";
import type { Content } from "./parameter.ts";

/** Float32 elements uniform in [−bound, bound), for a new parameter. */
export function uniformContent(shape: Shape, bound: number): Content {
  const data = new Float32Array(sizeOf(shape));
  stream("init").fillUniform(data, -bound, bound);
  return { data, shape, dtype: "float32" };
}

/** Float32 elements of the normal distribution, for a new parameter. */
export function normalContent(shape: Shape, mean: number, std: number): Content {
  const data = new Float32Array(sizeOf(shape));
  stream("init").fillNormal(data, mean, std);
  return { data, shape, dtype: "float32" };
}

/** One float32 number everywhere, for a new parameter or buffer. */
export function constantContent(shape: Shape, value: number): Content {
  return { data: new Float32Array(sizeOf(shape)).fill(value), shape, dtype: "float32" };
}
