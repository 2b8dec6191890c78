/** Reading and writing by positions, indices and masks. */
import { type Adapter, adapter, adaptersOf, methodTarget } from "../signature.ts";
import { Slice, ellipsis } from "../values.ts";

const at = methodTarget("at");
const indexAdd = methodTarget("indexAdd");
const indexPut = methodTarget("indexPut");

/** A part of a Python index as `at` takes it: slices are texts. */
function part(index: unknown): unknown {
  if (index === ellipsis) return "...";
  if (!(index instanceof Slice)) return index;
  const text = index.parts.map((bound) => (bound === null ? "" : String(bound)));
  return text[2] === "" ? text.slice(0, 2).join(":") : text.join(":");
}

/** A list is one index of the first dim if it holds numbers only, else one index for each dim. */
function parts(index: unknown): unknown[] {
  const isTuple = Array.isArray(index) && !index.every((item) => typeof item === "number");
  return isTuple ? index.map(part) : [part(index)];
}

export const indexing = new Map<string, Adapter>([
  ...adaptersOf(`
    argwhere(input) = input.argwhere()
    diagonal_scatter(input, src, offset, dim1, dim2) = input.diagonalScatter(src, offset, dim1, dim2)
    gather(input, dim, index) = input.gather(dim, index)
    index_copy(input, dim, index, source) = input.indexCopy(dim, index, source)
    index_fill(input, dim, index, value) = input.indexFill(dim, index, value)
    index_reduce(input, dim, index, source, reduce, *, include_self) = input.indexReduce(dim, index, source, reduce, {include_self})
    index_select(input, dim, index) = input.indexSelect(dim, index)
    masked_fill(input, mask, value) = input.maskedFill(mask, value)
    masked_scatter(input, mask, source) = input.maskedScatter(mask, source)
    masked_select(input, mask) = input.maskedSelect(mask)
    nonzero(input, *, as_tuple) = input.nonzero({as_tuple})
    put(input, index, source, accumulate) = input.put(index, source, {accumulate})
    scatter(input, dim, index, src, *, reduce) = input.scatter(dim, index, src, {reduce})
    scatter_add(input, dim, index, src) = input.scatterAdd(dim, index, src)
    scatter_reduce(input, dim, index, src, reduce, *, include_self) = input.scatterReduce(dim, index, src, reduce, {include_self})
    select_scatter(input, src, dim, index) = input.selectScatter(src, dim, index)
    slice_scatter(input, src, dim, start, end, step) = input.sliceScatter(src, dim, start, end, step)
    take(input, index) = input.take(index)
    take_along_dim(input, indices, dim) = input.takeAlongDim(indices, dim)
  `),
  ["__getitem__", adapter([at], ([x, index]) => at.invoke([x, ...parts(index)]))],
  // Python's booleans are numbers there.
  [
    "index_add",
    adapter([indexAdd], (args, { alpha }) =>
      indexAdd.invoke(alpha === undefined ? args : [...args, { alpha: Number(alpha) }]),
    ),
  ],
  [
    "index_put",
    adapter([indexPut], ([x, index, values], { accumulate }) => indexPut.invoke([x, index, values, { accumulate }])),
  ],
]);
