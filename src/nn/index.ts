/** `twopass/nn`: modules, layers, losses, initialisation. Floor: nn. */
export * as functional from "./functional.ts";
export * as init from "./init.ts";
export * from "./layers/activation.ts";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
} from "./layers/adaptive-pooling.ts";
export {
  type AttentionCallOptions,
  MultiheadAttention,
  type MultiheadAttentionOptions,
} from "./transformer/attention.ts";
export { clipGradNorm, clipGradValue } from "./clip.ts";
export { ModuleDict, ModuleList } from "./module/module-list-and-dict.ts";
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
} from "./layers/convolution.ts";
export { CosineSimilarity, PairwiseDistance } from "./layers/distance.ts";
export { AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout } from "./layers/dropout.ts";
export { Embedding, EmbeddingBag } from "./layers/embedding.ts";
export { Bilinear, Flatten, Identity, Linear, Unflatten } from "./layers/linear.ts";
export { CTCLoss, GaussianNLLLoss, PoissonNLLLoss } from "./losses/likelihood-loss.ts";
export { LocalResponseNorm } from "./layers/local-response-norm.ts";
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
} from "./losses/loss.ts";
export type { BackwardHook, BackwardPreHook, ForwardHook, ForwardPreHook } from "./module/hooks.ts";
export {
  CosineEmbeddingLoss,
  HingeEmbeddingLoss,
  MarginRankingLoss,
  MultiLabelMarginLoss,
  MultiLabelSoftMarginLoss,
  MultiMarginLoss,
  SoftMarginLoss,
  TripletMarginLoss,
  TripletMarginWithDistanceLoss,
} from "./losses/margin-loss.ts";
export { type LoadResult, Module, type StateDict } from "./module/module.ts";
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormLayerOptions,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type InstanceNormLayerOptions,
  LayerNorm,
  RMSNorm,
} from "./layers/normalization.ts";
export {
  CircularPad1d,
  CircularPad2d,
  CircularPad3d,
  ConstantPad1d,
  ConstantPad2d,
  ConstantPad3d,
  type PaddingSizes,
  ReflectionPad1d,
  ReflectionPad2d,
  ReflectionPad3d,
  ReplicationPad1d,
  ReplicationPad2d,
  ReplicationPad3d,
  ZeroPad1d,
  ZeroPad2d,
  ZeroPad3d,
} from "./layers/padding.ts";
export {
  PackedSequence,
  packPaddedSequence,
  packSequence,
  padPackedSequence,
  padSequence,
} from "./recurrent/packed-sequence.ts";
export { type Content, Parameter, StateBuffer as Buffer } from "./module/parameter.ts";
export { ChannelShuffle, Fold, PixelShuffle, PixelUnshuffle, Unfold } from "./layers/patches.ts";
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  LPPool1d,
  LPPool2d,
  LPPool3d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  MaxUnpool1d,
  MaxUnpool2d,
  MaxUnpool3d,
} from "./layers/pooling.ts";
export {
  LearnedPositionalEncoding,
  type PlaceOptions,
  type PositionalEncodingOptions,
  type RotaryEncodingOptions,
  RotaryPositionalEncoding,
  SinusoidalPositionalEncoding,
} from "./transformer/positional-encoding.ts";
export {
  GRU,
  LSTM,
  type LSTMOptions,
  type LSTMState,
  RNN,
  type RNNOptions,
  type RecurrentOptions,
} from "./recurrent/recurrent.ts";
export { GRUCell, LSTMCell, RNNCell } from "./recurrent/recurrent-cell.ts";
export { type Layer, Sequential } from "./module/sequential.ts";
export {
  type EncoderCallOptions,
  type StackOptions,
  Transformer,
  type TransformerCallOptions,
  TransformerDecoder,
  TransformerEncoder,
  type TransformerOptions,
  generateSquareSubsequentMask,
} from "./transformer/transformer.ts";
export {
  type DecoderLayer,
  type DecoderLayerCallOptions,
  type EncoderLayer,
  type EncoderLayerCallOptions,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "./transformer/transformer-layer.ts";
export { Summary, type SummaryRow, summary } from "./summary/summary.ts";
export { untracked } from "./module/tree.ts";
export { Upsample, UpsamplingBilinear2d, UpsamplingNearest2d } from "./layers/upsampling.ts";
export { type WeightNormOptions, removeWeightNorm, weightNorm } from "./module/weight-norm.ts";
