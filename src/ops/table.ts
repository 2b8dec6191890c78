/** THE TABLE: every primitive, once. Floor: ops. */
import * as arithmetic from "./arithmetic.ts";
import { attention, attentionGradient } from "./attention.ts";
import * as compare from "./compare.ts";
import { dot } from "./contract.ts";
import { derived } from "./derived.ts";
import { conv, convInput, convWeight } from "./conv.ts";
import { either } from "./either.ts";
import * as exponential from "./exponential.ts";
import { cumulate, gather, scatter, sort, window, windowMax } from "./gather.ts";
import { constant, iota, leaf } from "./leaf.ts";
import { loop } from "./loop.ts";
import * as numeric from "./numeric.ts";
import { threefry } from "./random.ts";
import { argmax, argmin, max, min, prod, sum } from "./reduce.ts";
import * as special from "./special.ts";
import * as trigonometric from "./trigonometric.ts";
import { concat, expand, pad, permute, reshape, slice } from "./view.ts";

export const table = {
  leaf,
  constant,
  iota,
  ...arithmetic,
  ...compare,
  ...numeric,
  ...exponential,
  ...trigonometric,
  ...special,
  threefry,
  reshape,
  permute,
  expand,
  slice,
  pad,
  concat,
  derived,
  sum,
  prod,
  max,
  min,
  argmax,
  argmin,
  dot,
  conv,
  convInput,
  convWeight,
  gather,
  scatter,
  window,
  windowMax,
  sort,
  cumulate,
  loop,
  attention,
  attentionGradient,
  either,
};

export type Table = typeof table;
