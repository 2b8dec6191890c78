/**
 * Attention in C: softmax(scale · q keyᵀ + mask) v for a block of rows of q, over blocks of keys. What was summed so far is
 * scaled down where a larger score comes (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018), so
 * that memory is needed for one block of scores. A unit is a block of rows of one head. Floor: codegen.
 */
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
import { once } from "../contract/tile.ts";
import { type ConvArguments, kernelFunction } from "../conv/text.ts";
import type { CTarget } from "../target.ts";

/** Keys of a block. */
const blockKeys = 128;

const inputs = ["q", "key", "v"] as const;

export function forwardWorkspace(target: CTarget) {
  return workspace({
    rows: 4 * 3 * blockRows,
    turned: turnedBytes,
    scores: 4 * blockRows * blockKeys,
    scratch: scratchBytes(target),
  });
}

export function forwardArguments(kernel: AttentionKernel): ConvArguments & { readonly units: number } {
  const list = commonArguments(kernel, inputs, "result");
  const blocks = Math.ceil(kernel.rows / blockRows);
  return { ...list, words: { ...list.words, blocks }, units: (list.words["heads"] as number) * blocks };
}

export function forwardSource(name: string, target: CTarget, kernel: AttentionKernel): string {
  const lanes = target.vectorBytes / 4;
  const at = forwardWorkspace(target);
  const body = `    const int64_t head = unit / blocks, i0 = unit % blocks * ${blockRows}, count = least(rows - i0, ${blockRows});
    const int64_t groups = (count + ${lanes - 1}) / ${lanes};
    ${headText(inputs)}
    float *const peaks = (float *)(workspace + ${at.rows}), *const totals = peaks + ${blockRows}, *const factors = totals + ${blockRows};
    float *const scores = (float *)(workspace + ${at.scores});
    char *const turned = workspace + ${at.turned}, *const scratch = workspace + ${at.scratch};
    float *const out = result + (head * rows + i0) * valueWidth;
    attention_turn(turned, qHead + i0 * qRow, qRow, count, width);
    for (int64_t i = 0; i < ${blockRows}; i += ${lanes}) {
      STORE(f32v, peaks + i, F32V(-__builtin_inff()));
      STORE(f32v, totals + i, F32V(0));
    }
    const int64_t end = causal ? least(keys, i0 + count) : keys;
    for (int64_t j0 = 0; j0 < end; j0 += ${blockKeys}) {
      const int64_t block = least(end - j0, ${blockKeys});
      ${scoresText(target, {
        k: "width",
        a: "keyHead + j0 * keyRow",
        aStep: "4 * keyRow",
        b: "turned",
        c: "(char *)scores",
        rows: "block",
      })}
      const int64_t isCut = causal && j0 + block - 1 > i0, isMasked = maskKind || (isCut && factor == 0);
      if (isMasked) attention_mask(scores, block, j0, i0, count, factor, isCut, maskKind, maskHead, maskRow, maskColumn);
      else if (isCut) attention_cut(scores, block, j0, i0, groups, factor);
      attention_weights(scores, block, groups, isMasked ? 1 : factor, peaks, totals, factors);
      if (j0 > 0) for (int64_t i = 0; i < count; i++) attention_scale(out + i * valueWidth, valueWidth, factors[i]);
      ${productText(target, {
        form: "columns",
        k: "block",
        a: "scores",
        aStep: `${4 * blockRows}`,
        b: "(const char *)(vHead + j0 * vRow)",
        bStep: "4 * vRow",
        c: "(char *)out",
        cStep: "4 * valueWidth",
        rows: "count",
        columns: "valueWidth",
        adds: "j0 > 0",
      })}
    }
    float *const largest = result + heads * rows * valueWidth + head * rows + i0, *const inverses = largest + heads * rows;
    for (int64_t i = 0; i < count; i++) {
      /* A masked row may be empty; one that is not has no number where no score is one. */
      const float inverse = 1.0f / (maskKind && totals[i] == 0 ? 1.0f : totals[i]);
      attention_scale(out + i * valueWidth, valueWidth, inverse);
      largest[i] = peaks[i] == -__builtin_inff() ? 0 : peaks[i];
      inverses[i] = inverse;
    }`;
  return [attentionHelpers(target), weightsFunction(lanes), kernelFunction(name, forwardArguments(kernel), body)].join(
    "",
  );
}

function weightsFunction(lanes: number): string {
  return once(
    "attention_weights",
    `/*
 * Scores s become 2^(factor * s - peak) with the largest factor * s of these and those before as the peak. What was
 * summed with the peak before is to be multiplied by what comes in \`factors\`; the total is.
 */
static __attribute__((noinline)) void attention_weights(float *scores, int64_t keys, int64_t groups, float factor,
    float *peaks, float *totals, float *factors) {
  for (int64_t i = 0; i < groups * ${lanes}; i += ${lanes}) {
    const f32v before = LOAD(f32v, peaks + i);
    f32v peak = before, other = before, total = {};
    int64_t j = 0;
    for (; j + 1 < keys; j += 2) {
      peak = bound_max_f32v(LOAD(f32v, scores + j * ${blockRows} + i) * factor, peak);
      other = bound_max_f32v(LOAD(f32v, scores + (j + 1) * ${blockRows} + i) * factor, other);
    }
    if (j < keys) peak = bound_max_f32v(LOAD(f32v, scores + j * ${blockRows} + i) * factor, peak);
    peak = bound_max_f32v(other, peak);
    const f32v shift = select_f32v(peak == F32V(-__builtin_inff()), F32V(0), peak);
    for (j = 0; j < keys; j++) {
      const f32v p = attention_power(LOAD(f32v, scores + j * ${blockRows} + i) * factor - shift);
      STORE(f32v, scores + j * ${blockRows} + i, p);
      total += p;
    }
    const f32v down = attention_power(before - shift);
    STORE(f32v, factors + i, down);
    STORE(f32v, totals + i, LOAD(f32v, totals + i) * down + total);
    STORE(f32v, peaks + i, peak);
  }
}`,
  );
}
