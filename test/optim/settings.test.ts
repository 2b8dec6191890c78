/** What settings may be: those of the library's optimisers by name, those of one's own by type. */
import { describe, expect, test } from "vitest";
import { Parameter } from "../../src/nn/index.ts";
import {
  ASGD,
  Adadelta,
  Adagrad,
  Adam,
  AdamW,
  Adamax,
  LBFGS,
  Lion,
  NAdam,
  Optimizer,
  RAdam,
  RMSprop,
  Rprop,
  SGD,
  type Tensors,
} from "../../src/optim/index.ts";
import { zeros } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const p = new Parameter(zeros(2));

interface OwnOptions {
  lr: number;
  betas: readonly number[];
  rho: number;
  clip: number | null;
  maxIter: number;
  power: ((x: number) => number) | null;
}

class Own extends Optimizer<OwnOptions> {
  constructor(parameters: Iterable<Parameter>, options: Partial<OwnOptions> = {}) {
    const betas = [0.98, 0.92, 0.99];
    super(parameters, options, { lr: 0.1, betas, rho: 2, clip: null, maxIter: 0.5, power: Math.sqrt });
  }

  protected override update(_group: object, n: Tensors<{ lr: number }>, x: Tensor, g: Tensor): Tensor {
    return x.sub(g.mul(n.lr));
  }
}

describe("of a class of one's own", () => {
  test("the library's names mean what the class means by them", () => {
    const { defaults } = new Own([p], { rho: -3, betas: [2] });
    expect(defaults).toMatchObject({ lr: 0.1, betas: [2], rho: -3, maxIter: 0.5 });
  });

  test("null goes with anything", () => {
    const optimizer = new Own([p], { clip: 1, power: null });
    expect(optimizer.paramGroups[0]).toMatchObject({ clip: 1, power: null });
    optimizer.addParamGroup({ params: [new Parameter(zeros(1))], clip: null });
    const other = new Own([p, new Parameter(zeros(1))]);
    expect(() => other.loadStateDict(optimizer.stateDict())).toThrow(/the groups differ/);
    const same = new Own([{ params: [p] }, { params: [new Parameter(zeros(1))] }] as never);
    same.loadStateDict(optimizer.stateDict());
    expect(same.paramGroups.map(({ clip, power }) => [clip, power])).toEqual([
      [1, null],
      [null, null],
    ]);
  });

  test("types are compared", () => {
    const wrong = (options: object) => (): Own => new Own([p], options);
    expect(wrong({ lr: "0.1" })).toThrow(/^Own: lr must be a number: got "0.1"/);
    expect(wrong({ betas: 0.9 })).toThrow(/^Own: betas must be like an array of length 3: got 0.9/);
    expect(wrong({ power: 2 })).toThrow(/^Own: power must be like .*: got 2/);
    expect(() => new Own([p]).addParamGroup({ params: [new Parameter(zeros(1))], rho: true as never })).toThrow(
      /^Own: rho must be a number: got true/,
    );
  });
});

describe("of the library's classes", () => {
  const all = { ASGD, Adadelta, Adagrad, Adam, AdamW, Adamax, LBFGS, Lion, NAdam, RAdam, RMSprop, Rprop, SGD };
  test.each(Object.entries(all))("%s: a rate below 0, and none", (name, Class) => {
    for (const lr of [-1, Number.NaN, null as unknown as number]) {
      expect(() => new Class([p], { lr })).toThrow(new RegExp(`^${name}: lr must be a number`));
    }
  });

  test("others, also of a class that extends one", () => {
    class Bounded extends Adam {}
    expect(() => new Bounded([p], { betas: [0.9, 1] })).toThrow(
      /^Bounded: betas must be two numbers from 0 to below 1/,
    );
    expect(() => new Adadelta([p], { rho: 2 })).toThrow(/^Adadelta: rho must be a number from 0 to 1/);
    expect(() => new SGD([p], { nesterov: true })).toThrow(/^SGD: nesterov needs a momentum/);
    expect(() => new LBFGS([p], { maxIter: 0.5 })).toThrow(/^LBFGS: maxIter must be a whole number from 1/);
    const sgd = new SGD([p]);
    const { state, paramGroups } = sgd.stateDict();
    const wrong = { state, paramGroups: paramGroups.map((group) => ({ ...group, momentum: -1 })) };
    expect(() => sgd.loadStateDict(wrong)).toThrow(/^SGD\.loadStateDict: momentum must be a number from 0: got -1/);
  });
});
