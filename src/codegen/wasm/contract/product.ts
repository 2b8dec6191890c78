/**
 * The loop nest of the contraction kernel for a block of rows of one A, some columns of one B and their C. Floor: codegen.
 *
 * Blocks of k, panels of nr columns, tiles of mr rows. A block of A and a panel of B are packed where
 * they are used often enough to pay for it, and read in place where not. A block of k is summed in order from zero and
 * then added to C, and how K is cut depends on K alone; nothing else decides about the order of a sum.
 */

import { type ContractDtype, laneSpellings, type Tile } from "./lanes.ts";
import { type OffsetMode, packFunction } from "./pack.ts";
import { panelFunction, storeEdgeFunction } from "./panel.ts";
import type { Fn, Local } from "../function.ts";

export interface ProductOptions {
  readonly dtype: ContractDtype;
  readonly tile: Tile;
  readonly aM: OffsetMode;
  readonly aK: OffsetMode;
  readonly bK: OffsetMode;
  readonly bN: OffsetMode;
}

/** Sizes and offsets, as contractArguments describes them. */
export type ProductArguments = Readonly<
  Record<"m" | "n" | "k" | "aM" | "aK" | "bK" | "bN" | "cM" | "packsA" | "packsB", Local>
>;

/** What a call of the product is about: `rows` from `i0` on, columns from `from` up to `to`, which is N or a multiple of nr. */
export interface ProductRange {
  readonly i0: Local;
  readonly rows: Local;
  readonly from: Local;
  readonly to: Local;
}

/** Longest run of k that is summed before it is added to C. A change of it changes the bits of results. */
const blockK = 256;

/** Bytes of a packed block of A: it stays in the L2 cache while all panels of B pass. */
const blockABytes = 256 * 1024;

/** Panels that a single row of C takes at once: one row of one panel would wait for its own additions. */
const widePanels = 3;

/** Rows of A that a call of the product takes at most. */
export function blockRowsOf(dtype: ContractDtype, tile: Tile): number {
  return Math.floor(blockABytes / (blockK * laneSpellings[dtype].bytes) / tile.mr) * tile.mr;
}

/** Bytes of a block of A, the panels of B, and a tile. */
export function productWorkspaceBytes(dtype: ContractDtype, tile: Tile): number {
  const elements = blockK * (blockRowsOf(dtype, tile) + widePanels * tile.nr) + tile.mr * tile.nr;
  return elements * laneSpellings[dtype].bytes;
}

/** The functions for the shapes of tiles; `packed` says which of A and B lie packed. */
function panelFunctions({ dtype, tile: { mr, nr, fma } }: ProductOptions) {
  const spelling = laneSpellings[dtype];
  const rowBytes = nr * spelling.bytes;
  const storeEdge = storeEdgeFunction(spelling);
  const vectorsAt = (start: number): number[] => Array.from({ length: nr / spelling.lanes }, (_, j) => start + 16 * j);
  const panel = (height: number, packedA: boolean, bStep: number | null, bVectors = vectorsAt(0)): Fn =>
    panelFunction({ spelling, fma, height, bVectors, bStep, packedA }, storeEdge);
  const wide = (pitch: number): number[] => Array.from({ length: widePanels }, (_, p) => vectorsAt(p * pitch)).flat();
  return {
    packedAB: panel(mr, true, rowBytes),
    packedB: panel(mr, false, rowBytes),
    inPlace: panel(mr, false, null),
    twoRows: panel(2, false, null),
    oneRow: panel(1, false, null),
    widePacked: panel(1, false, rowBytes, wide(blockK * rowBytes)),
    wideInPlace: panel(1, false, null, wide(rowBytes)),
  };
}

/** An axis of A or B: the argument that gives its offsets, and how. */
interface Axis {
  readonly offset: Local;
  readonly mode: OffsetMode;
}

/**
 * Emits what is decided once per call of the kernel, and returns what emits the product of the A, B and C at some
 * addresses. `pushAdds` pushes whether to add to C already for the first block of k.
 */
export function emitProduct(
  f: Fn,
  workspace: Local,
  args: ProductArguments,
  { i0, rows, from, to }: ProductRange,
  options: ProductOptions,
): (a: Local, b: Local, c: Local, pushAdds: () => void) => void {
  const { dtype, tile } = options;
  const { mr, nr } = tile;
  const spelling = laneSpellings[dtype];
  const { bytes } = spelling;
  const { m, n, k, cM, packsA, packsB } = args;
  const axis = (name: "aM" | "aK" | "bK" | "bN"): Axis => ({ offset: args[name], mode: options[name] });
  if (mr < spelling.lanes || nr % spelling.lanes !== 0)
    throw new Error(`internal: contract: tile ${mr}x${nr} of ${dtype}`);
  const [aM, aK, bK, bN] = [axis("aM"), axis("aK"), axis("bK"), axis("bN")];
  const blockRows = blockRowsOf(dtype, tile);
  const panelBytes = blockK * nr * bytes;
  const panels = panelFunctions(options);
  const packA = packFunction({ spelling, width: mr, along: aK.mode, across: aM.mode });
  const packB = packFunction({ spelling, width: nr, along: bK.mode, across: bN.mode });
  const i32 = (): Local => f.local("i32");

  const panelB = i32();
  const scratch = i32();
  f.push(workspace, blockK * blockRows * bytes)
    .op("i32.add")
    .set(panelB);
  f.push(panelB, widePanels * panelBytes)
    .op("i32.add")
    .set(scratch);

  // Distances in A as the tiles read it: between rows, between values of k, and between tiles, by row.
  const [aRow, aNext, aTileRow] = [i32(), i32(), i32()];

  // K in blocks of equal length: ceil(K / ceil(K / blockK)).
  const kStep = i32();
  f.push(k, blockK - 1)
    .op("i32.add")
    .i32(blockK)
    .op("i32.div_u")
    .tee(kStep);
  f.if(() => f.push(k, kStep).op("i32.add").i32(1).op("i32.sub").get(kStep).op("i32.div_u").set(kStep));

  // The block at hand: kCount from k0, `columns` from j0; whether it adds to C.
  const [k0, kCount, j0, columns, adds] = [i32(), i32(), i32(), i32(), i32()];
  const [aTile, bPanel, bNext, cTile, tiles, rest] = [i32(), i32(), i32(), i32(), i32(), i32()];
  // Which block of A lies packed in the workspace; there is nothing at address -1.
  const [packedA, packedK, packedI] = [i32(), i32(), i32()];
  f.i32(-1).set(packedA);

  /** Pushes source, along and across for a pack function, from index x along and y across on. */
  const pushPackSource = (base: Local, along: Axis, x: Local, across: Axis, y: Local): void => {
    f.get(base);
    if (along.mode === "linear") f.push(x, along.offset).op("i32.mul", "i32.add");
    if (across.mode === "linear") f.push(y, across.offset).op("i32.mul", "i32.add");
    if (along.mode === "linear") f.get(along.offset);
    else f.address(along.offset, x, 4);
    if (across.mode === "linear") f.get(across.offset);
    else f.address(across.offset, y, 4);
  };

  /** Packs rows of A, unless they lie there from before: weights of a convolution serve many images. */
  const emitPackA = (a: Local): void => {
    const [i, end, target] = [i32(), i32(), i32()];
    f.push(packedA, a).op("i32.ne").push(packedK, k0).op("i32.ne", "i32.or").push(packedI, i0).op("i32.ne", "i32.or");
    f.if(() => {
      f.get(a).set(packedA).get(k0).set(packedK).get(i0).set(packedI);
      f.get(workspace).set(target);
      f.push(i0, rows).op("i32.add").set(end);
      f.for(i, i0, end, mr, () => {
        f.get(target);
        pushPackSource(a, aK, k0, aM, i);
        f.get(kCount).push(end, i).op("i32.sub").call(packA);
        f.address(target, kCount, mr * bytes).set(target);
      });
    });
  };

  /** Packs the panel at j0 to a place in the workspace. */
  const emitPackB = (b: Local, place = 0): void => {
    f.push(panelB, place * panelBytes).op("i32.add");
    pushPackSource(b, bK, k0, bN, j0);
    f.push(kCount, columns).call(packB);
    f.get(panelB).set(bPanel);
    f.i32(nr * bytes).set(bNext);
  };

  const emitBInPlace = (b: Local): void => {
    f.address(b, k0, bK.offset).push(j0, bytes).op("i32.mul", "i32.add").set(bPanel);
    f.get(bK.offset).set(bNext);
  };

  const emitPanel = (fn: Fn): void => {
    f.push(kCount, aTile, aRow, aNext, bPanel, bNext, cTile, cM, tiles, columns, adds, scratch).call(fn);
  };

  /** Takes as many tiles of `height` rows as there are from the rest of the rows. */
  const emitTiles = (height: number, rowDistance: Local, emitCall: () => void): void => {
    f.push(rest, height).op("i32.div_u").tee(tiles);
    f.if(() => {
      emitCall();
      f.push(tiles, height).op("i32.mul").set(tiles);
      f.address(aTile, tiles, rowDistance).set(aTile);
      f.address(cTile, tiles, cM).set(cTile);
      f.push(rest, tiles).op("i32.sub").set(rest);
    });
  };

  /** Goes to the first tile at j0. */
  const emitStart = (a: Local, c: Local): void => {
    f.get(rows).set(rest);
    f.address(c, i0, cM).push(j0, bytes).op("i32.mul", "i32.add").set(cTile);
    f.get(packsA);
    f.if(
      () => f.get(workspace).set(aTile),
      () => f.address(a, k0, aK.offset).push(i0, aM.offset).op("i32.mul", "i32.add").set(aTile),
    );
  };

  /** The panel at j0. */
  const emitColumns = (a: Local, b: Local, c: Local): void => {
    f.push(n, j0).op("i32.sub").set(columns).minimum(columns, nr).set(columns);
    // Reading a whole row of a panel in place must not go beyond the last column.
    f.get(packsB).push(columns, nr).op("i32.ne", "i32.or");
    f.if(
      () => emitPackB(b),
      () => emitBInPlace(b),
    );
    emitStart(a, c);
    emitTiles(mr, aTileRow, () => {
      f.block((done) => {
        f.get(packsB)
          .op("i32.eqz")
          .if(() => {
            emitPanel(panels.inPlace);
            f.br(done);
          });
        f.get(packsA);
        f.if(
          () => emitPanel(panels.packedAB),
          () => emitPanel(panels.packedB),
        );
      });
    });
    emitTiles(2, aRow, () => emitPanel(panels.twoRows));
    emitTiles(1, aRow, () => emitPanel(panels.oneRow));
  };

  /** For a C of one row: moves j0 on by several panels at a time, as often as there are as many. */
  const emitWideRow = (a: Local, b: Local, c: Local): void => {
    const width = widePanels * nr;
    const end = i32();
    f.push(to, width - 1)
      .op("i32.sub")
      .set(end);
    f.for(j0, from, end, width, () => {
      f.get(packsB);
      f.if(
        () => {
          f.i32(nr).set(columns);
          for (let place = 0; place < widePanels; place++) {
            emitPackB(b, place);
            f.increment(j0, nr);
          }
          f.increment(j0, -width);
        },
        () => emitBInPlace(b),
      );
      f.i32(width).set(columns);
      emitStart(a, c);
      f.i32(1).set(tiles);
      f.get(packsB);
      f.if(
        () => emitPanel(panels.widePacked),
        () => emitPanel(panels.wideInPlace),
      );
    });
  };

  return (a, b, c, pushAdds) => {
    f.i32(0).set(k0);
    // Runs once for K = 0 too, which makes C zero.
    f.loop((nextBlock) => {
      f.push(k, k0).op("i32.sub").set(kCount).minimum(kCount, kStep).set(kCount);
      pushAdds();
      f.get(k0).op("i32.or").set(adds);
      f.get(packsA);
      f.if(
        () => {
          f.i32(bytes).set(aRow);
          f.i32(mr * bytes).set(aNext);
          f.push(kCount, bytes).op("i32.mul").set(aTileRow);
        },
        () => f.get(aM.offset).tee(aRow).set(aTileRow).get(aK.offset).set(aNext),
      );
      f.get(packsA).if(() => emitPackA(a));
      f.get(from).set(j0);
      f.push(m, 1).op("i32.eq");
      f.if(() => emitWideRow(a, b, c));
      f.for(j0, j0, to, nr, () => emitColumns(a, b, c));
      f.push(k0, kStep).op("i32.add").tee(k0).get(k).op("i32.lt_s").brIf(nextBlock);
    });
  };
}
