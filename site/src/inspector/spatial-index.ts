/** Which rectangles a rectangle touches: a grid of cells, and a list of those that cover many of them. */

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const mostCells = 64;

export class SpatialIndex {
  readonly #cell: number;
  readonly #cells = new Map<number, number[]>();
  readonly #large: number[] = [];
  readonly #rectangles: Rectangle[] = [];
  /** When a rectangle was found last: one that lies in several cells is found once. */
  readonly #seen: number[] = [];
  #query = 0;

  constructor(cell = 256) {
    this.#cell = cell;
  }

  /** @returns its number: how many were added before. */
  add(rectangle: Rectangle): number {
    const number = this.#rectangles.push(rectangle) - 1;
    this.#seen.push(0);
    const range = this.#range(rectangle);
    if ((range.right - range.left + 1) * (range.bottom - range.top + 1) > mostCells) {
      this.#large.push(number);
      return number;
    }
    for (const key of keys(range)) {
      const list = this.#cells.get(key);
      if (list === undefined) this.#cells.set(key, [number]);
      else list.push(number);
    }
    return number;
  }

  /** Numbers of the rectangles that touch this one, in no order. */
  find(area: Rectangle): number[] {
    const query = ++this.#query;
    const found: number[] = [];
    const look = (list: Iterable<number>): void => {
      for (const number of list) {
        if (this.#seen[number] === query) continue;
        this.#seen[number] = query;
        if (touches(area, this.#rectangles[number] as Rectangle)) found.push(number);
      }
    };
    const range = this.#range(area);
    const count = (range.right - range.left + 1) * (range.bottom - range.top + 1);
    // An area of many cells: to go through all that there are is quicker.
    if (4 * count > this.#rectangles.length) look(this.#rectangles.keys());
    else {
      look(this.#large);
      for (const key of keys(range)) look(this.#cells.get(key) ?? []);
    }
    return found;
  }

  #range({ x, y, width, height }: Rectangle): Range {
    const at = (place: number): number => Math.floor(place / this.#cell);
    return { left: at(x), right: at(x + width), top: at(y), bottom: at(y + height) };
  }
}

interface Range {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Distinct for cells up to 2²⁰ apart. */
function* keys({ left, right, top, bottom }: Range): Generator<number> {
  for (let row = top; row <= bottom; row++)
    for (let column = left; column <= right; column++) yield row * 2 ** 21 + column;
}

export function touches(a: Rectangle, b: Rectangle): boolean {
  return a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height;
}
