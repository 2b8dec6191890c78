/**
 * `twopass`: tensors, their functions, gradients, devices, and how work is run. Layers are in `twopass/nn`, optimisers in
 * `twopass/optim`, loaders in `twopass/data`, files in `twopass/io`. Importing starts nothing.
 */
export type { Dtype, TypedArray } from "./base/dtype.ts";
export { StaleError, TwopassError } from "./base/errors.ts";
export type { Shape } from "./base/shape.ts";

export {
  type CallArguments,
  type CompileArgument,
  type CompileResult,
  type Compiled,
  compile,
} from "./tensor/compile.ts";
export {
  type DataOptions,
  type LogspaceOptions,
  type NestedData,
  type TensorData,
  type TensorOptions,
  arange,
  bool,
  eye,
  float32,
  float64,
  full,
  fullLike,
  int32,
  linspace,
  logspace,
  ones,
  onesLike,
  tensor,
  uint8,
  zeros,
  zerosLike,
} from "./tensor/creation.ts";
export { type DeviceName, defaultDevice, setDefaultDevice, withDevice } from "./tensor/engines.ts";
export { einsum } from "./tensor/einsum.ts";
export * from "./tensor/functions.ts";
export { variance as var } from "./tensor/functions.ts";
export { type GradOptions, grad } from "./tensor/grad.ts";
export type { Nested } from "./tensor/handle.ts";
export type { IndexItem } from "./tensor/index-items.ts";
export {
  blockDiag,
  broadcastShapes,
  broadcastTensors,
  cartesianProd,
  cat,
  columnStack,
  combinations,
  dstack,
  hstack,
  meshgrid,
  stack,
  vstack,
} from "./tensor/joining.ts";
export { type KernelRun, type Profile, type ProfileRow, profile } from "./tensor/profile.ts";
export { type MemoryLimit, type MemoryReport, memory, setMemoryLimit } from "./tensor/memory.ts";
export * from "./tensor/linear-functions.ts";
export type { Operand } from "./tensor/operand.ts";
export type { Dims, DtypeOptions, KeepdimOptions } from "./tensor/options.ts";
export {
  bernoulli,
  manualSeed,
  rand,
  randLike,
  randint,
  randn,
  randnLike,
  randperm,
} from "./tensor/random.ts";
export { enableGrad, noGrad } from "./tensor/scope.ts";
export type { Extremes, Selection } from "./tensor/selections.ts";
export { type StartOptions, type StartedDevice, deviceReports, startDevice } from "./tensor/start-device.ts";
export { type StoredOptions, StoredTensor } from "./tensor/stored.ts";
export { Tensor } from "./tensor/tensor.ts";
export type { HookHandle } from "./transform/grad.ts";
export * from "./tensor/view-functions.ts";
