/**
 * The kernels' gradient of groups with one or two output channels (depthwise convolution) in C: lanes lie along the
 * pixels of a row, and the lanes of each sum are added at the end, halves first. Floor: codegen.
 */
import type { ConvKernel } from "../../../schedule/conv.ts";
import { eachPiece, gradientArguments, gradientWorkspace, rowOffsets } from "./gradient.ts";
import { slabSetup } from "./direct.ts";
import { kernelFunction, range, slabFunctions } from "./text.ts";
import { once } from "../contract/tile.ts";
import type { CTarget } from "../target.ts";

/** Rows of sums that are kept in registers. */
const height = 8;

function tileFunction(lanes: number): string {
  const rows = range(height);
  return once(
    "conv_narrow",
    `/* Adds to the sums of rows (channel, tap) the products of a piece; row i is of the pixels at p + at[i]. */
static __attribute__((noinline)) void conv_narrow(const float *p, const int64_t *at, int64_t pitch, const float *d,
    int64_t dRow, int64_t rows, int64_t columns, float *sums) {
  ${rows.map((i) => `const float *p${i} = p + at[${i}];`).join(" ")}
  ${rows.map((i) => `f32v s${i} = {};`).join(" ")}
  const i32v inside = first_v(columns % ${lanes});
  for (int64_t y = 0; y < rows; y++, d += dRow) {
    int64_t x = 0;
    for (; x + ${lanes} <= columns; x += ${lanes}) {
      const f32v b = LOAD(f32v, d + x);
      ${rows.map((i) => `s${i} += LOAD(f32v, p${i} + x) * b;`).join(" ")}
    }
    if (x < columns) {
      const f32v b = (f32v)((i32v)LOAD(f32v, d + x) & inside);
      ${rows.map((i) => `s${i} += (f32v)((i32v)LOAD(f32v, p${i} + x) & inside) * b;`).join("\n      ")}
    }
    ${rows.map((i) => `p${i} += pitch;`).join(" ")}
  }
  ${rows.map((i) => `STORE(f32v, sums + ${i * lanes}, LOAD(f32v, sums + ${i * lanes}) + s${i});`).join("\n  ")}
}`,
  );
}

export function narrowGradientSource(name: string, target: CTarget, kernel: ConvKernel): string {
  const lanes = target.vectorBytes / 4;
  const at = gradientWorkspace(target);
  const main = kernelFunction(
    name,
    gradientArguments(kernel, target),
    `    int64_t *places = (int64_t *)workspace, *offsets = (int64_t *)(workspace + ${at.offsets});
    float *sums = (float *)(workspace + ${at.sums}), *piece = (float *)(workspace + ${at.slab});
    const int64_t taps = tapRows * tapColumns;
${slabSetup("    ")}
    int64_t rest = unit;
    const int64_t c0 = rest % channelBlocks * channelStep; rest /= channelBlocks;
    const int64_t group = rest % groups, part = rest / groups, o0 = 0;
    const int64_t own = least(channelStep, channels - c0), count = own * taps;
${rowOffsets(height)}
    /* The sums of the second output channel lie behind those of the first. */
    const int64_t step = (count + ${height}) * ${lanes};
    for (int64_t k = 0; k < outs * step; k += ${lanes}) STORE(f32v, sums + k, (f32v){});
${eachPiece(`          for (int64_t o = 0; o < outs; o++) {
            for (int64_t k = 0; k < count; k += ${height}) {
              conv_narrow(piece, offsets + k, slab.pitch, from_dy + o * yChannel + y0 * yRow + x0, yRow, rows, columns,
                  sums + o * step + k * ${lanes});
            }
          }`)}
    float *to = parts + ((part * groups + group) * channels + c0) * taps * outPadded;
    for (int64_t k = 0; k < count; k++, to += outPadded) {
      for (int64_t o = 0; o < outs; o++) {
        float *s = sums + o * step + k * ${lanes};
        for (int64_t half = ${lanes / 2}; half > 0; half /= 2) {
          for (int64_t i = 0; i < half; i++) s[i] += s[i + half];
        }
        to[o] = s[0];
      }
    }`,
  );
  return [slabFunctions(target), tileFunction(lanes), main].join("");
}
