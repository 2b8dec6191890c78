/** The functions behind the layers: `twopass/nn/functional`. Floor: nn. */
export {
  type Activation,
  type SettableActivation,
  type Settings,
  celu,
  elu,
  gelu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  logSoftmax,
  logsigmoid,
  mish,
  prelu,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softmin,
  softplus,
  softshrink,
  softsign,
  tanh,
  tanhshrink,
  threshold,
} from "./functional/activation.ts";
export { type AttentionOptions, scaledDotProductAttention } from "./functional/attention.ts";
export type { Optional, Reduction } from "./functional/common.ts";
export {
  type ConvOptions,
  type ConvTransposeOptions,
  type PerDim,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from "./functional/convolution.ts";
export { cosineSimilarity, pairwiseDistance } from "./functional/distance.ts";
export { type DropoutOptions, dropout, dropout1d, dropout2d, dropout3d } from "./functional/dropout.ts";
export { type EmbeddingOptions, embedding } from "./functional/embedding.ts";
export type { Labels } from "./functional/labels.ts";
export { oneHot, pad } from "./functional/layout.ts";
export { linear } from "./functional/linear.ts";
export {
  type BinaryOptions,
  type CrossEntropyOptions,
  type DivergenceOptions,
  type NLLLossOptions,
  type ReductionOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huberLoss,
  klDiv,
  l1Loss,
  mseLoss,
  nllLoss,
  smoothL1Loss,
} from "./functional/loss.ts";
export {
  type BatchNormOptions,
  type InstanceNormOptions,
  batchNorm,
  groupNorm,
  instanceNorm,
  layerNorm,
  normalize,
} from "./functional/normalization.ts";
export {
  type AvgPoolOptions,
  type MaxPoolOptions,
  type OutputSize,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from "./functional/pooling.ts";
