/**
 * Packing for the contraction kernel: gathers strided or scattered elements into a panel [k][width], so that the
 * innermost loop reads memory in order. Floor: codegen.
 */

import type { LaneSpelling } from "./lanes.ts";
import { Fn, type Local } from "../function.ts";

/** An offset is a byte stride times the index, or an entry of a table of i32 byte offsets. */
export type OffsetMode = "linear" | "table";

export interface PackOptions {
  readonly spelling: LaneSpelling;
  readonly width: number;
  /** How the offset of k and that of the index across the panel are given. */
  readonly along: OffsetMode;
  readonly across: OffsetMode;
}

/** Rows that the loop over contiguous rows copies per turn. */
const unrolledRows = 4;

/**
 * Parameters, all i32: target, source, along, across, k, count.
 *
 * target[i][j] = source[along(i) + across(j)] for i < k and j < count. Columns from `count` up to `width` repeat the
 * last one: they end in lanes of C that are never stored. `along` and `across` are a stride, or the address of the
 * first entry of a table.
 *
 * Rows that are contiguous in the source are copied here; else each vector of columns is packed by itself, so that the
 * addresses of its columns stay in registers.
 */
export function packFunction(options: PackOptions): Fn {
  const { spelling, width, across } = options;
  const { bytes, lanes } = spelling;
  const f = new Fn(["i32", "i32", "i32", "i32", "i32", "i32"]);
  const [target, source, alongOffset, acrossOffset, kCount, count] = f.params;
  // The last group overlaps the one before where the vectors do not divide the width.
  const groups = Array.from({ length: Math.ceil(width / lanes) }, (_, i) => Math.min(i * lanes, width - lanes));

  f.push(count, width).op("i32.ge_s");
  if (across === "linear") f.push(acrossOffset, bytes).op("i32.eq", "i32.and");
  else {
    f.if(
      () => pushTableIsContiguous(f, acrossOffset, width, bytes),
      () => f.i32(0),
      "i32",
    );
  }
  f.if(
    () => {
      if (across === "table") f.get(source).get(acrossOffset).load("i32.load").op("i32.add").set(source);
      emitCopyRows(f, options, groups, [target, source, alongOffset, kCount]);
    },
    () => {
      const packGroup = packGroupFunction(options);
      for (const first of groups) {
        f.push(target, first * bytes).op("i32.add");
        if (across === "linear") f.address(source, acrossOffset, first).push(alongOffset, acrossOffset);
        else f.push(source, alongOffset, acrossOffset, 4 * first).op("i32.add");
        f.push(kCount, count, first + 1)
          .op("i32.sub")
          .call(packGroup);
      }
    },
  );
  return f;
}

/** Pushes whether `count` offsets at `table` rise by the size of an element. */
function pushTableIsContiguous(f: Fn, table: Local, count: number, bytes: number): void {
  if (count % 4 === 0) {
    for (let i = 0; i < count; i += 4) {
      f.get(table)
        .load("v128.load", 4 * i, 2)
        .get(table)
        .load("v128.load32_splat")
        .op("i32x4.sub");
      f.i32x4(i * bytes, (i + 1) * bytes, (i + 2) * bytes, (i + 3) * bytes).op("i32x4.eq");
      if (i > 0) f.op("v128.and");
    }
    f.op("i32x4.all_true");
    return;
  }
  f.i32(1);
  for (let i = 1; i < count; i++) {
    f.get(table)
      .load("i32.load", 4 * i)
      .get(table)
      .load("i32.load")
      .op("i32.sub")
      .i32(i * bytes);
    f.op("i32.eq", "i32.and");
  }
}

/** Copies `kCount` rows of contiguous elements. */
function emitCopyRows(
  f: Fn,
  { spelling, width, along }: PackOptions,
  groups: readonly number[],
  [target, source, alongOffset, kCount]: readonly [Local, Local, Local, Local],
): void {
  const rowBytes = width * spelling.bytes;
  const row = f.local("i32");
  const left = f.local("i32");
  const copy = (ahead: number): void => {
    if (along === "table")
      f.get(source)
        .get(alongOffset)
        .load("i32.load", 4 * ahead)
        .op("i32.add")
        .set(row);
    for (const first of groups) {
      const at = first * spelling.bytes;
      f.get(target).get(along === "table" ? row : source);
      f.load("v128.load", at, 2).store("v128.store", ahead * rowBytes + at, 2);
    }
    if (along === "linear") f.increment(source, alongOffset);
  };
  const copyWhile = (rows: number): void => {
    f.block((done) => {
      f.loop((next) => {
        f.push(left, rows).op("i32.lt_s").brIf(done);
        for (let i = 0; i < rows; i++) copy(i);
        if (along === "table") f.increment(alongOffset, 4 * rows);
        f.increment(target, rows * rowBytes).increment(left, -rows);
        f.br(next);
      });
    });
  };
  f.get(kCount).set(left);
  copyWhile(unrolledRows);
  copyWhile(1);
}

/**
 * Packs the columns of one vector. Parameters as for packFunction, but for the last: the index of the last column that
 * exists, which is negative when the group lies behind it. Elements move as a vector where they are contiguous along k.
 */
function packGroupFunction({ spelling, width, along, across }: PackOptions): Fn {
  const { bytes, lanes } = spelling;
  const f = new Fn(["i32", "i32", "i32", "i32", "i32", "i32"]);
  const [target, source, alongOffset, acrossOffset, left, last] = f.params;
  const rowBytes = width * bytes;
  // Address of each column at k offset 0, and the offset of the current k.
  const columns = f.localArray("i32", lanes);
  const offset = f.local("i32");
  const vectors = f.localArray("v128", lanes);

  for (const [j, column] of columns.entries()) {
    f.minimum(j, last).set(column);
    if (across === "linear") f.address(source, column, acrossOffset);
    else f.get(source).address(acrossOffset, column, 4).load("i32.load").op("i32.add");
    f.set(column);
  }
  const pushAddress = (column: Local): Fn => {
    f.get(column);
    return along === "table" ? f.get(offset).op("i32.add") : f;
  };
  const copyTransposed = (): void => {
    if (along === "table") f.get(alongOffset).load("i32.load").set(offset);
    for (const [j, vector] of vectors.entries()) {
      pushAddress(columns[j] as Local)
        .load("v128.load", 0, 2)
        .set(vector);
    }
    transpose(f, vectors);
    for (const [i, vector] of vectors.entries()) f.push(target, vector).store("v128.store", i * rowBytes, 2);
  };
  const copyElements = (row: number): void => {
    const vector = vectors[0] as Local;
    if (along === "table")
      f.get(alongOffset)
        .load("i32.load", 4 * row)
        .set(offset);
    for (const [j, column] of columns.entries()) {
      pushAddress(column);
      if (j === 0) f.load(spelling.loadZero).set(vector);
      else f.get(vector).memoryLane(spelling.loadLane, j).set(vector);
    }
    f.push(target, vector).store("v128.store", row * rowBytes, 2);
  };
  /** Runs `body`, which fills `rows` rows, as often as there are as many left. */
  const whileLeft = (rows: number, body: () => void): void => {
    f.push(left, rows)
      .op("i32.ge_s")
      .if(() => {
        f.loop((next) => {
          body();
          f.increment(target, rowBytes * rows);
          if (along === "table") f.increment(alongOffset, 4 * rows);
          f.push(left, rows).op("i32.sub").tee(left).i32(rows).op("i32.ge_s").brIf(next);
        });
      });
  };

  if (along === "linear") {
    f.push(alongOffset, bytes)
      .op("i32.eq")
      .if(() => {
        whileLeft(lanes, () => {
          copyTransposed();
          for (const column of columns) f.increment(column, bytes * lanes);
        });
      });
    whileLeft(1, () => {
      copyElements(0);
      for (const column of columns) f.increment(column, alongOffset);
    });
  } else {
    whileLeft(lanes, () => {
      pushTableIsContiguous(f, alongOffset, lanes, bytes);
      f.if(
        () => copyTransposed(),
        () => {
          for (let row = 0; row < lanes; row++) copyElements(row);
        },
      );
    });
    whileLeft(1, () => copyElements(0));
  }
  return f;
}

/** Replaces the rows of a 4 x 4 (or 2 x 2) block by its columns. */
function transpose(f: Fn, rows: readonly Local[]): void {
  const [r0, r1, r2, r3] = rows as readonly [Local, Local, Local?, Local?];
  const low = f.local("v128");
  const high = f.local("v128");
  if (r2 === undefined || r3 === undefined) {
    f.push(r0, r1).shuffleLanes(0, 2).set(low);
    f.push(r0, r1).shuffleLanes(1, 3).set(r1);
    f.get(low).set(r0);
    return;
  }
  f.push(r0, r1).shuffleLanes(0, 4, 1, 5).set(low);
  f.push(r0, r1).shuffleLanes(2, 6, 3, 7).set(high);
  f.push(r2, r3).shuffleLanes(0, 4, 1, 5).set(r0);
  f.push(r2, r3).shuffleLanes(2, 6, 3, 7).set(r2);
  f.push(low, r0).shuffleLanes(2, 3, 6, 7).set(r1);
  f.push(low, r0).shuffleLanes(0, 1, 4, 5).set(r0);
  f.push(high, r2).shuffleLanes(2, 3, 6, 7).set(r3);
  f.push(high, r2).shuffleLanes(0, 1, 4, 5).set(r2);
}
