/** The functions behind the layers: `twopass/nn/functional`. Floor: nn. */
export {
  type Activation,
  type RReluOptions,
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
  rrelu,
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
export {
  type AdaptiveMaxPoolOptions,
  type OutputSize,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
} from "./functional/adaptive-pooling.ts";
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
export { type CTCOptions, ctcLoss } from "./functional/ctc.ts";
export { cosineSimilarity, pairwiseDistance, pdist } from "./functional/distance.ts";
export {
  type DropoutOptions,
  alphaDropout,
  dropout,
  dropout1d,
  dropout2d,
  dropout3d,
  featureAlphaDropout,
} from "./functional/dropout.ts";
export { type EmbeddingOptions, embedding } from "./functional/embedding.ts";
export { type EmbeddingBagOptions, embeddingBag } from "./functional/embedding-bag.ts";
export { type GridSampleOptions, affineGrid, gridSample } from "./functional/grid-sample.ts";
export type { Labels } from "./functional/labels.ts";
export { oneHot, pad } from "./functional/layout.ts";
export {
  type GaussianOptions,
  type PoissonOptions,
  gaussianNllLoss,
  poissonNllLoss,
} from "./functional/likelihood-loss.ts";
export { bilinear, linear } from "./functional/linear.ts";
export { type LocalResponseNormOptions, localResponseNorm } from "./functional/local-response-norm.ts";
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
  type MarginOptions,
  type MultiMarginOptions,
  type TripletDistanceOptions,
  type TripletOptions,
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  marginRankingLoss,
  multiMarginLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  softMarginLoss,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from "./functional/margin-loss.ts";
export {
  type BatchNormOptions,
  type InstanceNormOptions,
  batchNorm,
  groupNorm,
  instanceNorm,
  layerNorm,
  normalize,
  rmsNorm,
} from "./functional/normalization.ts";
export { type PatchOptions, channelShuffle, fold, pixelShuffle, pixelUnshuffle, unfold } from "./functional/patches.ts";
export {
  type AvgPoolOptions,
  type LPPoolOptions,
  type MaxPoolOptions,
  type MaxUnpoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
} from "./functional/pooling.ts";
export {
  type InterpolateOptions,
  type InterpolationMode,
  type ResizeOptions,
  interpolate,
  upsampleBilinear,
  upsampleNearest,
} from "./functional/resampling.ts";
export { type RotaryOptions, applyRotary } from "./functional/rotary.ts";
