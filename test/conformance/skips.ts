/**
 * What the library does not have yet, with the reason, by section and PyTorch's name. An entry whose name has become
 * available fails the run, and so does a name that is neither available nor listed.
 */
export const skipLists = ["ops", "modules", "optim", "training"] as const;
export type SkipList = (typeof skipLists)[number];

/** Something that a case needs and the library lacks. */
export interface Missing {
  readonly list: SkipList;
  /** PyTorch's name. */
  readonly name: string;
  /** What would have to be there. */
  readonly needs: string;
}

/** Names separated by white space, all for one reason. */
function list(reasons: Readonly<Record<string, string>>): Map<string, string> {
  const all = new Map<string, string>();
  for (const [reason, names] of Object.entries(reasons)) {
    for (const name of names.trim().split(/\s+/)) {
      if (all.has(name)) throw new Error(`skips.ts lists ${name} twice`);
      all.set(name, reason);
    }
  }
  return all;
}

export const skips: Readonly<Record<SkipList, ReadonlyMap<string, string>>> = {
  ops: list({
    "there is no such dtype": "bfloat16 char half short",
    "an exact alias of another function, which is there": "fill narrow_copy positive split_with_sizes",
    "tensors like another one are made by zerosLike and its relatives, and are never without content":
      "empty_like new_empty new_full new_ones new_zeros",
    "there is no public function about dtypes alone": "can_cast isreal promote_types result_type",
    "views are never given by strides": "as_strided",
    "special functions beyond those of training are not there yet": `
      angle erfinv frexp gcd i0 igamma igammac lcm nextafter
      special.airy_ai special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1 special.entr special.erfcx
      special.i0e special.i1 special.i1e special.log_ndtr special.ndtr special.ndtri special.spherical_bessel_j0
      special.xlog1py special.zeta
      special.modified_bessel_i0 special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1
      special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1`,
    "orthogonal polynomials are not there yet": `
      special.chebyshev_polynomial_t special.chebyshev_polynomial_u special.chebyshev_polynomial_v
      special.chebyshev_polynomial_w special.hermite_polynomial_h special.hermite_polynomial_he
      special.laguerre_polynomial_l special.legendre_polynomial_p special.shifted_chebyshev_polynomial_t
      special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w`,
    "factorisations, and what is computed from them, are not there yet": `
      cholesky linalg.cholesky linalg.det linalg.eigvalsh linalg.inv linalg.matrix_norm linalg.matrix_power linalg.norm
      linalg.slogdet linalg.solve linalg.solve_triangular linalg.svdvals logdet matrix_exp`,
    "linear algebra beyond products is not there yet": "linalg.vander linalg.vector_norm renorm corrcoef cov",
    "reductions with a mask of their own are not there yet": `
      masked.amax masked.amin masked.argmax masked.argmin masked.cumprod masked.cumsum masked.log_softmax
      masked.logaddexp masked.logsumexp masked.mean masked.median masked.norm masked.normalize masked.prod
      masked.softmax masked.softmin masked.std masked.sum masked.var`,
    "statistics and integrals are not there yet": `
      bincount cumulative_trapezoid gradient histc histogram histogramdd mode nanquantile quantile trapezoid trapz`,
    "searching in sorted tensors is not there yet": "bucketize isin msort searchsorted",
    "indices of triangles are not there yet": "tril_indices triu_indices",
    "resampling is not there yet": `
      nn.functional.affine_grid nn.functional.grid_sample nn.functional.interpolate nn.functional.upsample_bilinear
      nn.functional.upsample_nearest`,
    "layers that rearrange channels or windows are not there yet": `
      nn.functional.channel_shuffle nn.functional.fold nn.functional.pixel_shuffle nn.functional.pixel_unshuffle
      nn.functional.unfold`,
    "pooling other than maxima and means over windows is not there yet": `
      nn.functional.adaptive_max_pool1d nn.functional.adaptive_max_pool2d nn.functional.adaptive_max_pool3d
      nn.functional.lp_pool1d nn.functional.lp_pool2d nn.functional.max_unpool1d nn.functional.max_unpool2d
      nn.functional.max_unpool3d`,
    "the loss is not there yet": `
      nn.functional.cosine_embedding_loss nn.functional.ctc_loss nn.functional.gaussian_nll_loss
      nn.functional.hinge_embedding_loss nn.functional.margin_ranking_loss nn.functional.multi_margin_loss
      nn.functional.multilabel_margin_loss nn.functional.multilabel_soft_margin_loss nn.functional.poisson_nll_loss
      nn.functional.soft_margin_loss nn.functional.triplet_margin_loss`,
    "the layer is not there yet": `
      nn.functional.bilinear nn.functional.embedding_bag nn.functional.local_response_norm nn.functional.pdist`,
  }),
  modules: list({
    "recurrent layers are not there yet": "GRU GRUCell LSTM LSTMCell RNN RNNCell",
    "attention layers are not there yet": `
      MultiheadAttention Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer`,
    "padding layers are not there yet": `
      ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d
      ReplicationPad2d ReplicationPad3d ZeroPad2d`,
    "resampling is not there yet": "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
    "layers that rearrange channels or windows are not there yet":
      "ChannelShuffle Fold PixelShuffle PixelUnshuffle Unfold",
    "pooling other than maxima and means over windows is not there yet": `
      AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d LPPool1d LPPool2d MaxUnpool1d MaxUnpool2d MaxUnpool3d`,
    "the loss is not there yet": `
      CTCLoss CosineEmbeddingLoss GaussianNLLLoss HingeEmbeddingLoss MarginRankingLoss MultiLabelMarginLoss
      MultiLabelSoftMarginLoss MultiMarginLoss PoissonNLLLoss SoftMarginLoss TripletMarginLoss
      TripletMarginWithDistanceLoss`,
    "the layer is not there yet": `
      AlphaDropout Bilinear CosineSimilarity EmbeddingBag FeatureAlphaDropout LocalResponseNorm PairwiseDistance RReLU
      Softmax2d weight_norm`,
  }),
  optim: list({
    "an optimiser that evaluates the loss several times a step is not there yet": "LBFGS",
  }),
  training: list({
    "recurrent layers are not there yet": "LSTMClassifier",
  }),
};
