/**
 * Convolution in C without tricks: y[n, o, p] = Σ over (c, tap) of w[o, c, tap] · x[n, c, p + tap], each sum in the order
 * of (c, tap) from zero in one register lane. A thread copies a piece of the image with its zeros, in which every tap of a
 * row of pixels is a run; weights were packed by a step before. One code serves all sizes, strides and dilations.
 * Floor: codegen.
 */
import type { ConvKernel } from "../../../schedule/conv.ts";
import { mostSlab, roundUp } from "../../../schedule/conv-shape.ts";
import { type ConvTile, directBlocks, directTile, mostTile } from "./plan.ts";
import { type ConvArguments, convHelpers, imageAddresses, kernelFunction, range, slabFunctions } from "./text.ts";
import { once } from "../contract/tile.ts";
import type { CTarget } from "../target.ts";

/** Elements of a step of weights of one tap: the rows of a tile. */
export function packArguments({ shape, w }: ConvKernel, tile: ConvTile): ConvArguments & { readonly units: number } {
  const { groups, inChannels, outChannels, taps } = shape;
  const blocks = Math.ceil(outChannels / tile.height);
  return {
    units: groups * blocks,
    addresses: [
      { name: "w", buffer: 0, addend: 4 * w.offset },
      { name: "packed", buffer: 1, addend: 0 },
    ],
    words: {
      blocks,
      channels: inChannels,
      outs: outChannels,
      tapRows: taps[0],
      tapColumns: taps[1],
      wGroup: w.group,
      wOut: w.out,
      wIn: w.in,
      wRow: w.row,
      wColumn: w.column,
    },
  };
}

/** packed[group][block][c][tap][height]; rows that are too many repeat the last channel. */
export function packSource(name: string, tile: ConvTile, kernel: ConvKernel): string {
  const { height } = tile;
  const rows = range(height);
  return kernelFunction(
    name,
    packArguments(kernel, tile),
    `    const int64_t group = unit / blocks, o = unit % blocks * ${height};
    const float *from = w + group * wGroup;
    float *to = packed + unit * channels * tapRows * tapColumns * ${height};
    ${rows.map((i) => `const float *r${i} = from + least(o + ${i}, outs - 1) * wOut;`).join("\n    ")}
    for (int64_t c = 0; c < channels; c++) {
      for (int64_t r = 0; r < tapRows; r++) {
        for (int64_t s = 0; s < tapColumns; s++, to += ${height}) {
          const int64_t at = c * wIn + r * wRow + s * wColumn;
          ${rows.map((i) => `to[${i}] = r${i}[at];`).join(" ")}
        }
      }
    }`,
  );
}

/** Bytes from the start of the workspace: the places of taps, results that do not fill vectors, the piece of the image. */
export function directWorkspace(tile: ConvTile): { results: number; slab: number; bytes: number } {
  const results = 8 * 1024;
  const slab = results + 4 * tile.height * tileStep(tile);
  return { results, slab, bytes: slab + 4 * (mostSlab + 64) + 256 };
}

/** From one output channel to the next among results in the workspace. */
function tileStep({ lanes, vectors }: ConvTile): number {
  return mostTile + lanes * (vectors + 1);
}

export function directArguments(kernel: ConvKernel, tile: ConvTile): ConvArguments & { readonly units: number } {
  const { shape } = kernel;
  const blocks = directBlocks(shape, tile);
  return {
    units: blocks.units,
    addresses: imageAddresses(kernel),
    words: {
      ...geometryWords(kernel),
      rowStep: blocks.rows,
      columnStep: blocks.columns,
      outStep: blocks.outs,
      rowBlocks: blocks.rowBlocks,
      columnBlocks: blocks.columnBlocks,
      outBlocks: blocks.outBlocks,
    },
  };
}

/** Sizes and places that all kernels of images take. */
export function geometryWords({ shape, x, y }: ConvKernel): Record<string, number> {
  const { images, groups, inChannels, outChannels, input, output, taps, stride, dilation, low } = shape;
  return {
    images,
    groups,
    channels: inChannels,
    outs: outChannels,
    xRows: input[0],
    xColumns: input[1],
    yRows: output[0],
    yColumns: output[1],
    tapRows: taps[0],
    tapColumns: taps[1],
    strideRows: stride[0],
    strideColumns: stride[1],
    dilationRows: dilation[0],
    dilationColumns: dilation[1],
    lowRows: low[0],
    lowColumns: low[1],
    xImage: x.image,
    xChannel: x.channel,
    xRow: x.row,
    yImage: y.image,
    yChannel: y.channel,
    yRow: y.row,
    yColumn: y.column,
  };
}

/** C text that sets up the piece for results of `rowStep` × `columnStep` and the places of its taps in `places`. */
export function slabSetup(indent: string): string {
  return `int64_t pieceRows = (rowStep - 1) * strideRows + (tapRows - 1) * dilationRows + 1;
int64_t pieceColumns = (columnStep - 1) * strideColumns + (tapColumns - 1) * dilationColumns + 1;
conv_slab slab = {0, 0, xRows, xColumns, strideRows, strideColumns, 0, 0, 0, 0, 0, 0};
slab.phaseRows = pieceRows > 0 ? (pieceRows + strideRows - 1) / strideRows : 1;
slab.pitch = pieceColumns > 0 ? (pieceColumns + strideColumns - 1) / strideColumns : 1;
slab.plane = slab.phaseRows * slab.pitch;
/* An odd number of cache lines, so that channels do not fall on each other. */
slab.channelStep = ((strideRows * strideColumns * slab.plane + 31) & -32) + 16;
for (int64_t r = 0; r < tapRows; r++) slab.usedRows |= 1ll << r * dilationRows % strideRows;
for (int64_t s = 0; s < tapColumns; s++) slab.usedColumns |= 1ll << s * dilationColumns % strideColumns;
for (int64_t r = 0; r < tapRows; r++) {
  for (int64_t s = 0; s < tapColumns; s++) {
    places[r * tapColumns + s] = conv_tap(&slab, r * dilationRows, s * dilationColumns);
  }
}`.replace(/^/gm, indent);
}

/**
 * The sums of `height` output channels at `vectors` runs of pixels. p and o hold where the runs start in the piece of
 * channel 0 and in the results of the first output channel.
 */
function tileFunction(tile: ConvTile): { name: string; text: string } {
  const { height, vectors } = tile;
  const name = `conv_tile_${height}x${vectors}`;
  const [rows, runs] = [range(height), range(vectors)];
  const text = `static __attribute__((noinline)) void ${name}(const float *const *p, const float *w, const int64_t *places,
    int64_t taps, int64_t channels, int64_t channelStep, float *const *o, int64_t next) {
  ${runs.map((v) => `const float *p${v} = p[${v}];`).join(" ")}
  ${rows.map((i) => `f32v ${runs.map((v) => `s${i}_${v} = {}`).join(", ")};`).join(" ")}
  for (int64_t c = 0; c < channels; c++) {
    for (int64_t t = 0; t < taps; t++) {
      const int64_t at = places[t];
      const f32v ${runs.map((v) => `b${v} = LOAD(f32v, p${v} + at)`).join(", ")};
      ${rows.map((i) => `{ const float a = w[${i}]; ${runs.map((v) => `s${i}_${v} += a * b${v};`).join(" ")} }`).join("\n      ")}
      w += ${height};
    }
    ${runs.map((v) => `p${v} += channelStep;`).join(" ")}
  }
  ${runs.map((v) => `float *o${v} = o[${v}];`).join(" ")}
  ${rows.map((i) => runs.map((v) => `STORE(f32v, o${v} + ${i} * next, s${i}_${v});`).join(" ")).join("\n  ")}
}`;
  return { name, text: once(name, text) };
}

export function directSource(name: string, target: CTarget, tile: ConvTile, kernel: ConvKernel): string {
  const { lanes, height, vectors } = tile;
  const at = directWorkspace(tile);
  const step = tileStep(tile);
  const { name: tileName, text } = tileFunction(tile);
  const main = kernelFunction(
    name,
    directArguments(kernel, tile),
    `    int64_t *places = (int64_t *)workspace;
    float *results = (float *)(workspace + ${at.results}), *piece = (float *)(workspace + ${at.slab});
    const int64_t taps = tapRows * tapColumns, tiles = (outs + ${height - 1}) / ${height};
${slabSetup("    ")}
    int64_t rest = unit;
    const int64_t o0 = rest % outBlocks * outStep; rest /= outBlocks;
    const int64_t x0 = rest % columnBlocks * columnStep; rest /= columnBlocks;
    const int64_t y0 = rest % rowBlocks * rowStep; rest /= rowBlocks;
    const int64_t group = rest % groups, image = rest / groups;
    const int64_t rows = least(rowStep, yRows - y0), columns = least(columnStep, yColumns - x0);
    const int64_t oEnd = least(o0 + outStep, outs);
    slab.top = y0 * strideRows - lowRows;
    slab.left = x0 * strideColumns - lowColumns;
    pieceRows -= (rowStep - rows) * strideRows;
    /* Units that follow each other may differ in their output channels only. */
    if (unit == from || o0 == 0) conv_fill(&slab, piece, x + image * xImage + group * channels * xChannel, xChannel, xRow,
        taps > 0 ? channels : 0, (pieceRows + strideRows - 1) / strideRows);
    /* Runs start at each row, or go on over the ends of rows where that takes fewer. */
    const int64_t perRow = (columns + ${lanes - 1}) / ${lanes};
    const int64_t flat = ((rows - 1) * slab.pitch + columns + ${lanes - 1}) / ${lanes};
    const int64_t isFlat = flat < rows * perRow, count = isFlat ? flat : rows * perRow;
    const int64_t pitch = isFlat ? slab.pitch : perRow * ${lanes};
    const int64_t isWhole = !isFlat && columns % ${lanes} == 0 && yColumn == 1;
    for (int64_t o = o0; o < oEnd; o += ${height}) {
      const int64_t valid = least(${height}, outs - o);
      const float *weights = packed + (group * tiles * ${height} + o) * channels * taps;
      float *to = y + image * yImage + (group * outs + o) * yChannel + y0 * yRow + x0 * yColumn;
      const int64_t isDirect = isWhole && valid == ${height};
      for (int64_t t = 0; t < count; t += ${vectors}) {
        const float *p[${vectors}];
        float *r[${vectors}];
        for (int64_t v = 0; v < ${vectors}; v++) {
          const int64_t k = least(t + v, count - 1);
          p[v] = piece + (isFlat ? k * ${lanes} : k / perRow * slab.pitch + k % perRow * ${lanes});
          r[v] = isDirect ? to + k / perRow * yRow + k % perRow * ${lanes} : results + k * ${lanes};
        }
        ${tileName}(p, weights, places, taps, taps > 0 ? channels : 0, slab.channelStep, r, isDirect ? yChannel : ${step});
      }
      if (isDirect) continue;
      for (int64_t i = 0; i < valid; i++) {
        for (int64_t row = 0; row < rows; row++) {
          conv_row(to + i * yChannel + row * yRow, results + i * ${step} + row * pitch, columns, yColumn);
        }
      }
    }`,
  );
  return [convHelpers(target), slabFunctions(target), text, main].join("");
}

/** Bytes of workspace of all tiles. */
export function directWorkspaceBytes(target: CTarget): number {
  const widths = ["narrow", "low", "wide"] as const;
  return roundUp(Math.max(...widths.map((width) => directWorkspace(directTile(width, target)).bytes)), 64);
}
