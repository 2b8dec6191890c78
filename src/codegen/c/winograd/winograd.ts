/**
 * Convolution with 3×3 kernels by tiles of 4×4 results in C: 36 products for each channel, tile and output channel
 * instead of 144. A unit is a block of tiles: it transforms the images, multiplies and transforms back without leaving
 * the thread's cache. Weights are transformed by a step before. Sums over channels run in order from zero; of more than
 * 128 channels, over blocks of them, so that their order depends on the number of channels alone. Where an image holds
 * infinities, all results of a tile may be NaN. Floor: codegen.
 */
import { type ConvKernel, winogradGap, winogradPoints } from "../../../schedule/conv.ts";
import { roundUp } from "../../../schedule/conv-shape.ts";
import { geometryWords } from "../conv/direct.ts";
import { type ConvTile, convTile, evenStep } from "../conv/plan.ts";
import {
  type ConvArguments,
  convHelpers,
  halvesFunctions,
  imageAddresses,
  kernelFunction,
  range,
  shuffle,
} from "../conv/text.ts";
import { once } from "../contract/tile.ts";
import type { CTarget } from "../target.ts";
import {
  channelsAhead,
  imageFunctions,
  patchSize,
  pieceTiles,
  quarters,
  resultTransform,
  tilesOfBlock,
  vectorPieces,
  weightTransform,
  windowBytes,
  windowFunctions,
} from "./transform.ts";

const points = range(6);

/** Floats from one point of transformed weights to the next. */
function weightPoint({ shape }: ConvKernel, { height }: ConvTile): number {
  return shape.inChannels * roundUp(shape.outChannels, height) + winogradGap;
}

export function transformArguments(kernel: ConvKernel, target: CTarget): ConvArguments & { readonly units: number } {
  const { shape, w } = kernel;
  const tile = convTile(target);
  const blocks = Math.ceil(shape.outChannels / tile.height);
  return {
    units: shape.groups * blocks,
    addresses: [
      { name: "w", buffer: 0, addend: 4 * w.offset },
      { name: "packed", buffer: 1, addend: 0 },
    ],
    words: {
      blocks,
      channels: shape.inChannels,
      outs: shape.outChannels,
      point: weightPoint(kernel, tile),
      wGroup: w.group,
      wOut: w.out,
      wIn: w.in,
      wRow: w.row,
      wColumn: w.column,
    },
  };
}

/** packed[group][point][block][c][height]; output channels that are too many repeat the last one. */
export function transformSource(name: string, target: CTarget, kernel: ConvKernel): string {
  const { height } = convTile(target);
  const main = kernelFunction(
    name,
    transformArguments(kernel, target),
    `    typedef float V __attribute__((vector_size(32)));
    const int64_t group = unit / blocks, block = unit % blocks;
    const float *from = w + group * wGroup;
    float *to = packed + group * ${winogradPoints} * point + block * channels * ${height};
    int64_t at[8];
    for (int64_t i = 0; i < 8; i++) at[i] = least(block * ${height} + least(i, ${height - 1}), outs - 1) * wOut;
    for (int64_t c = 0; c < channels; c++, from += wIn, to += ${height}) {
      V k[3][3], t[6][3];
      for (int64_t r = 0; r < 3; r++) {
        for (int64_t s = 0; s < 3; s++) {
          const float *f = from + r * wRow + s * wColumn;
          k[r][s] = (V){${range(8)
            .map((i) => `f[at[${i}]]`)
            .join(", ")}};
        }
      }
      ${range(3)
        .map((s) =>
          weightTransform(
            "V",
            range(3).map((r) => `k[${r}][${s}]`),
            points.map((i) => `t[${i}][${s}]`),
          ),
        )
        .join("\n      ")}
      for (int64_t i = 0; i < 6; i++) {
        V v[6];
        ${weightTransform(
          "V",
          range(3).map((s) => `t[i][${s}]`),
          points.map((j) => `v[${j}]`),
        )}
        for (int64_t j = 0; j < 6; j++) __builtin_memcpy(to + (i * 6 + j) * point, &v[j], ${4 * height});
      }
    }`,
  );
  return main;
}

interface TileBlocks {
  /** Tiles of a row of tiles that go together, and how many such pieces a row has. */
  readonly chunkTiles: number;
  readonly chunks: number;
  /** Pieces of a block of tiles. */
  readonly piecesOfBlock: number;
  readonly blocks: number;
}

interface WinogradBlocks extends TileBlocks {
  /** Channels and output channels that are done at a time. */
  readonly channels: number;
  readonly outs: number;
  /** Output channels of a unit. */
  readonly outRange: number;
}

/** How tiles of images make up blocks; `images` are those of a unit's run. */
export function tileBlocks({ shape }: ConvKernel, tile: ConvTile, images: number): TileBlocks {
  const [rows, columns] = shape.output.map((n) => Math.ceil(n / 4)) as [number, number];
  const chunkTiles = Math.min(columns, pieceTiles(tile));
  const chunks = Math.ceil(columns / chunkTiles);
  const piecesOfBlock = tilesOfBlock / pieceTiles(tile);
  return { chunkTiles, chunks, piecesOfBlock, blocks: Math.ceil((images * rows * chunks) / piecesOfBlock) };
}

/** Channels up to which their transforms stay in the cache for all output channels. */
const fewChannels = 128;
const enoughUnits = 4;

function winogradBlocks(kernel: ConvKernel, tile: ConvTile): WinogradBlocks {
  const { inChannels, outChannels, groups, images } = kernel.shape;
  const isSmall = inChannels <= fewChannels;
  const channels = isSmall ? inChannels : evenStep(inChannels, 64);
  const outs = roundUp(evenStep(outChannels, isSmall ? 64 : 128), tile.height);
  const places = tileBlocks(kernel, tile, images);
  // Each range transforms the images again.
  const ranges = Math.min(Math.ceil(enoughUnits / (places.blocks * groups)), Math.ceil(outChannels / 32));
  const outRange = roundUp(Math.ceil(outChannels / ranges), tile.height);
  return { ...places, channels, outs: Math.min(outs, outRange), outRange };
}

/** Arguments that say where tiles lie and what may be read of x, counted from its first element. */
export function tileWords(
  { x }: ConvKernel,
  { chunkTiles, chunks, piecesOfBlock }: TileBlocks,
): Record<string, number> {
  return { chunkTiles, chunks, piecesOfBlock, xBegin: -x.offset, xEnd: x.size - x.offset };
}

/** Bytes from the start of the workspace; transformed images take `most` channels, products as many output channels. */
export function winogradWorkspace(target: CTarget): Record<"patch" | "images" | "bytes", number> {
  const tile = convTile(target);
  const patch = roundUp(windowBytes(tile), 64);
  const images = roundUp(patch + 4 * patchSize(tile), 64);
  const rows = fewChannels + 64 + tile.height;
  return { patch, images, bytes: images + 4 * winogradPoints * (rows * tilesOfBlock + 2 * winogradGap) + 256 };
}

export function winogradArguments(kernel: ConvKernel, target: CTarget): ConvArguments & { readonly units: number } {
  const { shape } = kernel;
  const tile = convTile(target);
  const blocks = winogradBlocks(kernel, tile);
  const ranges = Math.ceil(shape.outChannels / blocks.outRange);
  return {
    units: blocks.blocks * shape.groups * ranges,
    addresses: imageAddresses(kernel),
    words: {
      ...geometryWords(kernel),
      weightPoint: weightPoint(kernel, tile),
      ...tileWords(kernel, blocks),
      channelStep: blocks.channels,
      outStep: blocks.outs,
      outRange: blocks.outRange,
      ranges,
    },
  };
}

/** m[o][lane] (+)= Σ over c of w[o][c] · u[c][lane], for one point. */
function productFunction(tile: ConvTile): string {
  const { lanes, height, vectors } = tile;
  const [rows, runs] = [range(height), range(vectors)];
  return once(
    "wino_product",
    `static __attribute__((noinline)) void wino_product(const float *w, int64_t wBlock, const float *u, float *m,
    int64_t channels, int64_t outs, int64_t used, int64_t adds) {
  for (int64_t o = 0; o < outs; o += ${height}, w += wBlock, m += ${height * tilesOfBlock}) {
    for (int64_t lane = 0; lane < used; lane += ${lanes * vectors}) {
      const float *p = u + lane, *q = w;
      float *to = m + lane;
      ${rows.map((i) => `f32v ${runs.map((v) => `s${i}_${v} = {}`).join(", ")};`).join(" ")}
      for (int64_t c = 0; c < channels; c++, p += ${tilesOfBlock}, q += ${height}) {
        const f32v ${runs.map((v) => `b${v} = LOAD(f32v, p + ${v * lanes})`).join(", ")};
        ${rows.map((i) => `{ const float a = q[${i}]; ${runs.map((v) => `s${i}_${v} += a * b${v};`).join(" ")} }`).join("\n        ")}
      }
      if (adds) {
        ${rows.map((i) => runs.map((v) => `s${i}_${v} += LOAD(f32v, to + ${i * tilesOfBlock + v * lanes});`).join(" ")).join("\n        ")}
      }
      ${rows.map((i) => runs.map((v) => `STORE(f32v, to + ${i * tilesOfBlock + v * lanes}, s${i}_${v});`).join(" ")).join("\n      ")}
    }
  }
}`,
  );
}

/** Tiles of a vector back to rows of results, a vector of pixels for each of its pieces. */
function resultFunction(tile: ConvTile): string {
  const { lanes } = tile;
  const pieces = vectorPieces(tile);
  const [type, width] = pieces === quarters ? ["f32v", lanes] : ["f32h", lanes / 2];
  const half = lanes / 2;
  const loads = points.map((i) => `m${i} = LOAD(f32v, m + (${6 * i} + j) * point)`).join(", ");
  // Results 4t + j of tile t from the vectors j: first pairs, then fours.
  const pairs = (upper: boolean) => (i: number) => (i % 2 === 0 ? 0 : lanes) + (i >> 1) + (upper ? half : 0);
  const fours = (next: boolean) => (i: number) =>
    (i % 4 < 2 ? 0 : lanes) + 2 * ((i >> 2) + (next ? lanes / 4 : 0)) + (i % 2);
  const store = (piece: number, value: string): string =>
    `if (i < rows[${piece}]) wino_store(to[${piece}] + i * yRow, ${value}, columns[${piece}]);`;
  const rows = range(quarters).map((q) => {
    const [a, b] = q < 2 ? ["e", "f"] : ["g", "h"];
    const row = shuffle(a as string, b as string, lanes, fours(q % 2 === 1));
    if (pieces === quarters) return store(q, row);
    return `{ const f32v r = ${row}; ${store(2 * q, "CONV_LOW(r)")} ${store(2 * q + 1, "CONV_HIGH(r)")} }`;
  });
  return once(
    "wino_results",
    `FN void wino_store(float *to, ${type} a, int64_t columns) {
  if (columns == ${width}) STORE(${type}, to, a);
  else part_${type}((char *)to, a, columns);
}
static __attribute__((noinline)) void wino_results(const float *m, int64_t point, float *y, const int64_t *first,
    int64_t yChannel, int64_t yRow, int64_t outs, const int64_t *rows, const int64_t *columns) {
  float *to[${pieces}] = {${range(pieces)
    .map((q) => `y + first[${q}]`)
    .join(", ")}};
  for (int64_t o = 0; o < outs; o++, m += ${tilesOfBlock}) {
    f32v t[4][6];
    for (int64_t j = 0; j < 6; j++) {
      const f32v ${loads};
      ${resultTransform(
        points.map((i) => `m${i}`),
        range(4).map((i) => `t[${i}][j]`),
      )}
    }
    for (int64_t i = 0; i < 4; i++) {
      f32v y0, y1, y2, y3;
      ${resultTransform(
        points.map((j) => `t[i][${j}]`),
        range(4).map((j) => `y${j}`),
      )}
      const f32v e = ${shuffle("y0", "y1", lanes, pairs(false))}, f = ${shuffle("y2", "y3", lanes, pairs(false))};
      const f32v g = ${shuffle("y0", "y1", lanes, pairs(true))}, h = ${shuffle("y2", "y3", lanes, pairs(true))};
      ${range(quarters)
        .map((q) => `__builtin_prefetch(to[${(q * pieces) / quarters}] + i * yRow + ${channelsAhead} * yChannel, 1);`)
        .join(" ")}
      ${rows.join("\n      ")}
    }
    for (int64_t q = 0; q < ${pieces}; q++) to[q] += yChannel;
  }
}`,
  );
}

/** C text that says where tiles lie in images. */
export const imageSetup = `const wino_image image = {xRows, xColumns, (yRows + 3) / 4, (yColumns + 3) / 4, chunks, chunkTiles,
        lowRows, lowColumns, xImage, xRow};`;

export function winogradSource(name: string, target: CTarget, kernel: ConvKernel): string {
  const tile = convTile(target);
  const { lanes, height } = tile;
  const pieces = vectorPieces(tile);
  const at = winogradWorkspace(target);
  const main = kernelFunction(
    name,
    winogradArguments(kernel, target),
    `    ${imageSetup}
    wino_window *windows = (wino_window *)workspace;
    float *patch = (float *)(workspace + ${at.patch}), *u = (float *)(workspace + ${at.images});
    const int64_t point = channelStep * ${tilesOfBlock} + ${winogradGap}, product = outStep * ${tilesOfBlock} + ${winogradGap};
    float *m = u + ${winogradPoints} * point;
    int64_t rest = unit;
    const int64_t oBegin = rest % ranges * outRange, oEnd = least(oBegin + outRange, outs); rest /= ranges;
    const int64_t group = rest % groups, block = rest / groups;
    const int64_t begin = block * piecesOfBlock, end = least(begin + piecesOfBlock, images * image.rowTiles * chunks);
    const int64_t used = (end - begin) * ${pieceTiles(tile)}, vectors = (used + ${lanes - 1}) / ${lanes};
    const float *from_x = x + group * channels * xChannel;
    const float *weights = packed + group * ${winogradPoints} * weightPoint;
    for (int64_t k = 0; k < vectors; k++) wino_place(windows + k, &image, begin + ${pieces} * k, end);
    for (int64_t o = oBegin; o < oEnd; o += outStep) {
      const int64_t own = least(outStep, oEnd - o), filled = (own + ${height - 1}) / ${height} * ${height};
      float *to = y + (group * outs + o) * yChannel;
      for (int64_t c = 0; c < channels; c += channelStep) {
        const int64_t now = least(channelStep, channels - c);
        /* Of few channels the transforms are still there. */
        if (o == oBegin || channelStep < channels) {
          const int64_t before = (group * channels + c) * xChannel;
          for (int64_t k = 0; k < vectors; k++) {
            wino_images(from_x + c * xChannel, xChannel, xBegin - before, xEnd - before, windows + k, u + k * ${lanes}, point, now,
                patch);
          }
        }
        for (int64_t q = 0; q < ${winogradPoints}; q++) {
          wino_product(weights + q * weightPoint + (o * channels + c * ${height}), channels * ${height}, u + q * point,
              m + q * product, now, filled, used, c > 0);
        }
      }
      for (int64_t k = 0; k < vectors; k++) {
        const wino_window *w = windows + k;
        int64_t first[${pieces}], rows[${pieces}], columns[${pieces}];
        for (int64_t q = 0; q < ${pieces}; q++) {
          first[q] = w->image[q] * yImage + w->top[q] * yRow + w->left[q];
          rows[q] = w->valid[q] > 0 ? yRows - w->top[q] : 0;
          columns[q] = least(4 * w->valid[q], yColumns - w->left[q]);
        }
        wino_results(m + k * ${lanes}, product, to, first, yChannel, yRow, own, rows, columns);
      }
    }`,
  );
  return [
    convHelpers(target),
    halvesFunctions(target),
    windowFunctions(tile),
    imageFunctions(tile),
    productFunction(tile),
    resultFunction(tile),
    main,
  ].join("");
}
