/** The innermost part of the contraction kernel: one panel of columns of C, tile by tile. Floor: codegen. */

import type { LaneSpelling } from "./lanes.ts";
import { Fn, type Local } from "../function.ts";

export interface PanelOptions {
  readonly spelling: LaneSpelling;
  readonly fma: boolean;
  /** Rows of a tile. */
  readonly height: number;
  /** Where the vectors of one row of B lie, in bytes from its first. */
  readonly bVectors: readonly number[];
  /** Bytes from a row of B to the next, or null for the argument bK. */
  readonly bStep: number | null;
  /** A lies in panels [k][height] one behind the other; otherwise element (i, k) is at a + i * aM + k * aK. */
  readonly packedA: boolean;
}

/**
 * Parameters, all i32: k, a, aM, aK, b, bK, c, cM, tiles, columns, adds, scratch.
 *
 * C[i, j] (+)= sum_k A[i, k] * B[k, j] for height * tiles rows and the first `columns` columns of the panel. Each element
 * is summed in the order of k from zero, then added to C if `adds` is not zero. `tiles` is at least 1. `scratch` has
 * room for a tile, for the columns that do not fill the panel.
 */
export function panelFunction(options: PanelOptions, storeEdge: Fn): Fn {
  const { spelling, fma, height, bVectors, bStep, packedA } = options;
  const { bytes } = spelling;
  const f = new Fn(["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const [k, a, aM, aK, b, bK, c, cM, tiles, columns, adds, scratch] = f.params;
  const sums = Array.from({ length: height }, () => f.localArray("v128", bVectors.length));
  const bRow = f.local("i32");
  const bValues = f.localArray("v128", bVectors.length);
  const aRows = packedA ? [] : f.localArray("i32", height);
  const aValue = f.local("v128");
  const left = f.local("i32");
  const rowBytes = 16 * bVectors.length;

  const multiplyAdd = (sum: Local, bValue: Local): void => {
    // The sum is the last operand of madd: it is the register that the machine's instruction overwrites.
    if (fma && spelling.multiplyAdd !== null) f.push(aValue, bValue, sum).op(spelling.multiplyAdd);
    else f.push(sum, aValue, bValue).op(spelling.multiply, spelling.add);
    f.set(sum);
  };
  /** One k. It is not unrolled: older engines would load all values first and run out of registers. */
  const step = (): void => {
    for (const [j, value] of bValues.entries()) f.get(bRow).load("v128.load", bVectors[j], 2).set(value);
    for (const [i, row] of sums.entries()) {
      if (packedA) f.get(a).load(spelling.splat, bytes * i);
      else f.get(aRows[i] as Local).load(spelling.splat);
      f.set(aValue);
      for (const [j, sum] of row.entries()) multiplyAdd(sum, bValues[j] as Local);
    }
    f.increment(bRow, bStep ?? bK);
    if (packedA) f.increment(a, height * bytes);
    for (const row of aRows) f.increment(row, aK);
  };
  const storeRows = (added: boolean): void => {
    for (const row of sums) {
      for (const [j, sum] of row.entries()) {
        f.get(c);
        if (added)
          f.get(c)
            .load("v128.load", 16 * j, 2)
            .get(sum)
            .op(spelling.add);
        else f.get(sum);
        f.store("v128.store", 16 * j, 2);
      }
      f.increment(c, cM);
    }
  };
  const storeColumns = (): void => {
    for (const [i, row] of sums.entries()) {
      for (const [j, sum] of row.entries()) f.push(scratch, sum).store("v128.store", i * rowBytes + 16 * j);
    }
    f.push(scratch, rowBytes, c, cM, height, columns, adds).call(storeEdge);
    f.address(c, cM, height).set(c);
  };

  f.loop((nextTile) => {
    for (const sum of sums.flat()) f.i32x4(0).set(sum);
    f.get(b).set(bRow);
    for (const row of aRows) {
      f.get(a).set(row);
      f.increment(a, aM);
    }
    f.get(k).if(() => {
      f.get(k).set(left);
      f.loop((nextK) => {
        step();
        f.push(left, 1).op("i32.sub").tee(left).brIf(nextK);
      });
    });
    f.push(columns, rowBytes / bytes).op("i32.eq");
    f.if(
      () => {
        f.get(adds);
        f.if(
          () => storeRows(true),
          () => storeRows(false),
        );
      },
      () => storeColumns(),
    );
    f.push(tiles, 1).op("i32.sub").tee(tiles).brIf(nextTile);
  });
  return f;
}

/**
 * Parameters, all i32: source, its row stride, c, its row stride, rows, columns, adds.
 * Copies or adds a block to C, element by element.
 */
export function storeEdgeFunction(spelling: LaneSpelling): Fn {
  const f = new Fn(["i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const [source, sourceStride, c, cM, rows, columns, adds] = f.params;
  const i = f.local("i32");
  const j = f.local("i32");
  const rowEnd = f.local("i32");
  const target = f.local("i32");
  const value = f.local(spelling.scalar);
  f.push(columns, spelling.bytes).op("i32.mul").set(rowEnd);
  f.for(i, 0, rows, 1, () => {
    f.for(j, 0, rowEnd, spelling.bytes, () => {
      f.push(c, j).op("i32.add").set(target);
      f.push(source, j).op("i32.add").load(spelling.loadScalar).set(value);
      f.get(adds).if(() => f.get(target).load(spelling.loadScalar).get(value).op(spelling.addScalar).set(value));
      f.push(target, value).store(spelling.storeScalar);
    });
    f.increment(source, sourceStride).increment(c, cM);
  });
  return f;
}
