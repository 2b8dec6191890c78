/**
 * The kernels' gradient in C without tricks: dw[o, c, tap] = Σ over (n, p) of dy[n, o, p] · x[n, c, p + tap]. Lanes lie
 * across output channels, for which dy is transposed piece by piece; x is read as it is, from a copy with its zeros. Sums
 * of a few rows of pixels, each from zero, are added in the order of images, columns and rows. Floor: codegen.
 */
import { type ConvKernel, partChannels, partSize } from "../../../schedule/conv.ts";
import { mostSlab, roundUp } from "../../../schedule/conv-shape.ts";
import { geometryWords, slabSetup } from "./direct.ts";
import { type ConvTile, convTile, gradientBlocks, mostGradientRows, mostPixels } from "./plan.ts";
import { type ConvArguments, convHelpers, gradientAddresses, kernelFunction, range, slabFunctions } from "./text.ts";
import { once } from "../contract/tile.ts";
import type { CTarget } from "../target.ts";

/** Bytes from the start of the workspace: places of taps and of sums, sums, dy by pixels, the piece of the image. */
export function gradientWorkspace(target: CTarget): Record<"offsets" | "sums" | "dy" | "slab" | "bytes", number> {
  const { lanes, vectors } = convTile(target);
  const offsets = 8 * 1024;
  const sums = offsets + 8 * (mostGradientRows + 64);
  const dy = sums + 4 * (mostGradientRows + 64) * lanes * vectors;
  // Transposing writes whole squares.
  const slab = dy + 4 * (mostPixels + lanes) * lanes * vectors;
  return { offsets, sums, dy, slab, bytes: roundUp(slab + 4 * (mostSlab + 64) + 256, 64) };
}

export function gradientArguments(kernel: ConvKernel, target: CTarget): ConvArguments & { readonly units: number } {
  const { shape, parts } = kernel;
  const blocks = gradientBlocks(shape, parts, convTile(target));
  return {
    units: blocks.units,
    addresses: gradientAddresses(kernel),
    words: {
      ...geometryWords(kernel),
      channelStep: blocks.channels,
      channelBlocks: blocks.channelBlocks,
      outBlocks: blocks.outBlocks,
      rowStep: blocks.rows,
      columnStep: blocks.columns,
      sumRows: blocks.sumRows,
      imagesOfPart: blocks.imagesOfPart,
      outPadded: roundUp(shape.outChannels, partChannels),
    },
  };
}

/** Adds to `height` rows of sums; row i is of the run of pixels at p + at[i]. */
function tileFunction({ lanes, height, vectors }: ConvTile): { name: string; text: string } {
  const name = `conv_gradient_${height}x${vectors}`;
  const [rows, outs] = [range(height), range(vectors)];
  const text = `static __attribute__((noinline)) void ${name}(const float *p, const int64_t *at, int64_t pitch,
    const float *d, int64_t rows, int64_t columns, float *sums) {
  ${rows.map((i) => `const float *p${i} = p + at[${i}];`).join(" ")}
  ${rows.map((i) => `f32v ${outs.map((v) => `s${i}_${v} = {}`).join(", ")};`).join(" ")}
  for (int64_t y = 0; y < rows; y++) {
    for (int64_t x = 0; x < columns; x++, d += ${lanes * vectors}) {
      const f32v ${outs.map((v) => `b${v} = LOAD(f32v, d + ${v * lanes})`).join(", ")};
      ${rows.map((i) => `{ const float a = p${i}[x]; ${outs.map((v) => `s${i}_${v} += a * b${v};`).join(" ")} }`).join("\n      ")}
    }
    ${rows.map((i) => `p${i} += pitch;`).join(" ")}
  }
  ${rows
    .map((i) =>
      outs
        .map((v) => {
          const place = `sums + ${(i * vectors + v) * lanes}`;
          return `STORE(f32v, ${place}, LOAD(f32v, ${place}) + s${i}_${v});`;
        })
        .join(" "),
    )
    .join("\n  ")}
}`;
  return { name, text: once(name, text) };
}

/** dy of some output channels from [o][pixel] to [pixel][o]; channels that are too many repeat the last one. */
function turnFunction({ lanes, vectors }: ConvTile): string {
  return once(
    "conv_turn",
    `static __attribute__((noinline)) void conv_turn(float *to, const float *dy, int64_t yChannel, int64_t yRow,
    int64_t last, int64_t rows, int64_t columns) {
  int64_t at[${lanes * vectors}];
  for (int64_t i = 0; i < ${lanes * vectors}; i++) at[i] = least(i, last) * yChannel;
  for (int64_t y = 0; y < rows; y++, dy += yRow) {
    for (int64_t x = 0; x < columns; x += ${lanes}) {
      float *t = to + (y * columns + x) * ${lanes * vectors};
      for (int64_t v = 0; v < ${lanes * vectors}; v += ${lanes}) conv_square(t + v, ${lanes * vectors}, dy + x, at + v);
    }
  }
}`,
  );
}

/** C text that goes over the pieces of the images of a part: channels from c0 on of x, output channels from o0 on of dy. */
export function eachPiece(body: string): string {
  return `    const int64_t end = least((part + 1) * imagesOfPart, images);
    for (int64_t image = part * imagesOfPart; image < end; image++) {
      const float *from_x = x + image * xImage + (group * channels + c0) * xChannel;
      const float *from_dy = dy + image * yImage + (group * outs + o0) * yChannel;
      for (int64_t x0 = 0; x0 < yColumns; x0 += columnStep) {
        const int64_t columns = least(columnStep, yColumns - x0);
        for (int64_t y0 = 0; y0 < yRows; y0 += rowStep) {
          const int64_t rows = least(rowStep, yRows - y0);
          slab.top = y0 * strideRows - lowRows;
          slab.left = x0 * strideColumns - lowColumns;
          const int64_t needed = pieceRows - (rowStep - rows) * strideRows;
          conv_fill(&slab, piece, from_x, xChannel, xRow, own, (needed + strideRows - 1) / strideRows);
${body}
        }
      }
    }`;
}

/** C text that finds the rows of sums, (channel, tap), in the piece: some more than there are repeat the last one. */
export function rowOffsets(more: number): string {
  return `    for (int64_t k = 0; k < count + ${more}; k++) {
      const int64_t row = least(k, count - 1);
      offsets[k] = row / taps * slab.channelStep + places[row % taps];
    }`;
}

export function gradientSource(name: string, target: CTarget, kernel: ConvKernel): string {
  const tile = convTile(target);
  const { lanes, height, vectors } = tile;
  const width = lanes * vectors;
  const at = gradientWorkspace(target);
  const { name: tileName, text } = tileFunction(tile);
  const main = kernelFunction(
    name,
    gradientArguments(kernel, target),
    `    int64_t *places = (int64_t *)workspace, *offsets = (int64_t *)(workspace + ${at.offsets});
    float *sums = (float *)(workspace + ${at.sums}), *turned = (float *)(workspace + ${at.dy});
    float *piece = (float *)(workspace + ${at.slab});
    const int64_t taps = tapRows * tapColumns;
${slabSetup("    ")}
    int64_t rest = unit;
    const int64_t o0 = rest % outBlocks * ${width}; rest /= outBlocks;
    const int64_t c0 = rest % channelBlocks * channelStep; rest /= channelBlocks;
    const int64_t group = rest % groups, part = rest / groups;
    const int64_t own = least(channelStep, channels - c0), count = own * taps;
${rowOffsets(height)}
    for (int64_t k = 0; k < (count + ${height}) * ${width}; k += ${lanes}) STORE(f32v, sums + k, (f32v){});
${eachPiece(`          for (int64_t y1 = 0; y1 < rows; y1 += sumRows) {
            const int64_t now = least(sumRows, rows - y1);
            conv_turn(turned, from_dy + (y0 + y1) * yRow + x0, yChannel, yRow, outs - 1 - o0, now, columns);
            for (int64_t k = 0; k < count; k += ${height}) {
              ${tileName}(piece + y1 * slab.pitch, offsets + k, slab.pitch, turned, now, columns, sums + k * ${width});
            }
          }`)}
    float *to = parts + ((part * groups + group) * channels + c0) * taps * outPadded + o0;
    for (int64_t k = 0; k < count; k++, to += outPadded) {
      for (int64_t i = 0; i < ${width}; i += ${lanes}) STORE(f32v, to + i, LOAD(f32v, sums + k * ${width} + i));
    }`,
  );
  return [convHelpers(target), slabFunctions(target), turnFunction(tile), text, main].join("");
}

export function sumArguments(
  { shape, w, parts }: ConvKernel,
  target: CTarget,
): ConvArguments & { readonly units: number } {
  const { groups, inChannels, outChannels, taps } = shape;
  const rows = inChannels * taps[0] * taps[1];
  const blocks = Math.ceil(rows / (target.vectorBytes / 4));
  return {
    units: groups * blocks,
    addresses: [
      { name: "from_parts", buffer: 0, addend: 0 },
      { name: "dw", buffer: 1, addend: 4 * w.offset },
    ],
    words: {
      blocks,
      rows,
      outs: outChannels,
      parts,
      partStep: partSize(shape),
      outPadded: roundUp(outChannels, partChannels),
      wGroup: w.group,
      wOut: w.out,
    },
  };
}

/** The parts, [row][o] each, added in order to the gradient, [o][row]. */
export function sumSource(name: string, target: CTarget, kernel: ConvKernel): string {
  const lanes = target.vectorBytes / 4;
  const main = kernelFunction(
    name,
    sumArguments(kernel, target),
    `    const int64_t group = unit / blocks, k = unit % blocks * ${lanes}, count = least(${lanes}, rows - k);
    const float *f = from_parts + group * rows * outPadded;
    float *to = dw + group * wGroup + k;
    for (int64_t o = 0; o < outs; o += ${lanes}) {
      f32v r[${lanes}];
      for (int64_t i = 0; i < ${lanes}; i++) {
        const float *p = f + least(k + i, rows - 1) * outPadded + o;
        f32v sum = LOAD(f32v, p);
        for (int64_t part = 1; part < parts; part++) sum += LOAD(f32v, p + part * partStep);
        r[i] = sum;
      }
      conv_transpose(r);
      for (int64_t i = 0; i < least(${lanes}, outs - o); i++) {
        if (count == ${lanes}) STORE(f32v, to + (o + i) * wOut, r[i]);
        else part_f32v((char *)(to + (o + i) * wOut), r[i], count);
      }
    }`,
  );
  return convHelpers(target) + main;
}
