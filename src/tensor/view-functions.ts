/** Views, arrangements and indexing as free functions: `transpose(x, 0, 1)` is `x.transpose(0, 1)`. Floor: tensor. */
import { free } from "./free.ts";

// Views

/** The same elements in another shape. */
export const reshape = free("reshape");
/** Dims joined into one. */
export const flatten = free("flatten");
/** One dim split into several. */
export const unflatten = free("unflatten");
/** All elements in one dim. */
export const ravel = free("ravel");
/** The dims in another order. */
export const permute = free("permute");
/** Two dims exchanged. */
export const transpose = free("transpose");
/** Two dims exchanged. */
export const swapaxes = free("swapaxes");
/** Dims moved to other places. */
export const movedim = free("movedim");
/** Repeated to a shape without copying. */
export const broadcastTo = free("broadcastTo");
/** Without dims of extent 1. */
export const squeeze = free("squeeze");
/** With a new dim of extent 1. */
export const unsqueeze = free("unsqueeze");
/** With at least one dim. */
export const atleast1d = free("atleast1d");
/** With at least two dims. */
export const atleast2d = free("atleast2d");
/** With at least three dims. */
export const atleast3d = free("atleast3d");
/** A number of elements of a dim. */
export const narrow = free("narrow");
/** One part of a dim. */
export const select = free("select");
/** Parts of given sizes. */
export const split = free("split");
/** At most so many parts of equal size. */
export const chunk = free("chunk");
/** Exactly so many parts. */
export const tensorSplit = free("tensorSplit");
/** Parts along dim 1. */
export const hsplit = free("hsplit");
/** Parts along dim 0. */
export const vsplit = free("vsplit");
/** Parts along dim 2. */
export const dsplit = free("dsplit");
/** All parts along a dim. */
export const unbind = free("unbind");

// Arrangements

/** Elements in reverse order along dims. */
export const flip = free("flip");
/** Columns in reverse order. */
export const fliplr = free("fliplr");
/** Rows in reverse order. */
export const flipud = free("flipud");
/** Elements moved on, those at the end to the start. */
export const roll = free("roll");
/** Turned by 90 degrees in a plane. */
export const rot90 = free("rot90");
/** The whole tensor several times. */
export const tile = free("tile");
/** Each element several times in a row. */
export const repeatInterleave = free("repeatInterleave");
/** A vector as a diagonal, or the diagonal of a matrix. */
export const diag = free("diag");
/** The diagonal of matrices. */
export const diagonal = free("diagonal");
/** Matrices with the elements on their diagonal. */
export const diagEmbed = free("diagEmbed");
/** A matrix with all elements on its diagonal. */
export const diagflat = free("diagflat");
/** Lower triangles. */
export const tril = free("tril");
/** Upper triangles. */
export const triu = free("triu");

// Positions and masks

/** Elements at positions along a dim. */
export const gather = free("gather");
/** Elements put at positions along a dim. */
export const scatter = free("scatter");
/** Elements added at positions along a dim. */
export const scatterAdd = free("scatterAdd");
/** Elements folded at positions along a dim. */
export const scatterReduce = free("scatterReduce");
/** Parts at positions along a dim. */
export const indexSelect = free("indexSelect");
/** Parts added at positions along a dim. */
export const indexAdd = free("indexAdd");
/** Parts put at positions along a dim. */
export const indexCopy = free("indexCopy");
/** One value at positions along a dim. */
export const indexFill = free("indexFill");
/** Elements at positions in the flattened tensor. */
export const take = free("take");
/** Elements at positions along a dim, which broadcast. */
export const takeAlongDim = free("takeAlongDim");
/** A value where a mask holds. */
export const maskedFill = free("maskedFill");
/** The elements where a mask holds. */
export const maskedSelect = free("maskedSelect");
/** Where elements are not 0. */
export const argwhere = free("argwhere");
/** Distinct values. */
export const unique = free("unique");
/** 1 at the class that each element names. */
export const oneHot = free("oneHot");
