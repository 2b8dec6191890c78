/**
 * The transforms of Winograd's convolution F(4×4, 3×3) as C text for one dim, and what follows them on images: where tiles
 * lie, the transform of images, the products. Floor: codegen.
 *
 * The points are 0, ±a, ±b and infinity with a = 5/8 and b = 3/2. Among small fractions they give about the smallest
 * error: half of that of the usual 0, ±1, ±2. a², b² and the polynomials' coefficients are exact in float32.
 *
 *   y = Aᵀ [(G g) ∘ (Bᵀ d)]   with d of 6 elements and, forward, g of 3 and y of 4; for the kernels' gradient g is a
 *   piece of dy of 4 and y a row of 3.
 */
import type { ConvTile } from "./conv-plan.ts";
import { range, shuffle } from "./conv-text.ts";
import { once } from "./contract-tile.ts";

const a = 5 / 8;
const b = 3 / 2;
/** Product of the differences of a point to the other finite ones: what G is divided by. */
const atZero = a * a * b * b;
const atA = 2 * a * a * (a * a - b * b);
const atB = 2 * b * b * (b * b - a * a);

const number = (x: number): string => `${Number.isInteger(x) ? `${x}.0` : x}f`;

/** Even and odd powers of ±a and of ±b are taken apart, so that each pair of points costs little more than one. */
type Names = readonly string[];

/** Bᵀ d: 6 to 6. */
export function imageTransform([d0, d1, d2, d3, d4, d5]: Names, out: Names): string {
  return [
    `{ const f32v evenA = ${d4} - ${d2} * ${number(b * b)}, oddA = (${d3} - ${d1} * ${number(b * b)}) * ${number(a)};`,
    `const f32v evenB = ${d4} - ${d2} * ${number(a * a)}, oddB = (${d3} - ${d1} * ${number(a * a)}) * ${number(b)};`,
    `const f32v zero = ${d0} * ${number(atZero)} + (${d4} - ${d2} * ${number(a * a + b * b)});`,
    `const f32v top = ${d1} * ${number(atZero)} + (${d5} - ${d3} * ${number(a * a + b * b)});`,
    pairs(out),
  ].join(" ");
}

/** G g forward: 3 to 6. `type` is that of the vectors. */
export function weightTransform(type: string, [g0, g1, g2]: Names, out: Names): string {
  return [
    `{ const ${type} evenA = (${g0} + ${g2} * ${number(a * a)}) * ${number(1 / atA)}, oddA = ${g1} * ${number(a / atA)};`,
    `const ${type} evenB = (${g0} + ${g2} * ${number(b * b)}) * ${number(1 / atB)}, oddB = ${g1} * ${number(b / atB)};`,
    `const ${type} zero = ${g0} * ${number(1 / atZero)}, top = ${g2};`,
    pairs(out),
  ].join(" ");
}

/** G g of a piece of dy: 4 to 6. What it should be divided by is left to `gradientResult`. */
export function pieceTransform([g0, g1, g2, g3]: Names, out: Names): string {
  return [
    `{ const f32v evenA = ${g0} + ${g2} * ${number(a * a)}, oddA = (${g1} + ${g3} * ${number(a * a)}) * ${number(a)};`,
    `const f32v evenB = ${g0} + ${g2} * ${number(b * b)}, oddB = (${g1} + ${g3} * ${number(b * b)}) * ${number(b)};`,
    `const f32v zero = ${g0}, top = ${g3};`,
    pairs(out),
  ].join(" ");
}

function pairs(out: Names): string {
  const [o0, o1, o2, o3, o4, o5] = out;
  return `${o0} = zero; ${o1} = evenA + oddA; ${o2} = evenA - oddA; ${o3} = evenB + oddB; ${o4} = evenB - oddB; ${o5} = top; }`;
}

/** Aᵀ m forward: 6 to 4. */
export function resultTransform(m: Names, out: Names): string {
  return [
    sums(m),
    `${out[0]} = ${m[0]} + evenA + evenB; ${out[1]} = oddA * ${number(a)} + oddB * ${number(b)};`,
    `${out[2]} = evenA * ${number(a * a)} + evenB * ${number(b * b)};`,
    `${out[3]} = ${m[5]} + oddA * ${number(a ** 3)} + oddB * ${number(b ** 3)}; }`,
  ].join(" ");
}

/** Aᵀ m of the kernels' gradient: 6 to 3. */
export function gradientResult(m: Names, out: Names): string {
  return [
    sums(m),
    `${out[0]} = ${m[0]} * ${number(1 / atZero)} + evenA * ${number(1 / atA)} + evenB * ${number(1 / atB)};`,
    `${out[1]} = oddA * ${number(a / atA)} + oddB * ${number(b / atB)};`,
    `${out[2]} = ${m[5]} + evenA * ${number((a * a) / atA)} + evenB * ${number((b * b) / atB)}; }`,
  ].join(" ");
}

function sums([, m1, m2, m3, m4]: Names): string {
  return `{ const f32v evenA = ${m1} + ${m2}, oddA = ${m1} - ${m2}, evenB = ${m3} + ${m4}, oddB = ${m3} - ${m4};`;
}

/** Tiles whose products are done together. */
export const tilesOfBlock = 32;

/** From one channel of transformed images to the next: vectors of tiles that do not fill them overshoot. */
export function imageStep({ lanes }: ConvTile): number {
  return tilesOfBlock + lanes;
}

const points = range(6);

/**
 * Where the tiles of a block lie. A group is some neighbouring tiles of a row of tiles, half a vector at most; a vector
 * holds two. `at` are the six rows of each group from x, those outside of the image moved into it; `mask` tells for the
 * loads of each row (its first pixels, the next, the same four pixels on) which lanes are inside.
 */
export function windowFunctions({ lanes }: ConvTile): string {
  return once(
    "wino_window",
    `typedef struct {
  int64_t rows, columns, rowTiles, tiles, chunks, chunkTiles, lowRows, lowColumns, xImage, xRow;
} wino_image;
typedef struct {
  int64_t at[12], image[2], top[2], left[2], valid[2], lane[2];
  i32v mask[48];
} wino_window;
/* Two groups of a block; the second repeats the first where there is no other. Gives the lanes used so far. */
static __attribute__((noinline)) int64_t wino_place(wino_window *w, const wino_image *g, int64_t group, int64_t end,
    int64_t lane) {
  for (int64_t h = 0; h < 2; h++) {
    const int64_t k = least(group + h, end - 1), chunk = k % g->chunks, ty = k / g->chunks % g->rowTiles;
    w->image[h] = k / g->chunks / g->rowTiles;
    w->top[h] = 4 * ty;
    w->left[h] = 4 * chunk * g->chunkTiles;
    w->valid[h] = least(g->chunkTiles, g->tiles - chunk * g->chunkTiles);
    w->lane[h] = h == 0 || k == group ? lane : lane + w->valid[0];
    const int64_t first = w->left[h] - g->lowColumns;
    for (int64_t i = 0; i < 6; i++) {
      const int64_t row = w->top[h] + i - g->lowRows, inside = row >= 0 && row < g->rows;
      w->at[h * 6 + i] = w->image[h] * g->xImage + (row < 0 ? 0 : least(row, g->rows - 1)) * g->xRow + first;
      for (int64_t k = 0; k < 4; k++) {
        const i32v column = LANES_V + I32V((int32_t)(first + k % 2 * ${lanes} + k / 2 * 4));
        w->mask[(h * 6 + i) * 4 + k] = inside ? (column >= 0) & (column < I32V((int32_t)g->columns)) : (i32v){};
      }
    }
  }
  return w->lane[1] + w->valid[1];
}
`,
  );
}

/** The elements j of each tile of both groups of a row, j and j + 1 at a time, from the groups' first and next pixels. */
function tileElements(lanes: number, first: number, names: readonly string[], out: readonly string[]): string {
  const half = lanes / 2;
  const pick = (i: number): number => (i < half ? 4 * i + first : 4 * (i - half) + first + 1);
  const [a0, a1, b0, b1] = names as [string, string, string, string];
  return [
    `{ const f32v e = ${shuffle(a0, a1, lanes, pick)}, f = ${shuffle(b0, b1, lanes, pick)};`,
    `${out[0]} = ${shuffle("e", "f", lanes, (i) => (i < half ? i : i + half))};`,
    `${out[1]} = ${shuffle("e", "f", lanes, (i) => (i < half ? i + half : i + lanes))}; }`,
  ].join("\n    ");
}

/**
 * Transforms the tiles of two groups of some channels: u[point][channel][lane]. Where a load may go out of the buffer
 * of the image, `patch` takes a copy of what is inside.
 */
export function imageFunctions(tile: ConvTile): string {
  const { lanes } = tile;
  const half = lanes / 2;
  const load = (base: string, group: number, k: number): string => {
    const offset = (k % 2) * lanes + (k >> 1) * 4;
    return `(f32v)((i32v)LOAD(f32v, ${base} + ${offset}) & mask[4 * i + ${24 * group + k}])`;
  };
  const outs = points.map((j) => `v${j}`);
  const turned = (v: string): string => shuffle(v, v, lanes, (k) => (k + half) % lanes);
  return once(
    "wino_image_transform",
    `static __attribute__((noinline)) void wino_transform(const float *x, int64_t xChannel, const int64_t *at, const i32v *mask,
    float *u, int64_t point, int64_t channels, int64_t second) {
  for (int64_t c = 0; c < channels; c++, x += xChannel, u += ${imageStep(tile)}) {
    f32v t[6][6];
    for (int64_t i = 0; i < 6; i++) {
      const float *p = x + at[i], *q = x + at[6 + i];
      const f32v ${range(4)
        .map((k) => `p${k} = ${load("p", 0, k)}`)
        .join(", ")};
      const f32v ${range(4)
        .map((k) => `q${k} = ${load("q", 1, k)}`)
        .join(", ")};
      f32v d0, d1, d2, d3, d4, d5;
      ${tileElements(lanes, 0, ["p0", "p1", "q0", "q1"], ["d0", "d1"])}
      ${tileElements(lanes, 2, ["p0", "p1", "q0", "q1"], ["d2", "d3"])}
      ${tileElements(lanes, 0, ["p2", "p3", "q2", "q3"], ["d4", "d5"])}
      ${imageTransform(
        points.map((j) => `d${j}`),
        points.map((j) => `t[i][${j}]`),
      )}
    }
    float *to = u;
    for (int64_t j = 0; j < 6; j++, to += point) {
      f32v ${outs.join(", ")};
      ${imageTransform(
        points.map((i) => `t[${i}][j]`),
        outs,
      )}
      ${points.map((i) => `STORE(f32v, to + ${6 * i} * point, v${i});`).join(" ")}
      /* The second group follows the first one's valid tiles; the lanes behind it are written by the next. */
      if (second != ${half}) {
        ${points.map((i) => `STORE(f32v, to + ${6 * i} * point + second, ${turned(`v${i}`)});`).join("\n        ")}
      }
    }
  }
}
/* x is the first channel of image 0; elements from \`begin\` up to \`end\`, and a vector behind, may be read. */
static __attribute__((noinline)) void wino_images(const float *x, int64_t xChannel, const float *begin, const float *end,
    const wino_window *w, float *u, int64_t point, int64_t channels, float *patch) {
  const int64_t second = w->lane[1] - w->lane[0], reach = (channels - 1) * xChannel;
  int64_t low = w->at[0], high = w->at[0];
  for (int64_t i = 1; i < 12; i++) {
    low = least(low, w->at[i]);
    high = -least(-high, -w->at[i]);
  }
  low += least(0, reach);
  high += -least(0, -reach) + ${2 * lanes + 4};
  u += w->lane[0];
  if (low >= begin - x && high <= end - x + 16) {
    wino_transform(x, xChannel, w->at, w->mask, u, point, channels, second);
    return;
  }
  int64_t at[12];
  for (int64_t i = 0; i < 12; i++) at[i] = i * ${2 * lanes + 8};
  for (int64_t c = 0; c < channels; c++, x += xChannel) {
    for (int64_t i = 0; i < 12; i++) {
      const float *f = x + w->at[i];
      for (int64_t j = 0; j < ${2 * lanes + 4}; j++) patch[at[i] + j] = f + j >= begin && f + j < end ? f[j] : 0.0f;
    }
    wino_transform(patch, 0, at, w->mask, u + c * ${imageStep(tile)}, point, 1, second);
  }
}`,
  );
}

/** Floats of the copy. */
export function patchSize({ lanes }: ConvTile): number {
  return 12 * (2 * lanes + 8) + lanes;
}
