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
  }),
  modules: list({}),
  optim: list({}),
  training: list({}),
};
