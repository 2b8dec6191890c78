/** Reductions, running sums, sorting and searching. */
import { type Adapter, type Keywords, adapter, adaptersOf, methodTarget } from "../signature.ts";

/** `std(x, unbiased)`, `std(x, dim, unbiased, keepdim)` and `std(x, *, dim, correction, keepdim)`; unbiased is correction 1. */
function spread(name: string): Adapter {
  const target = methodTarget(name);
  return adapter([target], ([x, second, third, fourth], keywords) => {
    const given = (key: string): unknown => keywords[key] ?? undefined;
    const dim = typeof second === "boolean" ? undefined : (second ?? given("dim"));
    const unbiased = typeof second === "boolean" ? second : (third ?? given("unbiased"));
    const keepdim = fourth ?? given("keepdim");
    const correction = typeof unbiased === "boolean" ? Number(unbiased) : given("correction");
    const options = compact({ correction, keepdim });
    return target.invoke(options === undefined ? (dim === undefined ? [x] : [x, dim]) : [x, dim, options]);
  });
}

/** Ours always gives `{ values, inverse, counts }`; PyTorch gives those that are asked for, sorted or not. */
function distinct(name: string): Adapter {
  const target = methodTarget(name);
  return adapter([target], async ([x], { dim, return_inverse, return_counts }) => {
    const all = await target.invoke(typeof dim === "number" ? [x, { dim }] : [x]);
    const wanted = [
      "values",
      ...(return_inverse === true ? ["inverse"] : []),
      ...(return_counts === true ? ["counts"] : []),
    ];
    const results = wanted.map((field) => Reflect.get(all as object, field) as unknown);
    return results.length === 1 ? results[0] : results;
  });
}

function compact(options: Keywords): Keywords | undefined {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

export const reduction = new Map<string, Adapter>([
  ...adaptersOf(`
    all(input, dim, keepdim) = input.all(dim, {keepdim})
    amax(input, dim, keepdim) = input.amax(dim, {keepdim})
    amin(input, dim, keepdim) = input.amin(dim, {keepdim})
    aminmax(input, *, dim, keepdim) = input.aminmax(dim, {keepdim})
    any(input, dim, keepdim) = input.any(dim, {keepdim})
    argmax(input, dim, keepdim) = input.argmax(dim, {keepdim})
    argmin(input, dim, keepdim) = input.argmin(dim, {keepdim})
    count_nonzero(input, dim) = input.countNonzero(dim)
    logsumexp(input, dim, keepdim) = input.logsumexp(dim, {keepdim})
    mean(input, dim, keepdim, *, dtype) = input.mean(dim, {keepdim, dtype})
    median(input, dim, keepdim) = input.median(dim, {keepdim})
    mode(input, dim, keepdim) = input.mode(dim, {keepdim})
    nanmean(input, dim, keepdim, *, dtype) = input.nanmean(dim, {keepdim, dtype})
    nanmedian(input, dim, keepdim) = input.nanmedian(dim, {keepdim})
    nanquantile(input, q, dim, keepdim, *, interpolation) = input.nanquantile(q, dim, {keepdim, interpolation})
    nansum(input, dim, keepdim, *, dtype) = input.nansum(dim, {keepdim, dtype})
    norm(input, p, dim, keepdim, dtype) = input.norm(p, dim, {keepdim, dtype})
    prod(input, dim, keepdim, *, dtype) = input.prod(dim, {keepdim, dtype})
    quantile(input, q, dim, keepdim, *, interpolation) = input.quantile(q, dim, {keepdim, interpolation})
    renorm(input, p, dim, maxnorm) = input.renorm(p, dim, maxnorm)
    sum(input, dim, keepdim, *, dtype) = input.sum(dim, {keepdim, dtype})
    trapezoid(y, x, *, dx, dim) = trapezoid(y, x, {dx, dim})
    trapz(y, x, *, dx, dim) = trapz(y, x, {dx, dim})

    cummax(input, dim) = input.cummax(dim)
    cummin(input, dim) = input.cummin(dim)
    cumprod(input, dim, *, dtype) = input.cumprod(dim, {dtype})
    cumsum(input, dim, *, dtype) = input.cumsum(dim, {dtype})
    cumulative_trapezoid(y, x, *, dx, dim) = cumulativeTrapezoid(y, x, {dx, dim})
    diff(input, n, dim, prepend, append) = input.diff(dim, {n, prepend, append})
    gradient(input, *, spacing, dim, edge_order) = input.gradient({spacing, dim, edge_order})
    logcumsumexp(input, dim) = input.logcumsumexp(dim)

    argsort(input, dim, descending, stable) = input.argsort(dim, {descending, stable})
    bincount(input, weights, minlength) = input.bincount({weights, minlength})
    bucketize(input, boundaries, *, -out_int32, right) = bucketize(input, boundaries, {right})
    histc(input, bins, min, max) = input.histc({bins, min, max})
    histogram(input, bins, *, range, weight, density) = input.histogram(bins, {range, weight, density})
    histogramdd(input, bins, *, range, weight, density) = input.histogramdd(bins, {range, weight, density})
    kthvalue(input, k, dim, keepdim) = input.kthvalue(k, dim, {keepdim})
    msort(input) = input.msort()
    searchsorted(sorted_sequence, values, *, -out_int32, right, side, sorter) = searchsorted(sorted_sequence, values, {right, side, sorter})
    sort(input, dim, descending, *, stable) = input.sort(dim, {descending, stable})
    topk(input, k, dim, largest, sorted) = input.topk(k, dim, {largest, sorted})
  `),
  ["unique", distinct("unique")],
  ["unique_consecutive", distinct("uniqueConsecutive")],
  ["std", spread("std")],
  ["var", spread("var")],
  ["std_mean", spread("stdMean")],
  ["var_mean", spread("varMean")],
]);
