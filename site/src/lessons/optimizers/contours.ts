/** Lines of equal height on a grid. */

type Point = readonly [column: number, row: number];

/** The pieces of the line at a height, each between two places on edges of a cell; columns and rows count from 0. */
export function contour(values: readonly number[], size: number, height: number): (readonly [Point, Point])[] {
  const pieces: (readonly [Point, Point])[] = [];
  const below = values.map((value) => value < height);
  for (let row = 0; row + 1 < size; row++) {
    for (let column = 0; column + 1 < size; column++) {
      const at = row * size + column;
      // Most cells have all corners on one side.
      if (below[at] === below[at + 1] && below[at] === below[at + size] && below[at] === below[at + size + 1]) continue;
      const crossed = crossings(values, size, height, column, row);
      for (let i = 0; i + 1 < crossed.length; i += 2) pieces.push([crossed[i] as Point, crossed[i + 1] as Point]);
    }
  }
  return pieces;
}

/** Where the edges of a cell are crossed, in order around it. */
function crossings(values: readonly number[], size: number, height: number, column: number, row: number): Point[] {
  const corners: readonly Point[] = [
    [column, row],
    [column + 1, row],
    [column + 1, row + 1],
    [column, row + 1],
  ];
  const above = corners.map(([x, y]) => (values[y * size + x] as number) - height);
  return corners.flatMap((from, i): Point[] => {
    const to = corners[(i + 1) % 4] as Point;
    const [a, b] = [above[i] as number, above[(i + 1) % 4] as number];
    if (a < 0 === b < 0) return [];
    const share = a / (a - b);
    return [[from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]];
  });
}

/** Heights from the lowest to the highest, each the same number of times the last. */
export function heightsOf(lowest: number, highest: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => lowest * (highest / lowest) ** (i / count));
}
