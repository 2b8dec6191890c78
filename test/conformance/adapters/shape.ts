/** Views, joining, splitting, creation. */
import { Tensor } from "../../../src/tensor/tensor.ts";
import { type Adapter, adapter, adaptersOf, functionTarget, methodTarget } from "../signature.ts";
import { DtypeValue } from "../values.ts";

/** A function of PyTorch that takes one tensor or a list of them. */
function ofEach(name: string): Adapter {
  const target = methodTarget(name);
  return adapter([target], ([x]) => (Array.isArray(x) ? x.map((one) => target.invoke([one])) : target.invoke([x])));
}

/** Positions that PyTorch takes as tensors, too, are numbers here: reading a tensor is the user's own line. */
function reading(name: string): Adapter {
  const target = methodTarget(name);
  return adapter([target], async ([x, ...args], { dim }) => {
    const numbers = await Promise.all(args.map((arg) => (arg instanceof Tensor ? arg.array() : arg)));
    return target.invoke(dim === undefined ? [x, ...numbers] : [x, ...numbers, dim]);
  });
}

const sumToSize = methodTarget("sumToSize");
const arange = functionTarget("arange");

export const shape = new Map<string, Adapter>([
  ...adaptersOf(`
    T(input) = input.T
    mT(input) = input.mT
    t(input) = input.t()
    as_strided(input, size, stride, storage_offset) = input.asStrided(size, stride, {storage_offset})
    block_diag(*tensors) = blockDiag(...tensors)
    broadcast_shapes(*shapes) = broadcastShapes(...shapes)
    broadcast_tensors(*tensors) = broadcastTensors(...tensors)
    broadcast_to(input, size) = input.broadcastTo(size)
    cartesian_prod(*tensors) = cartesianProd(...tensors)
    cat(tensors, dim) = cat(tensors, dim)
    chunk(input, chunks, dim) = input.chunk(chunks, dim)
    column_stack(tensors) = columnStack(tensors)
    combinations(input, r, with_replacement) = combinations(input, {r, with_replacement})
    diag(input, diagonal) = input.diag(diagonal)
    diag_embed(input, offset, dim1, dim2) = input.diagEmbed(offset, dim1, dim2)
    diagflat(input, offset) = input.diagflat(offset)
    diagonal(input, offset, dim1, dim2) = input.diagonal(offset, dim1, dim2)
    dsplit(input, indices_or_sections) = input.dsplit(indices_or_sections)
    dstack(tensors) = dstack(tensors)
    expand(input, size) = input.expand(size)
    expand_as(input, other) = input.expandAs(other)
    flatten(input, start_dim, end_dim) = input.flatten(start_dim, end_dim)
    flip(input, dims) = input.flip(dims)
    fliplr(input) = input.fliplr()
    flipud(input) = input.flipud()
    hsplit(input, indices_or_sections) = input.hsplit(indices_or_sections)
    hstack(tensors) = hstack(tensors)
    meshgrid(tensors, indexing) = meshgrid(tensors, {indexing})
    movedim(input, source, destination) = input.movedim(source, destination)
    permute(input, dims) = input.permute(dims)
    ravel(input) = input.ravel()
    repeat(input, sizes) = input.repeat(sizes)
    repeat_interleave(input, repeats, dim) = input.repeatInterleave(repeats, dim)
    reshape(input, shape) = input.reshape(shape)
    reshape_as(input, other) = input.reshapeAs(other)
    roll(input, shifts, dims) = input.roll(shifts, dims)
    rot90(input, k, dims) = input.rot90(k, dims)
    select(input, dim, index) = input.select(dim, index)
    split(input, split_size_or_sections, dim) = input.split(split_size_or_sections, dim)
    split_with_sizes(input, split_sizes, dim) = input.splitWithSizes(split_sizes, dim)
    squeeze(input, dim) = input.squeeze(dim)
    stack(tensors, dim) = stack(tensors, dim)
    tile(input, dims) = input.tile(dims)
    transpose(input, dim0, dim1) = input.transpose(dim0, dim1)
    tril(input, diagonal) = input.tril(diagonal)
    triu(input, diagonal) = input.triu(diagonal)
    unbind(input, dim) = input.unbind(dim)
    unflatten(input, dim, sizes) = input.unflatten(dim, sizes)
    unfold(input, dimension, size, step) = input.unfold(dimension, size, step)
    unsqueeze(input, dim) = input.unsqueeze(dim)
    view(input, shape) = input.view(shape)
    view_as(input, other) = input.viewAs(other)
    vsplit(input, indices_or_sections) = input.vsplit(indices_or_sections)
    vstack(tensors) = vstack(tensors)

    empty_like(input, *, dtype) = emptyLike(input, {dtype})
    eye(n, m, *, dtype) = eye(n, m, {dtype})
    full_like(input, fill_value, *, dtype) = fullLike(input, fill_value, {dtype})
    linspace(start, end, steps, *, dtype) = linspace(start, end, steps, {dtype})
    logspace(start, end, steps, base, *, dtype) = logspace(start, end, steps, {base, dtype})
    new_empty(input, size, *, dtype) = input.newEmpty(size, {dtype})
    new_full(input, size, fill_value, *, dtype) = input.newFull(size, fill_value, {dtype})
    new_ones(input, size, *, dtype) = input.newOnes(size, {dtype})
    new_zeros(input, size, *, dtype) = input.newZeros(size, {dtype})
    nn.functional.one_hot(input, num_classes) = input.oneHot(num_classes)
    ones(size, *, dtype) = ones(size, {dtype})
    ones_like(input, *, dtype) = onesLike(input, {dtype})
    tril_indices(row, col, offset, *, -dtype) = trilIndices(row, col, {offset})
    triu_indices(row, col, offset, *, -dtype) = triuIndices(row, col, {offset})
    zeros(size, *, dtype) = zeros(size, {dtype})
    zeros_like(input, *, dtype) = zerosLike(input, {dtype})
  `),
  ["atleast_1d", ofEach("atleast1d")],
  ["atleast_2d", ofEach("atleast2d")],
  ["atleast_3d", ofEach("atleast3d")],
  ["narrow", reading("narrow")],
  ["narrow_copy", reading("narrowCopy")],
  ["tensor_split", reading("tensorSplit")],
  // The sizes come as one list or one by one.
  ["sum_to_size", adapter([sumToSize], ([x, ...sizes]) => sumToSize.invoke([x, sizes.flat()]))],
  // Python's booleans are numbers there.
  [
    "arange",
    adapter([arange], ([start, end, step], { end: named, dtype }) => {
      const numbers = [start, end ?? named, step].filter((x) => x !== undefined).map(Number);
      return arange.invoke(dtype instanceof DtypeValue ? [...numbers, { dtype: dtype.dtype }] : numbers);
    }),
  ],
]);
