/** `twopass/optim`: optimisers and learning-rate schedules. Floor: optim. */
export { Adagrad, type AdagradNumbers, type AdagradOptions } from "./adagrad.ts";
export {
  Adamax,
  type AdamaxNumbers,
  type AdamaxOptions,
  NAdam,
  type NAdamNumbers,
  type NAdamOptions,
  RAdam,
  type RAdamNumbers,
} from "./adam-relatives.ts";
export { Adam, type AdamNumbers, type AdamOptions, AdamW } from "./adam.ts";
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
export { Lion, type LionNumbers, type LionOptions } from "./lion.ts";
export type { OptimizerState } from "./optimizer-state.ts";
export {
  type GroupOptions,
  type NumberSettings,
  Optimizer,
  type ParamGroup,
  type ParamList,
  type ParameterState,
  type Tensors,
} from "./optimizer.ts";
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from "./plateau-schedule.ts";
export { RMSprop, type RMSpropNumbers, type RMSpropOptions } from "./rmsprop.ts";
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
export { SGD, type SGDNumbers, type SGDOptions } from "./sgd.ts";
export {
  ASGD,
  type ASGDNumbers,
  type ASGDOptions,
  Adadelta,
  type AdadeltaNumbers,
  type AdadeltaOptions,
  Rprop,
  type RpropNumbers,
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
