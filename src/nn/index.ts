/** `twopass/nn`: modules, layers, losses, initialisation. Floor: nn. */
export * as functional from "./functional.ts";
export * as init from "./init.ts";
export * from "./activation.ts";
export { clipGradNorm, clipGradValue } from "./clip.ts";
export {
  type ConvLayerOptions,
  type ConvTransposeLayerOptions,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type PaddingMode,
} from "./convolution.ts";
export { Dropout, Dropout1d, Dropout2d, Dropout3d } from "./dropout.ts";
export { Embedding } from "./embedding.ts";
export { Flatten, Identity, Linear, Unflatten } from "./linear.ts";
export {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
} from "./loss.ts";
export type { BackwardHook, BackwardPreHook, ForwardHook, ForwardPreHook } from "./hooks.ts";
export { type LoadResult, Module, type StateDict } from "./module.ts";
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormLayerOptions,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  LayerNorm,
} from "./normalization.ts";
export { type Content, Parameter, StateBuffer as Buffer } from "./parameter.ts";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
} from "./pooling.ts";
export { type Layer, Sequential } from "./sequential.ts";
export { untracked } from "./tree.ts";
