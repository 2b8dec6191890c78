/**
 * The transforms of Winograd's convolution F(4×4, 3×3) as C text for one dim (see transform/winograd-forms.ts), and what
 * comes before them on images: where tiles lie, elements of tiles in vectors. Floor: codegen.
 */
import * as forms from "../../../transform/winograd-forms.ts";
import type { ConvTile } from "../conv/plan.ts";
import { range, shuffle } from "../conv/text.ts";
import { once } from "../contract/tile.ts";

type Names = readonly string[];
type Form = (k: forms.Arithmetic<string>, line: Names) => string[];

const number = (x: number): string => `${Number.isInteger(x) ? `${x}.0` : x}f`;

/** A block that assigns the results of a transform. `type` is that of the vectors. */
function assigned(type: string, form: Form, line: Names, out: Names): string {
  const kept: string[] = [];
  const results = form(
    {
      add: (x, y) => `(${x} + ${y})`,
      sub: (x, y) => `(${x} - ${y})`,
      scale: (x, by) => `${x} * ${number(by)}`,
      keep: (x) => `kept${kept.push(x) - 1}`,
    },
    line,
  );
  const held = kept.map((x, i) => `kept${i} = ${x}`).join(", ");
  return `{ const ${type} ${held}; ${results.map((x, i) => `${out[i]} = ${x};`).join(" ")} }`;
}

/** Bᵀ d: 6 to 6. */
export function imageTransform(d: Names, out: Names): string {
  return assigned("f32v", forms.imageTransform, d, out);
}

/** G g forward: 3 to 6. `type` is that of the vectors. */
export function weightTransform(type: string, g: Names, out: Names): string {
  return assigned(type, forms.weightTransform, g, out);
}

/** G g of a piece of dy: 4 to 6. What it should be divided by is left to `gradientResult`. */
export function pieceTransform(g: Names, out: Names): string {
  return assigned("f32v", forms.pieceTransform, g, out);
}

/** Aᵀ m forward: 6 to 4. */
export function resultTransform(m: Names, out: Names): string {
  return assigned("f32v", forms.resultTransform, m, out);
}

/** Aᵀ m of the kernels' gradient: 6 to 3. */
export function gradientResult(m: Names, out: Names): string {
  return assigned("f32v", forms.gradientResult, m, out);
}

/** How far ahead channels are asked for: they lie so far apart that the processor expects none of them. */
export const channelsAhead = 4;

/** Tiles whose products are done together: one or more vectors of them on every target. */
export const tilesOfBlock = 32;

/** The tiles of a vector have pixels of four vectors in a row of pixels. */
export const quarters = 4;

/** Tiles of a piece, neighbours in a row of tiles: few, so that rows of any length fill vectors. */
export function pieceTiles({ lanes }: ConvTile): number {
  return Math.min(lanes / quarters, 2);
}

/** Pieces of a vector of tiles. */
export function vectorPieces(tile: ConvTile): number {
  return tile.lanes / pieceTiles(tile);
}

const points = range(6);

/**
 * Where the tiles of one vector lie. `at` are the six rows of its pieces from x, rows outside of the image moved into it;
 * `mask` tells which pixels are inside, of each row and of the same four pixels on. A piece of a block that has no more
 * tiles is empty.
 */
export function windowFunctions(tile: ConvTile): string {
  const pieces = vectorPieces(tile);
  const ofQuarter = pieces / quarters;
  const [type, suffix] = ofQuarter === 1 ? ["i32v", "V"] : ["i32h", "H"];
  return once(
    "wino_window",
    `typedef struct {
  int64_t rows, columns, rowTiles, tiles, chunks, chunkTiles, lowRows, lowColumns, xImage, xRow;
} wino_image;
typedef struct {
  int64_t at[${6 * pieces}], image[${pieces}], top[${pieces}], left[${pieces}], valid[${pieces}];
  i32v mask[48];
} wino_window;
static __attribute__((noinline)) void wino_place(wino_window *w, const wino_image *g, int64_t piece, int64_t end) {
  for (int64_t q = 0; q < ${pieces}; q++, piece++) {
    const int64_t k = least(piece, end - 1), chunk = k % g->chunks;
    w->image[q] = k / g->chunks / g->rowTiles;
    w->top[q] = k / g->chunks % g->rowTiles * 4;
    w->left[q] = chunk * g->chunkTiles * 4;
    w->valid[q] = piece < end ? least(g->chunkTiles, g->tiles - chunk * g->chunkTiles) : 0;
    const int64_t first = w->left[q] - g->lowColumns;
    for (int64_t i = 0; i < 6; i++) {
      const int64_t row = w->top[q] + i - g->lowRows, inside = row >= 0 && row < g->rows;
      w->at[${pieces} * i + q] = w->image[q] * g->xImage + (row < 0 ? 0 : least(row, g->rows - 1)) * g->xRow + first;
      for (int64_t s = 0; s < 2; s++) {
        const ${type} column = LANES_${suffix} + I32${suffix}((int32_t)(first + 4 * s));
        const ${type} mask = inside ? (column >= 0) & (column < I32${suffix}((int32_t)g->columns)) : (${type}){};
        STORE(${type}, (${type} *)(w->mask + 8 * i + 2 * (q / ${ofQuarter}) + s) + q % ${ofQuarter}, mask);
      }
    }
  }
}`,
  );
}

/** Of each tile the elements `first` and the next one, from the pixels of the four pieces. */
function tileElements(lanes: number, first: number, pixels: Names, out: Names): string {
  const half = lanes / 2;
  const pick = (i: number): number => (i < half ? 4 * i + first : 4 * (i - half) + first + 1);
  const [p0, p1, p2, p3] = pixels as [string, string, string, string];
  return [
    `{ const f32v e = ${shuffle(p0, p1, lanes, pick)}, f = ${shuffle(p2, p3, lanes, pick)};`,
    `${out[0]} = ${shuffle("e", "f", lanes, (i) => (i < half ? i : i + half))};`,
    `${out[1]} = ${shuffle("e", "f", lanes, (i) => (i < half ? i + half : i + lanes))}; }`,
  ].join("\n        ");
}

/**
 * Transforms the tiles of a vector for some channels: u[point][channel][lane]. Where a load may go out of the buffer of
 * the image, `patch` takes a copy of what is inside.
 */
export function imageFunctions(tile: ConvTile): string {
  const { lanes } = tile;
  const pieces = vectorPieces(tile);
  const width = 4 * pieceTiles(tile);
  const load = (q: number, shift: number): string => {
    const at = (piece: number): string => `x + at[${pieces} * i + ${piece}] + ${4 * shift}`;
    if (pieces === quarters) return `LOAD(f32v, ${at(q)})`;
    return `CONV_JOIN(${at(2 * q)}, ${at(2 * q + 1)})`;
  };
  const pixels = (shift: number): string =>
    range(quarters)
      .map((q) => `${shift === 0 ? "p" : "n"}${q} = (f32v)((i32v)${load(q, shift)} & mask[8 * i + ${2 * q + shift}])`)
      .join(",\n          ");
  const own = range(quarters).map((q) => `p${q}`);
  const next = range(quarters).map((q) => `n${q}`);
  const outs = points.map((i) => `v${i}`);
  const [elements, row, column] = [
    points.map((j) => `d${j}`),
    points.map((j) => `t[i][${j}]`),
    points.map((i) => `t[${i}][j]`),
  ];
  return once(
    "wino_image_transform",
    `static __attribute__((noinline)) void wino_transform(const float *x, int64_t xChannel, const int64_t *at, const i32v *mask,
    float *u, int64_t point, int64_t channels) {
  for (int64_t c = 0; c < channels; c++, x += xChannel, u += ${tilesOfBlock}) {
    const float *later = x + ${channelsAhead} * xChannel;
    f32v t[6][6];
    for (int64_t i = 0; i < 6; i++) {
      ${range(quarters)
        .map((q) => `__builtin_prefetch(later + at[${pieces} * i + ${(q * pieces) / quarters}]);`)
        .join(" ")}
      const f32v ${pixels(0)};
      const f32v ${pixels(1)};
      f32v ${elements.join(", ")};
      ${tileElements(lanes, 0, own, ["d0", "d1"])}
      ${tileElements(lanes, 2, own, ["d2", "d3"])}
      ${tileElements(lanes, 0, next, ["d4", "d5"])}
      ${imageTransform(elements, row)}
    }
    float *to = u;
    for (int64_t j = 0; j < 6; j++, to += point) {
      f32v ${outs.join(", ")};
      ${imageTransform(column, outs)}
      ${outs.map((v, i) => `STORE(f32v, to + ${6 * i} * point, ${v});`).join(" ")}
    }
  }
}
/* x is the first channel of image 0; elements from \`begin\` to \`end\`, counted from x, and a vector behind may be read. */
static __attribute__((noinline)) void wino_images(const float *x, int64_t xChannel, int64_t begin, int64_t end,
    const wino_window *w, float *u, int64_t point, int64_t channels, float *patch) {
  int64_t low = w->at[0], high = w->at[0], at[${6 * pieces}];
  for (int64_t i = 0; i < ${6 * pieces}; i++) {
    low = least(low, w->at[i]);
    high = -least(-high, -w->at[i]);
    at[i] = i * ${width + 4};
  }
  high += ${width + 4};
  for (int64_t c = 0; c < channels;) {
    int64_t run = 0;
    for (int64_t k = c * xChannel; c + run < channels && low + k >= begin && high + k <= end + 16; k += xChannel) run++;
    if (run > 0) {
      wino_transform(x + c * xChannel, xChannel, w->at, w->mask, u + c * ${tilesOfBlock}, point, run);
      c += run;
      continue;
    }
    for (int64_t i = 0; i < ${6 * pieces}; i++) {
      const int64_t first = w->at[i] + c * xChannel;
      for (int64_t j = 0; j < ${width + 4}; j++) {
        patch[at[i] + j] = first + j >= begin && first + j < end ? x[first + j] : 0.0f;
      }
    }
    wino_transform(patch, 0, at, w->mask, u + c++ * ${tilesOfBlock}, point, 1);
  }
}`,
  );
}

/** Bytes of the windows of a block. */
export function windowBytes(tile: ConvTile): number {
  return (tilesOfBlock / tile.lanes) * (8 * 10 * vectorPieces(tile) + 48 * 4 * tile.lanes + 64);
}

/** Floats of the copy. */
export function patchSize(tile: ConvTile): number {
  return 6 * vectorPieces(tile) * (4 * pieceTiles(tile) + 4);
}
