/**
 * The gradients of attention in C, with weights p computed again from the largest score of each row and 1 / Σ:
 * dv = pᵀ g, ds = scale · p ∘ (g vᵀ − Σ g ∘ result), dq = ds key, dkey = dsᵀ q, by blocks of rows of q and of keys (Dao et
 * al., "FlashAttention", 2022). A unit is a run of rows of one head; it has sums for all keys of its own. Floor: codegen.
 */
import { attentionParts, rowsOfPart } from "../../../ops/attention.ts";
import type { AttentionKernel } from "../../../schedule/attention.ts";
import {
  attentionHelpers,
  blockRows,
  commonArguments,
  headText,
  productText,
  scoresText,
  scratchBytes,
  turnedBytes,
  workspace,
} from "./text.ts";
import { once, tileShape } from "../contract/tile.ts";
import { type ConvArguments, kernelFunction } from "../conv/text.ts";
import type { CTarget } from "../target.ts";

/** Keys of a block. */
const blockKeys = 128;

const inputs = ["q", "key", "v", "made", "dy"] as const;

export function gradientWorkspace(target: CTarget) {
  const block = 4 * blockRows * blockKeys;
  return workspace({
    rows: 4 * blockRows,
    queries: turnedBytes,
    gradients: turnedBytes,
    results: turnedBytes,
    scores: block,
    slopes: block,
    scratch: scratchBytes(target),
  });
}

export function gradientArguments(kernel: AttentionKernel): ConvArguments & { readonly units: number } {
  const list = commonArguments(kernel, inputs, "result");
  const { rows, parts } = kernel;
  const count = list.words["heads"] as number;
  const { forward, gradient } = attentionParts({ ...kernel, count }, parts);
  const { peaks, inverses } = forward;
  const { dKey, dValue } = gradient;
  const words = { ...list.words, parts, partRows: rowsOfPart(rows, parts), peaks, inverses, dKey, dValue };
  return { ...list, words, units: count * parts };
}

export function gradientSource(name: string, target: CTarget, kernel: AttentionKernel): string {
  const lanes = target.vectorBytes / 4;
  const at = gradientWorkspace(target);
  const scoreStep = `${4 * blockRows}`;
  const body = `    const int64_t head = unit / parts, part = unit % parts;
    ${headText(["q", "key", "v", "dy"])}
    float *const deltas = (float *)(workspace + ${at.rows});
    float *const scores = (float *)(workspace + ${at.scores}), *const slopes = (float *)(workspace + ${at.slopes});
    char *const queries = workspace + ${at.queries}, *const gradients = workspace + ${at.gradients};
    char *const results = workspace + ${at.results}, *const scratch = workspace + ${at.scratch};
    const float *const largest = made + peaks + head * rows, *const inverse = made + inverses + head * rows;
    float *const dk = result + dKey + (part * heads + head) * keys * width;
    float *const dv = result + dValue + (part * heads + head) * keys * valueWidth;
    /* Keys from here on have no sums yet. */
    int64_t seen = 0;
    const int64_t last = least(rows, (part + 1) * partRows);
    for (int64_t i0 = part * partRows; i0 < last; i0 += ${blockRows}) {
      const int64_t count = least(last - i0, ${blockRows}), groups = (count + ${lanes - 1}) / ${lanes};
      float *const dq = result + (head * rows + i0) * width;
      attention_turn(queries, qHead + i0 * qRow, qRow, count, width);
      attention_turn(gradients, dyHead + i0 * dyRow, dyRow, count, valueWidth);
      attention_turn(results, made + (head * rows + i0) * valueWidth, valueWidth, count, valueWidth);
      attention_deltas(deltas, gradients, results, groups, valueWidth);
      const int64_t end = causal ? least(keys, i0 + count) : keys;
      for (int64_t j0 = 0; j0 < end; j0 += ${blockKeys}) {
        const int64_t block = least(end - j0, ${blockKeys}), adds = j0 < seen;
        if (adds && j0 + block > seen) {
          __builtin_memset(dk + seen * width, 0, 4 * (j0 + block - seen) * width);
          __builtin_memset(dv + seen * valueWidth, 0, 4 * (j0 + block - seen) * valueWidth);
        }
        ${scoresText(target, {
          k: "width",
          a: "keyHead + j0 * keyRow",
          aStep: "4 * keyRow",
          b: "queries",
          c: "(char *)scores",
          rows: "block",
        })}
        ${scoresText(target, {
          k: "valueWidth",
          a: "vHead + j0 * vRow",
          aStep: "4 * vRow",
          b: "gradients",
          c: "(char *)slopes",
          rows: "block",
        })}
        const int64_t isCut = causal && j0 + block - 1 > i0, isMasked = maskKind || (isCut && factor == 0);
        if (isMasked) attention_mask(scores, block, j0, i0, count, factor, isCut, maskKind, maskHead, maskRow, maskColumn);
        else if (isCut) attention_cut(scores, block, j0, i0, groups, factor);
        attention_slopes(scores, slopes, block, groups, isMasked ? 1 : factor, scale, largest + i0, inverse + i0, deltas);
        ${productText(target, {
          form: "lines",
          k: "count",
          a: "scores",
          aStep: scoreStep,
          b: "(const char *)(dyHead + i0 * dyRow)",
          bStep: "4 * dyRow",
          c: "(char *)(dv + j0 * valueWidth)",
          cStep: "4 * valueWidth",
          rows: "block",
          columns: "valueWidth",
          adds: "adds",
        })}
        ${productText(target, {
          form: "lines",
          k: "count",
          a: "slopes",
          aStep: scoreStep,
          b: "(const char *)(qHead + i0 * qRow)",
          bStep: "4 * qRow",
          c: "(char *)(dk + j0 * width)",
          cStep: "4 * width",
          rows: "block",
          columns: "width",
          adds: "adds",
        })}
        ${productText(target, {
          form: "columns",
          k: "block",
          a: "slopes",
          aStep: scoreStep,
          b: "(const char *)(keyHead + j0 * keyRow)",
          bStep: "4 * keyRow",
          c: "(char *)dq",
          cStep: "4 * width",
          rows: "count",
          columns: "width",
          adds: "j0 > 0",
        })}
      }
      seen = seen > end ? seen : end;
    }
    __builtin_memset(dk + seen * width, 0, 4 * (keys - seen) * width);
    __builtin_memset(dv + seen * valueWidth, 0, 4 * (keys - seen) * valueWidth);`;
  return [attentionHelpers(target), slopesFunction(target), kernelFunction(name, gradientArguments(kernel), body)].join(
    "",
  );
}

function slopesFunction(target: CTarget): string {
  const { lanes, columns } = tileShape(target, "float32");
  const step = 4 * columns;
  return once(
    "attention_slopes",
    `/* For each row the sum of products of gradient and result, both turned over. */
static __attribute__((noinline)) void attention_deltas(float *deltas, const char *g, const char *y, int64_t groups,
    int64_t width) {
  for (int64_t group = 0; group < groups; group++) {
    const int64_t at = turnedPlace(group, width);
    f32v sum = {};
    for (int64_t d = 0; d < width; d++) sum += LOAD(f32v, g + at + d * ${step}) * LOAD(f32v, y + at + d * ${step});
    STORE(f32v, deltas + group * ${lanes}, sum);
  }
}
/* Scores s become weights p = 2^(factor * s - largest) * inverse, and products t become scale * p * (t - delta). */
static __attribute__((noinline)) void attention_slopes(float *scores, float *slopes, int64_t keys, int64_t groups,
    float factor, float scale, const float *largest, const float *inverse, const float *deltas) {
  for (int64_t i = 0; i < groups * ${lanes}; i += ${lanes}) {
    const f32v peak = LOAD(f32v, largest + i), over = LOAD(f32v, inverse + i), delta = LOAD(f32v, deltas + i);
    for (int64_t j = i; j < keys * ${blockRows}; j += ${blockRows}) {
      const f32v p = attention_power(LOAD(f32v, scores + j) * factor - peak) * over;
      STORE(f32v, scores + j, p);
      STORE(f32v, slopes + j, p * (LOAD(f32v, slopes + j) - delta) * scale);
    }
  }
}`,
  );
}
