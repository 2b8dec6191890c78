/** Special functions against values of mpmath 1.3 at 50 digits, and at the ends of their domains. */
import { describe, expect, test } from "vitest";
import { hostFunctionTable, hostFunctions } from "../../src/base/host-functions.ts";
import { digamma, erf, erfc, lgamma, polygamma, pow, remainder } from "../../src/base/special-functions.ts";

/** Arguments, then the value. */
const known: Readonly<Record<string, readonly (readonly number[])[]>> = {
  erf: [
    [1e-300, 1.1283791670955126e-300],
    [1e-10, 1.1283791670955126e-10],
    [0.1, 0.1124629160182849],
    [0.4999, 0.5204119951613866],
    [0.75, 0.7111556336535151],
    [0.9999999, 0.842700751438961],
    [1, 0.8427007929497149],
    [1.25, 0.9229001282564583],
    [2, 0.9953222650189527],
    [3.3, 0.9999969422902035],
    [5.5, 0.9999999999999927],
  ],
  erfc: [
    [-3, 1.9999779095030015],
    [-0.7, 1.6778011938374184],
    [0.25, 0.7236736098317631],
    [0.4999, 0.4795880048386134],
    [0.5, 0.4795001221869535],
    [0.9, 0.20309178757716786],
    [1, 0.15729920705028513],
    [2.5, 0.0004069520174449589],
    [5.99, 2.4300455127321346e-17],
    [6, 2.1519736712498913e-17],
    [7.3, 5.502573750691923e-25],
    [12, 1.3562611692059042e-64],
    [20.5, 8.450842369572458e-185],
    [26.2, 1.643250792438946e-300],
  ],
  lgamma: [
    [1e-300, 690.7755278982137],
    [1e-8, 18.42068073818021],
    [0.3, 1.0957979948180756],
    [0.499, 0.5743309231606863],
    [0.5, 0.5723649429247001],
    [0.999, 0.0005780385328913802],
    [1.0000001, -5.772155829918507e-8],
    [1.4, -0.1196129141723713],
    [1.999999, -4.227840125965854e-7],
    [2.3, 0.15418945495963046],
    [2.5, 0.2846828704729192],
    [3, 0.6931471805599453],
    [7.9, 8.32426586800881],
    [8, 8.525161361065415],
    [50.5, 146.51925549072064],
    [100000.0, 1051287.7089736569],
    [1e300, 6.897755278982137e302],
    [-0.25, 1.589575312551186],
    [-0.75, 1.5757045971498584],
    [-3.5, -1.309006684993042],
    [-50.3, -148.29858791330844],
  ],
  digamma: [
    [1e-100, -1e100],
    [1e-6, -1000000.5772140201],
    [0.3, -3.502524222200133],
    [0.5, -1.9635100260214235],
    [1, -0.5772156649015329],
    [1.3, -0.16919088886679962],
    [2, 0.42278433509846713],
    [2.5, 0.7031566406452432],
    [9.9, 2.2411803166063815],
    [10, 2.251752589066721],
    [100000.0, 11.512920464961896],
    [1e200, 460.51701859880916],
    [-0.25, 2.9141391202135276],
    [-2.7, -1.1153471291406896],
    [-40.1, 13.372621332038497],
  ],
  polygamma: [
    [1, 1e-5, 10000000001.644909],
    [1, 0.5, 4.934802200544679],
    [1, 1, 1.6449340668482264],
    [1, 25.5, 0.03999466964956292],
    [1, -0.3, 13.945160267805722],
    [1, -7.6, 10.788265451054698],
    [2, 0.7, -6.4349928741909235],
    [2, 12, -0.007547205368998912],
    [2, -1.4, 22.0160314366175],
    [3, 2.5, 0.22390584881725206],
    [3, -0.6, 282.49155533024333],
    [5, 1, 122.0811674381339],
    [10, 3.25, -8.988324312080879],
    [1, 1000000000.0, 1.0000000005e-9],
    [0, 0.7, -1.2200235536979347],
  ],
};
/** Relative error that each may have. */
const functions: readonly { name: string; f: (...x: number[]) => number; precision: number }[] = [
  { name: "erf", f: erf, precision: 5e-16 },
  { name: "erfc", f: erfc, precision: 1e-15 },
  { name: "lgamma", f: lgamma, precision: 1e-14 },
  { name: "digamma", f: digamma, precision: 1e-14 },
  { name: "polygamma", f: polygamma, precision: 2e-14 },
];

test.each(functions)("$name has the values of mpmath", ({ name, f, precision }) => {
  for (const row of known[name] as (readonly number[])[]) {
    const x = row.slice(0, -1);
    const exact = row[row.length - 1] as number;
    const error = Math.abs(f(...x) - exact) / Math.abs(exact);
    expect(error, `${name}(${x.join(", ")}) = ${f(...x)}, not ${exact}`).toBeLessThan(precision);
  }
});

describe("identities over the whole range", () => {
  test("erf is odd, and erf + erfc = 1", () => {
    for (let x = -30; x <= 30; x += 0.037) {
      expect(erf(-x)).toBe(-erf(x));
      expect(erf(x) + erfc(x)).toBeCloseTo(1, 15);
    }
  });

  test("lgamma and digamma step by log x and 1 / x", () => {
    for (let x = 0.013; x < 30; x += 0.037) {
      expect(lgamma(x + 1) - lgamma(x)).toBeCloseTo(Math.log(x), 12);
      expect(digamma(x + 1) - digamma(x)).toBeCloseTo(1 / x, 12);
      expect(polygamma(1, x) - polygamma(1, x + 1)).toBeCloseTo(x ** -2, 10);
    }
  });
});

test("ends and poles", () => {
  expect([erf(0), erf(-0), erf(Infinity), erf(-Infinity)]).toEqual([0, -0, 1, -1]);
  expect([erfc(Infinity), erfc(-Infinity), erfc(0)]).toEqual([0, 2, 1]);
  expect([lgamma(0), lgamma(-3), lgamma(Infinity), lgamma(-Infinity)]).toEqual([
    Infinity,
    Infinity,
    Infinity,
    Infinity,
  ]);
  expect([lgamma(1), lgamma(2)]).toEqual([0, 0]);
  expect([digamma(0), digamma(-0), digamma(Infinity)]).toEqual([-Infinity, Infinity, Infinity]);
  expect([digamma(-2), digamma(-Infinity), polygamma(-1, 2), polygamma(171, 2)]).toEqual([NaN, NaN, NaN, NaN]);
  expect([polygamma(1, 0), polygamma(1, -4), polygamma(1, Infinity)]).toEqual([Infinity, Infinity, 0]);
  expect([polygamma(2, 0), polygamma(2, -4), polygamma(2, Infinity)]).toEqual([-Infinity, -Infinity, 0]);
  for (const f of [erf, erfc, lgamma, digamma]) expect(f(NaN)).toBeNaN();
  expect([pow(1, NaN), pow(-1, Infinity), pow(-1, -Infinity), pow(0, 0)]).toEqual([1, 1, 1, 1]);
  expect([pow(NaN, 0), pow(-8, 1 / 3), pow(-2, 3)]).toEqual([1, NaN, -8]);
  expect([remainder(-7, 3), remainder(7, -3), remainder(-6, 3), remainder(5.5, 2)]).toEqual([2, -2, -0, 1.5]);
  expect([remainder(-1, Infinity), remainder(1, 0)]).toEqual([Infinity, NaN]);
});

test("the host table has a function for each name", () => {
  expect(Object.keys(hostFunctionTable)).toEqual([...hostFunctions]);
  expect(hostFunctionTable.fmod(-7, 3)).toBe(-1);
  expect(hostFunctionTable.atan2(1, -1)).toBe((3 * Math.PI) / 4);
});
