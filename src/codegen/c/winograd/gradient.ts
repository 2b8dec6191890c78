/**
 * The gradient of 3×3 kernels by tiles of 4×4 elements of dy in C: 36 products for each channel, tile and output channel
 * instead of 144. A unit keeps the sums of some channels for its part of the images, and takes block after block of
 * tiles: it transforms the images and dy and adds their products, those of a block from zero. Floor: codegen.
 */
import { type ConvKernel, partChannels, winogradGap, winogradPoints } from "../../../schedule/conv.ts";
import { roundUp } from "../../../schedule/conv-shape.ts";
import { geometryWords } from "../conv/direct.ts";
import { type ConvTile, convTile, evenStep } from "../conv/plan.ts";
import {
  type ConvArguments,
  convHelpers,
  gradientAddresses,
  halvesFunctions,
  kernelFunction,
  range,
  squareFunction,
} from "../conv/text.ts";
import { once } from "../contract/tile.ts";
import type { CTarget } from "../target.ts";
import { imageSetup, tileBlocks, tileWords } from "./winograd.ts";
import {
  gradientResult,
  imageFunctions,
  patchSize,
  pieceTiles,
  pieceTransform,
  quarters,
  tilesOfBlock,
  vectorPieces,
  windowBytes,
  windowFunctions,
} from "./transform.ts";

const points = range(6);

/** Channels and output channels of a unit at most. */
const mostChannels = 64;
const mostOuts = 64;

/** Bytes from the start of the workspace: windows first, then dy by pixels, transformed images, dy, and the sums. */
export function winogradGradientWorkspace(
  target: CTarget,
): Record<"patch" | "turned" | "images" | "pieces" | "sums" | "bytes", number> {
  const tile = convTile(target);
  const patch = roundUp(windowBytes(tile), 64);
  const turned = roundUp(patch + 4 * patchSize(tile), 64);
  const images = turned + 4 * 4 * tile.lanes * tile.lanes;
  const pieces = images + 4 * winogradPoints * ((mostChannels + tile.height) * tilesOfBlock + winogradGap);
  const sums = pieces + 4 * winogradPoints * (mostOuts * (tilesOfBlock + 1) + winogradGap);
  const bytes = sums + 4 * winogradPoints * ((mostChannels + tile.height) * mostOuts + winogradGap);
  return { patch, turned, images, pieces, sums, bytes: roundUp(bytes + 64, 64) };
}

export function winogradGradientArguments(
  kernel: ConvKernel,
  target: CTarget,
): ConvArguments & { readonly units: number } {
  const { shape, parts } = kernel;
  const tile = convTile(target);
  const imagesOfPart = Math.ceil(shape.images / parts);
  const blocks = tileBlocks(kernel, tile, imagesOfPart);
  const channelStep = evenStep(shape.inChannels, mostChannels);
  const outStep = roundUp(evenStep(shape.outChannels, mostOuts), tile.lanes * tile.vectors);
  const channelBlocks = Math.ceil(shape.inChannels / channelStep);
  const outBlocks = Math.ceil(shape.outChannels / outStep);
  return {
    units: parts * shape.groups * channelBlocks * outBlocks,
    addresses: gradientAddresses(kernel),
    words: {
      ...geometryWords(kernel),
      ...tileWords(kernel, blocks),
      imagesOfPart,
      channelStep,
      outStep,
      channelBlocks,
      outBlocks,
      outPadded: roundUp(shape.outChannels, partChannels),
    },
  };
}

/** As conv_square, with the first half of each row from one place and the second from another. */
function joinedSquareFunction({ lanes }: ConvTile): string {
  const load = (i: number): string => `CONV_JOIN(a + at[${i}], b + at[${i}])`;
  return squareFunction("conv_joined_square", lanes, "const float *a, const float *b", load);
}

/**
 * Transforms the tiles of a quarter of a vector for a vector of output channels: v[point][lane][o]. Elements behind the
 * ends of rows and columns are zeros, and lanes without a tile; channels that are too many repeat the last one.
 */
function pieceFunction(tile: ConvTile): string {
  const { lanes } = tile;
  const pieces = vectorPieces(tile) / quarters;
  const width = lanes / pieces;
  const names = points.map((j) => `v${j}`);
  const row = (piece: number): string => `dy[${piece}] + (i < rows[${piece}] ? i * yRow : 0)`;
  const square =
    pieces === 1
      ? `conv_square(row, ${lanes}, ${row(0)}, at)`
      : `conv_joined_square(row, ${lanes}, ${row(0)}, ${row(1)}, at)`;
  return once(
    "wino_pieces",
    `static __attribute__((noinline)) void wino_pieces(float *v, int64_t point, int64_t outStep, const float *const *dy,
    int64_t yChannel, int64_t yRow, int64_t last, const int64_t *rows, const int64_t *columns, float *turned) {
  int64_t at[${lanes}];
  for (int64_t o = 0; o < ${lanes}; o++) at[o] = least(o, last) * yChannel;
  for (int64_t i = 0; i < 4; i++) {
    float *row = turned + i * ${lanes * lanes};
    ${square};
    /* What comes next lies in other channels, where the processor expects nothing. */
    for (int64_t p = 0; p < ${pieces}; p++) {
      for (int64_t o = 0; o < ${lanes}; o++) {
        __builtin_prefetch(dy[p] + (i < rows[p] ? i * yRow : 0) + at[o] + ${lanes} * yChannel);
      }
      for (int64_t j = i < rows[p] ? columns[p] : 0; j < ${width}; j++) STORE(f32v, row + (p * ${width} + j) * ${lanes}, (f32v){});
    }
  }
  for (int64_t k = 0; k < ${lanes / 4}; k++, v += outStep) {
    f32v t[6][4];
    for (int64_t j = 0; j < 4; j++) {
      const float *f = turned + (4 * k + j) * ${lanes};
      const f32v ${range(4)
        .map((i) => `d${i} = LOAD(f32v, f + ${i * lanes * lanes})`)
        .join(", ")};
      ${pieceTransform(
        range(4).map((i) => `d${i}`),
        points.map((i) => `t[${i}][j]`),
      )}
    }
    float *to = v;
    for (int64_t i = 0; i < 6; i++, to += 6 * point) {
      f32v ${names.join(", ")};
      ${pieceTransform(
        range(4).map((j) => `t[i][${j}]`),
        names,
      )}
      ${names.map((name, j) => `STORE(f32v, to + ${j} * point, ${name});`).join(" ")}
    }
  }
}`,
  );
}

/** m[c][o] (+)= Σ over lanes of u[c][lane] · v[lane][o], for one point; each sum of a block of tiles starts at zero. */
function productFunction(tile: ConvTile): string {
  const { lanes, height, vectors } = tile;
  const [rows, runs] = [range(height), range(vectors)];
  const each = (text: (i: number, r: number) => string): string =>
    rows.map((i) => runs.map((r) => text(i, r)).join(" ")).join("\n      ");
  return once(
    "wino_gradient_product",
    `static __attribute__((noinline)) void wino_gradient_product(const float *u, const float *v, float *m, int64_t channels,
    int64_t outs, int64_t used, int64_t adds) {
  for (int64_t c = 0; c < channels; c += ${height}, u += ${height * tilesOfBlock}, m += ${height} * outs) {
    for (int64_t o = 0; o < outs; o += ${lanes * vectors}) {
      const float *p = u, *q = v + o;
      float *to = m + o;
      ${rows.map((i) => `f32v ${runs.map((r) => `s${i}_${r} = {}`).join(", ")};`).join(" ")}
      for (int64_t lane = 0; lane < used; lane++, p++, q += outs) {
        const f32v ${runs.map((r) => `b${r} = LOAD(f32v, q + ${r * lanes})`).join(", ")};
        ${rows.map((i) => `{ const float a = p[${i * tilesOfBlock}]; ${runs.map((r) => `s${i}_${r} += a * b${r};`).join(" ")} }`).join("\n        ")}
      }
      if (adds) {
        ${each((i, r) => `s${i}_${r} += LOAD(f32v, to + ${i} * outs + ${r * lanes});`)}
      }
      ${each((i, r) => `STORE(f32v, to + ${i} * outs + ${r * lanes}, s${i}_${r});`)}
    }
  }
}`,
  );
}

/** Sums of the points to the nine elements of kernels. */
function resultFunction({ lanes }: ConvTile): string {
  const loads = points.map((i) => `m${i} = LOAD(f32v, m + (${6 * i} + j) * point)`);
  return once(
    "wino_kernels",
    `static __attribute__((noinline)) void wino_kernels(const float *m, int64_t point, float *to, int64_t outPadded, int64_t outs) {
  for (int64_t o = 0; o < outs; o += ${lanes}, m += ${lanes}, to += ${lanes}) {
    f32v t[3][6];
    for (int64_t j = 0; j < 6; j++) {
      const f32v ${loads.join(", ")};
      ${gradientResult(
        points.map((i) => `m${i}`),
        range(3).map((i) => `t[${i}][j]`),
      )}
    }
    for (int64_t i = 0; i < 3; i++) {
      f32v k0, k1, k2;
      ${gradientResult(
        points.map((j) => `t[i][${j}]`),
        ["k0", "k1", "k2"],
      )}
      ${range(3)
        .map((j) => `STORE(f32v, to + (3 * i + ${j}) * outPadded, k${j});`)
        .join(" ")}
    }
  }
}`,
  );
}

export function winogradGradientSource(name: string, target: CTarget, kernel: ConvKernel): string {
  const tile = convTile(target);
  const { lanes, height } = tile;
  const pieces = vectorPieces(tile);
  const ofQuarter = pieces / quarters;
  const at = winogradGradientWorkspace(target);
  const main = kernelFunction(
    name,
    winogradGradientArguments(kernel, target),
    `    ${imageSetup}
    wino_window *windows = (wino_window *)workspace;
    float *patch = (float *)(workspace + ${at.patch}), *turned = (float *)(workspace + ${at.turned});
    float *u = (float *)(workspace + ${at.images}), *v = (float *)(workspace + ${at.pieces});
    float *sums = (float *)(workspace + ${at.sums});
    int64_t rest = unit;
    const int64_t o0 = rest % outBlocks * outStep; rest /= outBlocks;
    const int64_t c0 = rest % channelBlocks * channelStep; rest /= channelBlocks;
    const int64_t group = rest % groups, part = rest / groups;
    const int64_t own = least(channelStep, channels - c0), filled = (own + ${height - 1}) / ${height} * ${height};
    const int64_t imagePoint = filled * ${tilesOfBlock} + ${winogradGap};
    const int64_t piecePoint = ${tilesOfBlock} * outStep + ${winogradGap}, sumPoint = filled * outStep + ${winogradGap};
    for (int64_t q = 0; q < ${winogradPoints}; q++) {
      float *rows = u + q * imagePoint;
      for (int64_t k = own * ${tilesOfBlock}; k < filled * ${tilesOfBlock}; k++) rows[k] = 0.0f;
    }
    const int64_t perImage = image.rowTiles * chunks, start = part * imagesOfPart * perImage;
    const int64_t stop = least((part + 1) * imagesOfPart, images) * perImage;
    const int64_t before = (group * channels + c0) * xChannel;
    const float *from_dy = dy + (group * outs + o0) * yChannel;
    for (int64_t begin = start; begin < stop; begin += piecesOfBlock) {
      const int64_t end = least(begin + piecesOfBlock, stop), used = (end - begin) * ${pieceTiles(tile)};
      for (int64_t lane = 0; lane < used; lane += ${lanes}) {
        wino_place(windows, &image, begin + lane / ${pieceTiles(tile)}, end);
        wino_images(x + before, xChannel, xBegin - before, xEnd - before, windows, u + lane, imagePoint, own, patch);
        for (int64_t q = 0; q < ${pieces} && windows->valid[q] > 0; q += ${ofQuarter}) {
          const float *p[${ofQuarter}];
          int64_t rows[${ofQuarter}], columns[${ofQuarter}];
          for (int64_t i = 0; i < ${ofQuarter}; i++) {
            p[i] = from_dy + windows->image[q + i] * yImage + windows->top[q + i] * yRow + windows->left[q + i];
            rows[i] = yRows - windows->top[q + i];
            columns[i] = least(4 * windows->valid[q + i], yColumns - windows->left[q + i]);
          }
          float *to = v + (lane + q * ${pieceTiles(tile)}) * outStep;
          for (int64_t o = 0; o < outStep && o0 + o < outs; o += ${lanes}) {
            wino_pieces(to + o, piecePoint, outStep, p, yChannel, yRow, outs - 1 - o0 - o, rows, columns, turned);
            for (int64_t i = 0; i < ${ofQuarter}; i++) p[i] += ${lanes} * yChannel;
          }
        }
      }
      for (int64_t q = 0; q < ${winogradPoints}; q++) {
        wino_gradient_product(u + q * imagePoint, v + q * piecePoint, sums + q * sumPoint, own, outStep, used,
            begin > start);
      }
    }
    float *to = parts + ((part * groups + group) * channels + c0) * 9 * outPadded + o0;
    for (int64_t c = 0; c < own; c++, to += 9 * outPadded) {
      wino_kernels(sums + c * outStep, sumPoint, to, outPadded, least(outStep, outs - o0));
    }`,
  );
  return [
    convHelpers(target),
    halvesFunctions(target),
    windowFunctions(tile),
    imageFunctions(tile),
    pieces === quarters ? "" : joinedSquareFunction(tile),
    pieceFunction(tile),
    productFunction(tile),
    resultFunction(tile),
    main,
  ].join("");
}
