/** `twopass/optim`: optimisers and learning-rate schedules. Floor: optim. */
export { Adagrad, type AdagradOptions } from "./adagrad.ts";
export { Adamax, type AdamaxOptions, NAdam, type NAdamOptions, RAdam } from "./adam-relatives.ts";
export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export {
  type ChainState,
  ChainedScheduler,
  SWALR,
  type SWALROptions,
  SequentialLR,
  type WarmupOptions,
  withWarmup,
} from "./combined-schedule.ts";
export { CyclicLR, type CyclicOptions, OneCycleLR, type OneCycleOptions } from "./cyclic-schedule.ts";
export { LBFGS, type LBFGSOptions } from "./lbfgs.ts";
export { Lion, type LionOptions } from "./lion.ts";
export {
  type GroupOptions,
  type NumberSettings,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamList,
  type ParameterState,
  type Tensors,
} from "./optimizer.ts";
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from "./plateau-schedule.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export {
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  LRScheduler,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  MultiplicativeLR,
  PolynomialLR,
  type RateFunction,
  type Rated,
  type RatedGroup,
  type ScheduleState,
  StepLR,
} from "./schedule.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
export {
  ASGD,
  type ASGDOptions,
  Adadelta,
  type AdadeltaOptions,
  Rprop,
  type RpropOptions,
} from "./step-size-optimizers.ts";
export {
  type AverageOptions,
  type AverageSource,
  type AverageState,
  ExponentialMovingAverage,
  type ExponentialMovingAverageOptions,
  WeightAverage,
} from "./weight-average.ts";
