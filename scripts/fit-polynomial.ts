/**
 * Fits the polynomials of src/ops/polynomial.ts and prints their coefficients: minimax under a weight, by the exchange
 * algorithm of Remez. Run it by `npx tsx scripts/fit-polynomial.ts`; it writes no file.
 */

/** Solves a · x = b by elimination with row pivots. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i] as number]);
  const n = b.length;
  for (let column = 0; column < n; column++) {
    const rest = rows.slice(column).sort((u, v) => Math.abs(v[column] as number) - Math.abs(u[column] as number));
    const [pivot, ...others] = rest as [number[], ...number[][]];
    const reduced = others.map((row) => {
      const factor = (row[column] as number) / (pivot[column] as number);
      return row.map((value, k) => value - factor * (pivot[k] as number));
    });
    rows.splice(column, n - column, pivot, ...reduced);
  }
  const x = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    const row = rows[i] as number[];
    const known = x.reduce((sum, value, k) => (k > i ? sum + value * (row[k] as number) : sum), 0);
    x[i] = ((row[n] as number) - known) / (row[i] as number);
  }
  return x;
}

interface Fit {
  readonly f: (x: number) => number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly weight: (x: number) => number;
}

/** The polynomial of `count` coefficients whose largest |weight · (p − f)| on [from, to] is smallest. */
function fit({ f, from, to, count, weight }: Fit): { coefficients: number[]; worst: number } {
  const nodeCount = count + 1;
  let nodes = Array.from(
    { length: nodeCount },
    (_, i) => (from + to) / 2 - ((to - from) / 2) * Math.cos((Math.PI * i) / (nodeCount - 1)),
  );
  let coefficients: number[] = [];
  let worst = 0;
  for (let round = 0; round < 30; round++) {
    const rows = nodes.map((x, i) => [...Array.from({ length: count }, (_, k) => x ** k), (-1) ** i / weight(x)]);
    coefficients = solve(rows, nodes.map(f)).slice(0, count);
    const error = (x: number): number => weight(x) * (coefficients.reduceRight((sum, c) => sum * x + c, 0) - f(x));
    // One extreme from each run of errors of one sign; of too many runs, the ends with the smaller error go.
    const extremes: { x: number; e: number }[] = [];
    const steps = 4000;
    for (let i = 0; i <= steps; i++) {
      const x = from + ((to - from) * i) / steps;
      const e = error(x);
      const last = extremes[extremes.length - 1];
      if (last === undefined || last.e * e < 0) extremes.push({ x, e });
      else if (Math.abs(e) > Math.abs(last.e)) Object.assign(last, { x, e });
    }
    worst = Math.max(...extremes.map(({ e }) => Math.abs(e)));
    const size = (extreme: { e: number } | undefined): number => Math.abs(extreme?.e ?? 0);
    while (extremes.length > nodeCount) {
      if (size(extremes[0]) < size(extremes[extremes.length - 1])) extremes.shift();
      else extremes.pop();
    }
    if (extremes.length < nodeCount) break;
    nodes = extremes.map(({ x }) => x);
  }
  return { coefficients, worst };
}

/** Σ of a series whose term n is `term(n)`, to the last bit. */
function series(term: (n: number) => number): number {
  let sum = 0;
  for (let n = 40; n >= 0; n--) sum += term(n);
  return sum;
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

const turn = 2 * Math.PI;
const erfSeries = (x: number): number =>
  (2 / Math.sqrt(Math.PI)) * series((n) => ((-1) ** n * x ** (2 * n)) / (factorial(n) * (2 * n + 1)));

/** log erfc(x), by the series of erf below 1, then by the continued fraction of erfc. */
function logErfc(x: number): number {
  if (x < 1) return Math.log1p(-x * erfSeries(x));
  let tail = 0;
  for (let n = 400; n > 0; n--) tail = n / 2 / (x + tail);
  return -x * x - Math.log(Math.sqrt(Math.PI) * (x + tail));
}

const fits: Readonly<Record<string, Fit>> = {
  "exp: (exp(r) - 1 - r) / r^2": {
    f: (r) => series((n) => r ** n / factorial(n + 2)),
    from: -0.3475,
    to: 0.3475,
    count: 5,
    weight: (r) => r * r + 1e-3,
  },
  "log: (2 atanh(s) - 2 s) / s^3 in s^2": {
    f: (z) => series((n) => (2 * z ** n) / (2 * n + 3)),
    from: 0,
    to: 0.0295,
    count: 3,
    weight: (z) => z + 1e-4,
  },
  "erf: log2(erfc(x)) / x": {
    f: (x) => (x === 0 ? -2 / Math.sqrt(Math.PI) : logErfc(x) / x) * Math.LOG2E,
    from: 0,
    to: 3.95,
    count: 9,
    weight: (x) => (x === 0 ? 1 : (x * Math.exp(logErfc(x))) / -Math.expm1(logErfc(x))),
  },
  "sin: sin(2 pi t) / t in t^2, |t| <= 1/4": {
    f: (z) => series((n) => ((-1) ** n * turn ** (2 * n + 1) * z ** n) / factorial(2 * n + 1)),
    from: 0,
    to: 1 / 16,
    count: 6,
    weight: () => 1 / turn,
  },
  "tan: sin(2 pi t) / t in t^2, |t| <= 1/8": {
    f: (z) => series((n) => ((-1) ** n * turn ** (2 * n + 1) * z ** n) / factorial(2 * n + 1)),
    from: 0,
    to: 1 / 64,
    count: 5,
    weight: () => 1 / turn,
  },
  "tan: cos(2 pi t) in t^2": {
    f: (z) => series((n) => ((-1) ** n * turn ** (2 * n) * z ** n) / factorial(2 * n)),
    from: 0,
    to: 1 / 64,
    count: 5,
    weight: () => 1,
  },
};

for (const [name, settings] of Object.entries(fits)) {
  const { coefficients, worst } = fit(settings);
  console.log(`${name}: 2^${Math.log2(worst).toFixed(1)}`);
  const digits = name.startsWith("sin") || name.startsWith("tan") ? 17 : 9;
  console.log(`  [${coefficients.map((c) => Number(c.toPrecision(digits))).join(", ")}]`);
}
