/**
 * A step length along a direction that makes the function fall enough and its slope flat enough (the strong conditions of
 * Wolfe 1969), by bracketing and then narrowing with cubics. Nocedal and Wright (2006), algorithms 3.5 and 3.6, with the
 * safeguards of PyTorch, so that the points tried are the same. Floor: optim.
 */

/** The function at a step length. */
export interface Trial {
  readonly t: number;
  readonly loss: number;
  readonly gradient: Float64Array;
  /** The derivative along the direction. */
  readonly slope: number;
}

export interface LineSearchOptions {
  /** The first length tried. */
  readonly t: number;
  /** Largest element of the direction: a bracket that moves no parameter more than `least` is left. */
  readonly reach: number;
  readonly least: number;
  /** Rounds to the precision of the loss: a fall that is smaller cannot be asked for. */
  readonly round: (loss: number) => number;
}

/** Share of the first slope by which the function must fall. */
const fall = 1e-4;
/** Share of the first slope that may be left. */
const flatness = 0.9;
const mostTrials = 25;

/** Gives the best point found and how many were tried. `from` is the point at length 0. */
export async function strongWolfe(
  from: Trial,
  options: LineSearchOptions,
  at: (t: number) => Promise<Trial>,
): Promise<{ best: Trial; trials: number }> {
  const isTooHigh = (trial: Trial): boolean => trial.loss > options.round(from.loss + fall * trial.t * from.slope);
  const isFlat = (trial: Trial): boolean => Math.abs(trial.slope) <= -flatness * from.slope;

  // Further and further, until a minimum must lie between the last two points.
  let previous = from;
  let current = await at(options.t);
  let trials = 1;
  let rounds = 0;
  for (; rounds < mostTrials; rounds++) {
    if (isTooHigh(current) || (rounds > 1 && current.loss >= previous.loss)) break;
    if (isFlat(current)) return { best: current, trials };
    if (current.slope >= 0) break;
    const t = lowestOfCubic(previous, current, current.t + 0.01 * (current.t - previous.t), current.t * 10);
    previous = current;
    current = await at(t);
    trials++;
  }
  let [low, high] = ordered(rounds === mostTrials ? from : previous, current);

  let wasNarrow = false;
  for (; rounds < mostTrials; rounds++) {
    if (Math.abs(high.t - low.t) * options.reach < options.least) break;
    const [left, right] = low.t < high.t ? [low.t, high.t] : [high.t, low.t];
    let t = lowestOfCubic(low, high, left, right);
    // A point close to an end narrows little: twice in a row is once too often.
    const margin = 0.1 * (right - left);
    if (Math.min(right - t, t - left) < margin) {
      if (wasNarrow || t >= right || t <= left) {
        t = Math.abs(t - right) < Math.abs(t - left) ? right - margin : left + margin;
        wasNarrow = false;
      } else wasNarrow = true;
    } else wasNarrow = false;

    const next = await at(t);
    trials++;
    if (isTooHigh(next) || next.loss >= low.loss) {
      [low, high] = ordered(low, next);
      continue;
    }
    if (isFlat(next)) return { best: next, trials };
    if (next.slope * (high.t - low.t) >= 0) high = low;
    low = next;
  }
  return { best: low, trials };
}

/** The lower of two points first. */
function ordered(a: Trial, b: Trial): [low: Trial, high: Trial] {
  return a.loss <= b.loss ? [a, b] : [b, a];
}

/** Where the cubic through two points and their slopes is lowest, within bounds; their middle where it has no minimum. */
function lowestOfCubic(a: Trial, b: Trial, least: number, most: number): number {
  const [left, right] = a.t <= b.t ? [a, b] : [b, a];
  const bend = left.slope + right.slope - (3 * (left.loss - right.loss)) / (left.t - right.t);
  const square = bend * bend - left.slope * right.slope;
  if (!(square >= 0)) return (least + most) / 2;
  const root = Math.sqrt(square);
  const back = (right.slope + root - bend) / (right.slope - left.slope + 2 * root);
  return Math.min(Math.max(right.t - (right.t - left.t) * back, least), most);
}
